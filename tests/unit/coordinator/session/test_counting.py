"""What agents have counted, as events: against latencies that are known one by one."""

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.histogram import FINE
from ovbench.common.messages import Counted, Progress
from ovbench.coordinator.session.counting import BOUNDS_S, Counting, counts_s, histogram, within
from ovbench.coordinator.session.member import Member
from tests.builders import effective, job, ms, ready


def counted(latencies_ns: "np.ndarray[tuple[int], np.dtype[np.int64]]", dropped: int = 0) -> Counted:
    counts = FINE.count(latencies_ns)
    (buckets,) = counts.nonzero()
    return Counted(
        completed=len(latencies_ns),
        dropped=dropped,
        total_s=float(latencies_ns.sum()) / 1e9,
        buckets=buckets.astype("<i4").tobytes(),
        counts=counts[buckets].astype("<i8").tobytes(),
    )


def member(agent: int, said: Counted | None, batch: int = 1) -> Member:
    return Member(agent, job((agent,)), ready=ready(effective(batch=batch)), counted=said)


SPREAD = np.random.default_rng(1).lognormal(np.log(ms(5)), 1.5, 20_000).astype(np.int64)


def test_counts_within_bounds_are_those_of_the_latencies_to_the_width_of_a_bucket() -> None:
    found = within(FINE.count(SPREAD))
    for bound_s, number in zip(BOUNDS_S, found.tolist(), strict=True):
        low, high = ((bound_s * 1e9 * (1 + side * FINE.relative_error)) for side in (-1, 1))
        assert (low >= SPREAD).sum() <= number <= (high >= SPREAD).sum()


def test_bounds_ascend_by_a_quarter_from_ten_microseconds_to_a_hundred_seconds() -> None:
    ratios = np.asarray(BOUNDS_S[1:]) / np.asarray(BOUNDS_S[:-1])
    assert (BOUNDS_S[0], BOUNDS_S[-1]) == (1e-5, 100.0)
    assert (ratios.min(), ratios.max()) == (pytest.approx(1.25, abs=0.02), pytest.approx(1.28, abs=0.02))


def test_an_event_has_every_agent_that_has_counted_and_percentiles_of_all_together() -> None:
    halves = SPREAD[:5_000], SPREAD[5_000:]
    members = [member(0, counted(halves[0], dropped=2), batch=4), member(1, counted(halves[1])), member(2, None)]
    members[0].counted = structs.replace(counted(halves[0], dropped=2), cpu_s=1.5)
    members[0].progress = Progress(step=10, completed=5_000, busy_ms=9_000)  # with what it did before this load
    event = Counting({1: "far"}).event(members, 7)
    assert event is not None
    first, second = event.agents
    assert (first.inferences, first.frames, first.dropped, first.cpu_s, first.host) == (5_000, 20_000, 2, 1.5, "")
    assert (second.id, second.inferences, second.frames, second.host) == (1, 15_000, 15_000, "far")
    assert first.latency_sum_s + second.latency_sum_s == pytest.approx(SPREAD.sum() / 1e9)
    exact = np.sort(SPREAD)[[9_999, 19_799]] / 1e6
    assert (event.p50_ms, event.p99_ms) == pytest.approx(tuple(exact), rel=FINE.relative_error)


def test_there_is_no_event_where_nobody_counts() -> None:
    assert Counting().event([member(0, None)], 7) is None


def test_a_load_that_has_completed_nothing_has_no_percentiles() -> None:
    event = Counting().event([member(0, counted(SPREAD[:0]))], 7)
    assert event is not None
    assert (event.p50_ms, event.p99_ms, event.agents[0].latency_counts) == (None, None, (0,) * len(BOUNDS_S))


def test_no_count_becomes_less_where_a_histogram_was_copied_while_it_was_written() -> None:
    """One sample was in a low bucket at first, and is found in a higher one later."""
    counting, one = Counting(), member(0, counted(np.full(10, ms(1))))
    before = counting.event([one], 1)
    one.counted = counted(np.array([ms(1)] * 9 + [ms(90)] * 2))
    after = counting.event([one], 2)
    assert before is not None
    assert after is not None
    assert (np.asarray(after.agents[0].latency_counts) >= np.asarray(before.agents[0].latency_counts)).all()
    assert after.agents[0].latency_counts[-1] == after.agents[0].inferences == 11


def test_many_agents_report_their_histograms_less_often() -> None:
    assert [counts_s(agents) for agents in (1, 64, 128, 640)] == [0.0, 0.0, 1.5, 9.5]


def test_a_histogram_is_what_was_sent() -> None:
    assert (histogram(counted(SPREAD)) == FINE.count(SPREAD)).all()


def test_the_sum_of_latencies_never_falls() -> None:
    counting, one = Counting(), member(0, counted(np.full(10, ms(5))))
    sums = []
    for said in (counted(np.full(10, ms(5))), counted(np.full(11, ms(1))), counted(np.full(100, ms(2)))):
        one.counted = said
        event = counting.event([one], 7)
        assert event is not None
        sums.append(event.agents[0].latency_sum_s)
    assert sums == pytest.approx([0.05, 0.05, 0.2])
