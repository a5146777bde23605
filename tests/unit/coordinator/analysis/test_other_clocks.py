"""Figures of agents whose hosts have clocks of their own, set apart and fast or slow: as if there were one clock."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ovbench.common.arrivals import Dispatch
from ovbench.common.clockline import ClockLine
from ovbench.coordinator.analysis.merge import Merged, merge_run
from ovbench.coordinator.analysis.queues import Queue, queues_of
from ovbench.coordinator.analysis.recording import recorded, sample_arrays
from ovbench.coordinator.session.record import RunRecord
from tests.builders import (
    Int64s,
    at_rate,
    delivered,
    effective,
    finished,
    in_part_folded,
    ms,
    pairs,
    ready,
    run,
    samples,
    seconds,
    timed,
)
from tests.otherclocks import elsewhere
from tests.queueing import Setting, record_of, serve

KNOT = seconds(1_000)
"""The instant of the coordinator's clock at which the offsets below hold."""

LINES = st.builds(
    ClockLine.straight, st.just(KNOT), st.integers(-seconds(1_000), seconds(3)), st.floats(-200e-6, 200e-6)
)


def queues(record: RunRecord) -> tuple[Queue, ...]:
    return queues_of(record, recorded(record.agents))


@settings(deadline=None)
@given(
    load=st.lists(st.tuples(st.integers(-200, 999), st.integers(0, 600)), min_size=1, max_size=40),
    dispatch=st.sampled_from(("shared", "round-robin", "random", "partition")),
    timeout=st.sampled_from((0, 90)),
    line=LINES,
)
def test_every_arrival_is_found_by_the_clock_of_the_host_that_serves_it(
    load: list[tuple[int, int]], dispatch: Dispatch, timeout: int, line: ClockLine
) -> None:
    """None is unfinished because its instant was mapped to another nanosecond than it has in the schedule."""
    setting = Setting(dispatch, 2, 2, ms(timeout), ms(100))
    load.sort()
    outcomes = serve(setting, [ms(due) for due, _ in load], [ms(service) for _, service in load])
    here = record_of(setting, outcomes)
    there = replace(here, agents=tuple(elsewhere(agent, line) for agent in here.agents))
    for ours, theirs in zip(queues(here), queues(there), strict=True):
        for name in ("unfinished_ns", "dropped_ns"):
            expected = line.to_coordinator_ns(getattr(ours.offered, name))
            assert getattr(theirs.offered, name).tolist() == expected.tolist()
        assert (line.to_coordinator_ns(ours.offered.samples.dues) == theirs.offered.samples.dues).all()
        assert sorted(theirs.offered.samples.latencies) == sorted(ours.offered.samples.latencies)
        assert theirs.offered.samples.waits.tolist() == ours.offered.samples.waits.tolist()


@pytest.mark.parametrize("drift", [-200e-6, 0.0, 200e-6])
@pytest.mark.parametrize("missing", [0, 3])
def test_a_paced_agent_has_as_many_arrivals_as_its_own_clock_has_had(drift: float, missing: int) -> None:
    """10,000 in ten seconds of its own; two of them come or go in ten seconds of the coordinator's."""
    dues = seconds(1) + ms(1) * np.arange(10_000 - missing)
    agent = at_rate(delivered(data=timed(dues, dues, dues + ms(0.1)), prepared=ready(effective())), 1e-3)
    line = ClockLine.straight(KNOT, -seconds(500), drift)
    (queue,) = queues(run([elsewhere(agent, line)]))
    expected = seconds(1) + ms(1) * np.arange(10_000 - missing, 10_000)
    assert queue.offered.unfinished_ns.tolist() == line.to_coordinator_ns(expected).tolist()


FAST = ClockLine.straight(KNOT, -seconds(990), 200e-6)
SLOW = ClockLine.straight(KNOT, seconds(40), -200e-6)


def looped(line: ClockLine, start_ns: int, stop_ns: int, latency_ns: int) -> tuple[int, int, Int64s]:
    """Of a closed loop that ran between instants of the coordinator's clock: by the host's, with ends one after the
    other that far apart."""
    start, stop = line.to_host_ns(start_ns), line.to_host_ns(stop_ns)
    ends = np.arange(start + latency_ns, stop + latency_ns, latency_ns, dtype=np.int64)
    return start, stop, pairs(ends, np.full(len(ends), latency_ns))


def merged_of(*loads: tuple[ClockLine, int, int, int]) -> tuple[RunRecord, Merged]:
    agents = []
    for id, (line, start_ns, stop_ns, latency_ns) in enumerate(loads):
        start, stop, data = looped(line, start_ns, stop_ns, latency_ns)
        load = finished(start, stop, len(data), cpus=(id,), readings=())
        agents.append(elsewhere(delivered(id, data=data, load=load), line))
    record = run(agents)
    merged = merge_run(record)
    assert merged is not None
    return record, merged


def test_the_window_is_where_both_hosts_ran_and_latencies_are_their_own() -> None:
    begin, end = seconds(1_005), seconds(1_015)
    record, merged = merged_of(
        (FAST, begin, end, 1_000_001), (SLOW, begin + ms(3), end - ms(5), 500_003), (FAST, begin, end, 1_000_001)
    )
    assert abs(merged.window.start_ns - begin - ms(3)) <= 2
    assert abs(merged.window.stop_ns - end + ms(5)) <= 2
    assert abs(merged.window.start_skew_ns - ms(3)) <= 2
    assert abs(merged.window.stop_skew_ns - ms(5)) <= 2
    for agent, latency_ns in ((0, 1_000_001), (1, 500_003)):
        found = merged.agent_latencies[agent]
        assert found is not None
        assert found.least("max") == latency_ns / 1e6
    # By the coordinator's clock: the fast host's seconds are shorter.
    for agent, rate in ((0, 1e9 / 1_000_001 * (1 + 200e-6)), (1, 1e9 / 500_003 * (1 - 200e-6))):
        assert merged.agent_work[agent].frames / merged.window.duration_s == pytest.approx(rate, rel=1e-6)
    arrays = sample_arrays(recorded(record.agents), merged.window)
    assert arrays is not None
    for agent, latency_ns in ((0, 1_000_001), (1, 500_003)):
        assert set((arrays[f"agent_{agent}_end_ns"] - arrays[f"agent_{agent}_start_ns"]).tolist()) == {latency_ns}


def test_a_histogram_keeps_the_latencies_of_its_host() -> None:
    start, stop, data = looped(FAST, seconds(1_005), seconds(1_015), 1_000_001)
    head, middle, tail = in_part_folded(data)
    middle = structs.replace(middle, slice_indices=np.zeros(len(middle.slice_indices) // 4, "<i4").tobytes())
    made = delivered(data=data, load=finished(start, stop, len(data), readings=()))
    agent = elsewhere(
        replace(made, samples=(samples(head), samples(tail, first=len(data) - len(tail))), folded=(middle,)), FAST
    )
    merged = merge_run(run([agent]))
    assert merged is not None
    assert merged.latency is not None
    assert merged.latency.least("max") == 1.000001
    assert merged.count == len(data) - 1, "the last one ended behind the window"
    assert agent.folded[0].first_end_ns == FAST.to_coordinator_ns(middle.first_end_ns)
