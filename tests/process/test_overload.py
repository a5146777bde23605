"""Loads that arrive at a rate, on the null device: overload, what is dropped, and a stall, as it is seen from due."""

from typing import Any

import numpy as np
import pytest

from scripts.bench.theory import stalled_latencies
from tests.attempts import undisturbed
from tests.process.driver import Ran, Run

NULL = ("--backend", "null:2000", "--agents", "1", "-api", "sync", "--arrivals", "constant", "--warmup", "0.2")


def codes(ran: Ran) -> set[str]:
    return {finding["code"] for finding in ran.report["validity"]["findings"]}


def accounted(arrivals: dict[str, Any]) -> bool:
    return bool(arrivals["offered"] == arrivals["delivered"] + arrivals["dropped"] + arrivals["unfinished"])


@pytest.mark.parametrize("flag", [("--rate", "600"), ("--rate", "600", "--drain", "0")], ids=["drained", "cut off"])
def test_a_rate_beyond_the_capacity_is_invalid_and_says_what_came_of_the_arrivals(
    run: Run, flag: tuple[str, ...]
) -> None:
    """500 a second can be served, however slow the machine is otherwise."""
    ran = run(*NULL, *flag, "-t", "2.5")
    report = ran.report
    assert ran.code == 4
    assert report["validity"]["status"] == "INVALID"
    assert "overloaded" in codes(ran)
    assert report["arrivals"]["offered"] == 1500
    assert accounted(report["arrivals"])
    assert (report["arrivals"]["unfinished"] > 0) == ("--drain" in flag)
    assert report["arrivals"]["backlog_end"] > report["arrivals"]["backlog_start"] + 200


def test_a_limited_rate_beyond_the_capacity_is_invalid_too(run: Run) -> None:
    ran = run("--backend", "null:2000", "--agents", "1", "-api", "sync", "-max_irate", "600", "-t", "2.5")
    assert ran.code == 4
    assert "overloaded" in codes(ran)


@pytest.mark.alone
@undisturbed("a machine that is busy otherwise may serve less than is offered")
def test_a_rate_within_the_capacity_is_served(run: Run) -> None:
    ran = run(*NULL, "--rate", "300", "-t", "2.5", "--slo-ms", "p90:20")
    arrivals = ran.report["arrivals"]
    assert "overloaded" not in codes(ran)
    assert (arrivals["offered"], arrivals["delivered"], arrivals["unfinished"]) == (750, 750, 0)
    assert ran.report["goodput"]["objectives"][0]["met"] is True


def test_what_waits_for_too_long_is_dropped_and_counted(run: Run) -> None:
    """Half of what arrives can be served."""
    ran = run(*NULL, "--rate", "1000", "-t", "2", "--timeout-ms", "20", "--slo-ms", "1000")
    arrivals = ran.report["arrivals"]
    assert arrivals["offered"] == 2000
    assert arrivals["dropped"] > 900
    assert accounted(arrivals)
    assert "dropped" in codes(ran)
    assert "overloaded" not in codes(ran)
    assert ran.report["latency_ms"]["p99"] is None
    assert ran.report["goodput"]["share"] == pytest.approx(arrivals["delivered"] / 2000)


@pytest.mark.alone
@undisturbed("what others make late is later still behind a stall")
def test_a_stall_is_in_the_latency_from_due_and_hidden_from_the_start(run: Run) -> None:
    """Of constant arrivals every 5 ms and services of 1 ms, those that are due during a stall of 200 ms wait for its
    end, and for what queued before: each 4 ms less than the one before, until none waits."""
    count = 600
    latencies = stalled_latencies(service=1.0, gap=5.0, stall=200.0, count=count)
    expected = float(np.percentile(latencies, 99, method="inverted_cdf"))
    ran = run(
        *("--backend", "null:1000,stall=0.2@1", "--agents", "1", "-api", "sync", "--arrivals", "constant"),
        *("--rate", "200", "-t", "3", "--warmup", "0.2", "-latency_percentile", "99"),
    )
    report = ran.report
    assert report["arrivals"]["delivered"] == count
    assert report["latency_ms"]["p99"] == pytest.approx(expected, rel=0.02)
    # By start alone one inference is long, and the 49 that waited for it are not seen.
    assert report["service_ms"]["p99"] < 0.1 * expected
    assert "overloaded" not in codes(ran)
