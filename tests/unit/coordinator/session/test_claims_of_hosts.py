"""What an agent of another host says must be possible, by a clock that is known only so well."""

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.clockline import ClockLine
from ovbench.common.job import Schedule, ScheduleAddress
from ovbench.common.lifecycle import State
from ovbench.common.messages import AnyNotice, Delivered, Finished
from ovbench.coordinator.session.claims import fault
from ovbench.coordinator.session.member import Member
from ovbench.coordinator.session.placed import place
from tests.builders import (
    Int64s,
    effective,
    finished,
    folded,
    job,
    pairs,
    ready,
    samples,
    seconds,
    timed,
    usage,
)

BEGIN = seconds(100_000)
LENGTH_S = 10
NOW = BEGIN + seconds(LENGTH_S + 3)
ORDERED = ClockLine.straight(BEGIN, seconds(7))
"""What was known of the host's clock when the load was ordered."""

DRIFTS = pytest.mark.parametrize("drift", [-200e-6, 200e-6])


def known(drift: float, error_ns: int = 400_000) -> ClockLine:
    """What is known in the end."""
    return ClockLine.straight(BEGIN, seconds(7) + error_ns, drift)


def heard(member: Member, line: ClockLine, *notices: AnyNotice) -> str:
    """What is wrong first."""
    for notice in (ready(effective(requests=2)), *(place(one, line) for one in notices)):
        why = fault(member, notice, {0, 1}, BEGIN, NOW)
        if why:
            return why
        member.keep(notice)
    return ""


def load(start_ns: int, count: int, length_s: float = LENGTH_S) -> Finished:
    stop_ns = start_ns + seconds(length_s)
    return finished(start_ns, stop_ns, count, readings=(usage(start_ns, 1.0), usage(stop_ns, 1.1)), cpus=(0,))


def scheduled(lead_in_s: float) -> Member:
    asked = job((0,), duration_s=float(LENGTH_S))
    address = ScheduleAddress(pid=1, descriptor=3, count=2_000, nonce="0" * 32)
    schedule = Schedule(address, 0, 2_000, shared=False, lead_in_s=lead_in_s)
    return Member(0, structs.replace(asked, load=structs.replace(asked.load, schedule=schedule)), State.RUNNING)


def arrivals(zero_ns: int, lead_in_s: float, shift_ns: int = 0) -> Int64s:
    """From the first instant of the lead-in to the last of the window, by the host's clock."""
    dues = zero_ns + np.linspace(-seconds(lead_in_s), seconds(LENGTH_S) - 1, 100).astype(np.int64) + shift_ns
    return timed(dues, dues, dues + 1_000)


@DRIFTS
def test_a_load_with_a_schedule_that_ran_as_ordered_has_no_fault_whatever_was_known_of_the_clock(drift: float) -> None:
    zero = ORDERED.to_host_ns(BEGIN) + seconds(2.0)
    notices = load(zero, 100), samples(arrivals(zero, 2.0)), Delivered(1)
    assert heard(scheduled(2.0), known(drift), *notices) == ""


def test_one_that_is_off_by_more_than_any_clock_is_lost() -> None:
    zero, line = ORDERED.to_host_ns(BEGIN) + seconds(2.0), known(0.0)
    assert "not of this run" in heard(scheduled(2.0), line, load(zero + seconds(2), 100))
    for shift_ns in (-seconds(2), seconds(2)):
        late = load(zero, 100), samples(arrivals(zero, 2.0, shift_ns)), Delivered(1)
        assert "not of its load" in heard(scheduled(2.0), line, *late)


@DRIFTS
def test_a_histogram_of_all_of_a_load_has_no_fault_however_its_clock_runs(drift: float) -> None:
    """Its slices and its longest latency are by the host's clock, and may be longer than what was mapped."""
    start = ORDERED.to_host_ns(BEGIN)
    ends = start + seconds(1) * np.asarray([1, 2, 10, 10, 10])
    data = pairs(ends, [seconds(1), 5, 5, seconds(10), 5])
    whole, middle = load(start, 5), folded(data[1:4], start)
    head, tail = samples(data[:1]), samples(data[4:], first=4)
    member = Member(0, job((0,)), State.RUNNING)
    assert heard(member, known(drift), whole, head, middle, tail, Delivered(3)) == ""
    longer = structs.replace(middle, most_ns=seconds(10.2))
    member = Member(0, job((0,)), State.RUNNING)
    assert "longer than its load" in heard(member, known(drift), whole, head, longer)
