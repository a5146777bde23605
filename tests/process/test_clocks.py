"""A run over hosts whose clocks are far apart: supervisors and agents in time namespaces of their own."""

import os
from typing import Any, Final

import numpy as np
import pytest

from tests.process.byhand import clocks_can_be_planted, convoy

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not clocks_can_be_planted(), reason="planting a clock takes root, unshare(1) and a kernel with time namespaces"
    ),
]

AHEAD_S: Final = {"a": -10, "b": 10, "c": 20 * 365 * 86_400}
"""The last was started twenty years before the coordinator's host."""

SERVICE_NS: Final = 2_000_000


@pytest.fixture(scope="module", params=["closed loop", "rate"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("clocks")
    load = ("-t", "1.5") if request.param == "closed loop" else ("-t", "1.5", "--rate", "300", "--arrival-seed", "3")
    null = ("--backend", f"null:{SERVICE_NS // 1000}", "-api", "sync", "--agents", "1", "--warmup", "0.2")
    found = convoy(folder, *null, *load, "--save-samples", hosts=",".join(AHEAD_S), together=False)
    cpus = sorted(os.sched_getaffinity(0))
    for index, (name, ahead_s) in enumerate(AHEAD_S.items()):
        found.join(name, cpu=cpus[index % len(cpus)], ahead_s=ahead_s)
    done = found.finish()
    assert done.code in (0, 4), done.err
    with np.load(done.folder / "samples.npz") as arrays:
        return done.report, dict(arrays)


def test_the_true_offset_of_each_host_is_within_the_bound_that_is_reported(ran: tuple[Any, dict[str, Any]]) -> None:
    report, _ = ran
    for host in report["hosts"]:
        clock = host["clock"]
        assert abs(clock["offset_us"] - 1e6 * AHEAD_S[host["name"]]) <= clock["offset_error_us"] + 1
        assert clock["offset_error_us"] < 100_000


def test_hosts_begin_and_stop_together_whatever_their_clocks_read(ran: tuple[Any, dict[str, Any]]) -> None:
    report, arrays = ran
    error_us = max(host["clock"]["offset_error_us"] for host in report["hosts"])
    assert report["window"]["start_skew_us"] <= 2 * error_us + 50_000
    start_ns, stop_ns = arrays["window_ns"]
    assert stop_ns - start_ns == pytest.approx(1.5e9, rel=0.05)
    for agent in range(3):
        ends = arrays[f"agent_{agent}_end_ns"]
        assert start_ns <= ends.min() <= ends.max()
        assert ends.max() <= stop_ns + 1e9


def test_services_are_what_each_host_measured_to_the_ns(ran: tuple[Any, dict[str, Any]]) -> None:
    _, arrays = ran
    for agent in range(3):
        assert (arrays[f"agent_{agent}_end_ns"] - arrays[f"agent_{agent}_start_ns"]).min() >= SERVICE_NS


def test_every_arrival_is_accounted_for(ran: tuple[Any, dict[str, Any]]) -> None:
    report, arrays = ran
    if report.get("arrivals") is None:
        assert report["throughput"]["count"] == sum(len(arrays[f"agent_{agent}_end_ns"]) for agent in range(3))
        return
    due = np.concatenate([arrays[f"agent_{agent}_due_ns"] for agent in range(3)])
    assert len(due) + report["arrivals"]["unfinished"] == report["arrivals"]["offered"]
    assert report["arrivals"]["unfinished"] <= 3
