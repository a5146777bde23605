"""What is reported of a run that waited for a figure."""

from dataclasses import replace

import numpy as np
import pytest

from ovbench.coordinator.analysis.latency import latency_of
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.until import until_of
from ovbench.coordinator.report.until import until_line
from ovbench.coordinator.result.report import UntilPart
from ovbench.coordinator.session.record import AgentRecord
from ovbench.coordinator.session.watch import LookTaken
from ovbench.coordinator.stats.estimate import Estimate
from tests.builders import delivered, job, ms, recording, request, run, seconds, steady

NARROW = LookTaken(seconds(3), 0.98, Estimate(ms(5.0), ms(4.9), ms(5.05), 9000), reached=True)
WIDE = LookTaken(seconds(2), 0.99, Estimate(ms(5.0), ms(4.7), ms(5.2), 6000), reached=False)
OPEN = replace(WIDE, estimate=Estimate(ms(5.0), ms(4.7), None, 600))
EMPTY = replace(WIDE, estimate=None)


def part(
    *looks: LookTaken, interrupted: bool = False, agents: tuple[AgentRecord, ...] = (), merged: Merged | None = None
) -> UntilPart:
    wanted = request("--agents", "1", "--until", "p99 +-3%", "-t", "10")
    ended = run(agents or (delivered(0),), wanted=wanted, interrupted=interrupted)
    found = until_of(replace(ended, looks=looks), merged)
    assert found is not None
    return found


def test_a_run_that_waited_for_nothing_has_no_such_part() -> None:
    assert until_of(run([delivered(0)]), None) is None


def test_each_look_is_reported_in_the_figure_s_unit() -> None:
    found = part(WIDE, NARROW)
    assert (found.figure, found.within_percent, found.reached, found.planned, found.why) == ("p99_ms", 3.0, True, 6, "")
    assert [(look.at_s, look.half_width_percent) for look in found.looks] == [(2.0, pytest.approx(6)), (3.0, 2.0)]
    last = found.looks[-1]
    assert (last.estimate, last.low, last.high, last.count) == (5.0, 4.9, 5.05, 9000)
    assert last.confidence_percent == pytest.approx(98)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (part(WIDE), "its interval was within 6 % of it after 2 s; about 8 s would have been enough"),
        (part(OPEN), "600 inferences were too few for an interval with two ends"),
        (part(EMPTY), "there were too few inferences for an interval"),
        (part(), "there were too few inferences for an interval"),
        (part(WIDE, interrupted=True), "the run was interrupted"),
        (part(WIDE, agents=(delivered(0), AgentRecord(1, job(), why="was killed"))), "not all agents measured"),
    ],
    ids=["wide", "open", "empty", "no look", "interrupted", "lost"],
)
def test_what_was_not_reached_says_why(found: UntilPart, why: str) -> None:
    assert not found.reached
    assert found.why.startswith(why)


def test_a_figure_that_the_report_does_not_know_was_not_reached() -> None:
    """2 % of what was due never completed, which no look has seen."""
    latencies = np.full(980, ms(5))
    known = merge([recording(0, seconds(1), seconds(6), steady(seconds(1), ms(5), 980))])
    unknown = replace(known, latency=latency_of(latencies, 50.0, at_least=np.full(20, ms(9))))
    assert part(WIDE, NARROW, merged=known).reached
    found = part(WIDE, NARROW, merged=unknown)
    assert not found.reached
    assert until_line(found) == "p99 not known (asked: ±3 %): it depends on arrivals that never completed"


def test_it_is_a_line_for_people() -> None:
    assert until_line(part(WIDE, NARROW)) == "p99 5.00 ms, known to ±2 % at look 2 of 6, after 3 s (asked: ±3 %)"
    assert until_line(part(WIDE)) == "p99 5.00 ms, known to ±6 % at look 1 of 6, after 2 s (asked: ±3 %, not reached)"
    assert until_line(part(OPEN)) == (
        "p99 not known (asked: ±3 %): 600 inferences were too few for an interval with two ends"
    )
