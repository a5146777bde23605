"""Whether inferences of real agents slow each other down: two agents that share a CPU do, two null devices do not."""

import os

import pytest

from tests.attempts import undisturbed
from tests.process.driver import Run

pytestmark = pytest.mark.long

LOAD = ("--agents", "2", "-api", "sync", "--rate", "80", "-t", "8", "--warmup", "0.5")


@undisturbed("what others take of the CPU makes services longer, whoever is under way")
def test_two_agents_on_a_cpu_are_found_to_slow_each_other_down(run: Run) -> None:
    """Alone an inference has the CPU for itself; while both are under way each has half of it."""
    model = ("-m", "builtin:squeezenet1.1", "--cpus", str(max(os.sched_getaffinity(0))))
    report = run(*model, *LOAD).report
    (finding,) = [one for one in report["validity"]["findings"] if one["code"] == "hidden_contention"]
    assert "slow each other down" in finding["message"]
    slowdown = report["queueing"]["slowdown"]
    assert slowdown["certain"]
    assert slowdown["wait_ms"] < report["queueing"]["ideal_wait_ms"]
    alone = run(*model, "--agents", "1", "-api", "sync", "-t", "2").report
    assert slowdown["alone_ms"] == pytest.approx(alone["latency_ms"]["mean"], rel=0.5)


def test_two_null_devices_are_not(run: Run) -> None:
    report = run("--backend", "null:12000", *LOAD).report
    assert all(one["code"] != "hidden_contention" for one in report["validity"]["findings"])
    queueing = report["queueing"]
    assert queueing["servers"] == 2
    assert queueing["wait_ms"] >= queueing["ideal_wait_ms"]
    assert queueing["load"] == pytest.approx(80 * queueing["service_ms"] / 2000, rel=0.2)
