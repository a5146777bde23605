"""Findings of loads at a rate: more than can be served, late starts, what was dropped or never completed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from msgspec import structs

from ovbench.common.job import Schedule, ScheduleAddress
from ovbench.common.messages import Dropped
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.merge import merge_run
from ovbench.coordinator.analysis.punctuality import shift_of
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.verdict import find
from ovbench.coordinator.result.findings import Code
from ovbench.coordinator.result.report import Finding
from tests.builders import delivered, evidence, finished, job, ms, request, seconds

Int64s = npt.NDArray[np.int64]

RATE: Final = 200
START: Final = seconds(1)
"""Of the window, which lasts for ten seconds."""


def arriving(
    service_ms: float, *, late_ms: float = 0.0, dropped: int = 0, unfinished: int = 0, argv: tuple[str, ...] = ()
) -> Evidence:
    """Of one agent with one request, that every 5 ms gets an inference of `service_ms`, and starts each so much late.
    The first of all are dropped, and the last never complete."""
    dues = np.arange(10 * RATE, dtype=np.int64) * (seconds(1) // RATE)
    served = dues[dropped : len(dues) - unfinished]
    each = ms(service_ms) + ms(late_ms)
    ends = np.arange(1, len(served) + 1) * each + np.maximum.accumulate(served - np.arange(len(served)) * each)
    table = SampleArray.of(ends - ms(service_ms), ends, served).table + START
    address = ScheduleAddress(pid=1, descriptor=3, count=len(dues), nonce="0f" * 16)
    order = job((0,))
    order = structs.replace(
        order, load=structs.replace(order.load, schedule=Schedule(address, 0, len(dues), shared=True))
    )
    agent = delivered(0, data=table, order=order, load=finished(completed=len(table)))
    if dropped:
        agent = replace(agent, dropped=(Dropped(dues[:dropped].tobytes()),))
    wanted = request("--agents", "1", "--rate", str(RATE), "--arrivals", "constant", "--timeout-ms", "50", *argv)
    base = evidence([agent], wanted)
    run = replace(base.run, schedule_ns=dues)
    return replace(base, run=run, merged=merge_run(run))


OVERLOADED: Final = (lambda: arriving(5.5), lambda: arriving(4.9))
UNFINISHED: Final = (lambda: arriving(2.0, unfinished=1), lambda: arriving(2.0))
DROPPED: Final = (lambda: arriving(2.0, dropped=1), lambda: arriving(2.0))
LATE_STARTS: Final = (lambda: arriving(2.0, late_ms=0.03), lambda: arriving(2.0, late_ms=0.015))


def only(code: Code, of: Evidence) -> Finding:
    (finding,) = [finding for finding in find(of) if finding.code == code]
    return finding


def codes(of: Evidence) -> set[str]:
    return {finding.code for finding in find(of)}


def test_a_load_at_a_rate_that_is_served_has_no_findings() -> None:
    assert codes(arriving(4.9)) == set()


def test_an_overload_is_an_error_with_what_came_of_the_arrivals_and_how_fast_the_backlog_grew() -> None:
    finding = only(Code.OVERLOADED, arriving(8.0, unfinished=100))
    assert finding.severity == "error"
    assert "200.0 inferences a second, of which 125.0 were done" in finding.message
    assert "Of 2,000 that were due, 1,900 completed, 100 were not done within 5 s after the end." in finding.message
    assert "in the last 10 s the backlog grew by 75" in finding.message


def test_an_overload_of_which_all_was_done_in_the_end_has_no_zeros_in_its_message() -> None:
    message = only(Code.OVERLOADED, arriving(8.0)).message
    assert message.endswith("Of 2,000 that were due, 2,000 completed.")


def test_what_an_overload_left_unfinished_is_no_finding_of_its_own() -> None:
    assert Code.UNFINISHED not in codes(arriving(8.0, unfinished=100))


@pytest.mark.parametrize(
    ("code", "make", "share"),
    [
        (Code.DROPPED, lambda: arriving(2.0, dropped=30), "30 of 2,000 arrivals (1.5 %) waited for 50 ms"),
        (Code.UNFINISHED, lambda: arriving(2.0, unfinished=3), "3 of 2,000 arrivals (0.15 %) had not completed 5 s"),
    ],
)
def test_what_did_not_complete_is_a_warning_with_its_share(
    code: Code, make: Callable[[], Evidence], share: str
) -> None:
    finding = only(code, make())
    assert finding.severity == "warning"
    assert share in finding.message


def test_late_starts_are_found_by_what_they_make_of_the_percentile_that_is_claimed() -> None:
    finding = only(Code.LATE_STARTS, arriving(2.0, late_ms=0.5))
    assert "p99 could be 2 ms and not 2.5 ms" in finding.message
    assert (
        "p95 could be" in only(Code.LATE_STARTS, arriving(2.0, late_ms=0.5, argv=("-latency_percentile", "95"))).message
    )


def test_a_percentile_that_is_not_known_is_not_moved() -> None:
    assert Code.LATE_STARTS not in codes(arriving(2.0, late_ms=0.5, unfinished=21))


@pytest.mark.parametrize(
    ("latencies", "late", "offered", "percent", "shift"),
    [
        ([10, 20, 30, 40], [0, 0, 0, 20], 4, 100.0, 25.0),  # 40 less 20 is no longer the longest
        ([10, 20, 30, 40], [0, 10, 0, 0], 4, 50.0, 50.0),
        ([10, 20, 30, 40], [0, 0, 0, 0], 4, 99.0, 0.0),
        ([0, 0], [0, 0], 2, 99.0, 0.0),
        ([10, 20], [1, 1], 4, 99.0, None),
        ([], [], 0, 99.0, None),
    ],
)
def test_a_percentile_is_compared_with_that_of_latencies_less_their_lateness(
    latencies: list[int], late: list[int], offered: int, percent: float, shift: float | None
) -> None:
    found = shift_of(np.asarray(latencies, np.int64), np.asarray(late, np.int64), offered, percent)
    assert (None if found is None else found.percent) == shift
