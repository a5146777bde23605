"""From samples to figures: the window, what counts, percentiles, histograms, the timeline."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.histogram import FINE, Int64s
from ovbench.common.messages import Folded
from ovbench.coordinator.merge import PERCENTILES, Latency, Merged, inside, merge, pieces_of, window_of
from tests.builders import folded, ms, pairs, recording, samples, seconds, steady

quick = settings(max_examples=60, deadline=None)
latencies_ns = st.lists(st.integers(0, 10**11), min_size=1, max_size=300)

# Window


def test_the_window_is_from_the_latest_start_to_the_earliest_stop() -> None:
    window = window_of([recording(0, 100, 900), recording(1, 130, 850), recording(2, 110, 1000)])
    assert (window.start_ns, window.stop_ns) == (130, 850)
    assert (window.start_skew_ns, window.stop_skew_ns) == (30, 150)
    assert window.duration_s == 720e-9


def test_one_agent_is_its_own_window_without_skew() -> None:
    window = window_of([recording(0, 100, 900)])
    assert (window.start_ns, window.stop_ns, window.start_skew_ns, window.stop_skew_ns) == (100, 900, 0, 0)


def test_loads_that_do_not_overlap_have_an_empty_window() -> None:
    window = window_of([recording(0, 0, 100), recording(1, 500, 600)])
    assert window.duration_s == 0.0
    merged = merge([recording(0, 0, 100, steady(0, 10, 10)), recording(1, 500, 600, steady(500, 10, 10))])
    assert merged.count == 0
    assert merged.latency is None


# What counts


def test_an_inference_counts_where_it_ends() -> None:
    begun_before = pairs([150], [100])
    ended_after = pairs([250], [100])
    merged = merge([recording(0, 100, 200, begun_before, ended_after)])
    assert merged.count == 1
    assert merged.latency is not None
    assert merged.latency.max == 100e-6


@pytest.mark.parametrize(("end", "counted"), [(99, 0), (100, 1), (150, 1), (200, 1), (201, 0)])
def test_both_edges_belong_to_the_window(end: int, counted: int) -> None:
    assert merge([recording(0, 100, 200, pairs([end], [5]))]).count == counted


@quick
@given(
    ends=st.lists(st.lists(st.integers(0, 100), max_size=30), max_size=5),
    low=st.integers(0, 100),
    span=st.integers(0, 100),
)
def test_exactly_the_samples_that_end_inside_are_taken(ends: list[list[int]], low: int, span: int) -> None:
    pieces = [pairs(sorted(part), [3] * len(part)) for part in ends]
    taken = [end for piece in inside(pieces, low, low + span) for end in piece[:, 1].tolist()]
    assert sorted(taken) == sorted(end for part in ends for end in part if low <= end <= low + span)


def test_each_agent_is_counted_by_itself_and_all_together() -> None:
    merged = merge(
        [recording(0, 0, seconds(1), steady(0, ms(10), 100)), recording(1, 0, seconds(1), steady(0, ms(20), 50))]
    )
    assert merged.agent_counts == {0: 100, 1: 50}
    assert merged.count == 150
    slow = merged.agent_latencies[1]
    assert slow is not None
    assert (slow.min, slow.max, slow.count) == (20.0, 20.0, 50)
    assert merged.latency is not None
    assert merged.latency.mean == pytest.approx((100 * 10 + 50 * 20) / 150)


def test_an_agent_that_completed_nothing_has_no_latency() -> None:
    merged = merge([recording(0, 0, 1000, steady(0, 10, 100)), recording(1, 0, 1000)])
    assert merged.agent_counts == {0: 100, 1: 0}
    assert merged.agent_latencies[1] is None


def test_samples_are_read_from_messages_as_they_are() -> None:
    data = steady(1000, 7, 5)
    (piece,) = pieces_of([samples(data)])
    assert np.array_equal(piece, data)


# Percentiles


def merged_of(latencies: list[int], agents: int = 1) -> Merged:
    """Dealt out in turn to agents, and all of them in the window."""
    loads = []
    for agent in range(agents):
        mine = latencies[agent::agents]
        loads.append(recording(agent, 0, 1000, pairs([500] * len(mine), mine)))
    return merge(loads)


def whole(merged: Merged) -> Latency:
    assert merged.latency is not None
    return merged.latency


@quick
@given(latencies=latencies_ns, agents=st.integers(1, 4))
def test_percentiles_are_the_nearest_ranks_of_all_samples_merged(latencies: list[int], agents: int) -> None:
    ordered, count = sorted(latencies), len(latencies)
    # ceil(n p / 100) in whole numbers: p in tenths of a percent
    closed_form = [ordered[max(0, -(-count * round(10 * p) // 1000) - 1)] / 1e6 for p in PERCENTILES]
    assert list(whole(merged_of(latencies, agents)).percentiles) == closed_form


@quick
@given(latencies=latencies_ns, agents=st.integers(1, 4))
def test_figures_are_those_of_numpy_on_the_whole(latencies: list[int], agents: int) -> None:
    values, found = np.array(latencies), whole(merged_of(latencies, agents))
    assert found.exact
    assert found.count == len(values)
    assert (found.min, found.max) == (values.min() / 1e6, values.max() / 1e6)
    assert found.mean == pytest.approx(values.mean() / 1e6, rel=1e-12)
    assert found.stddev == pytest.approx(values.std() / 1e6, rel=1e-9, abs=1e-9)
    assert list(found.percentiles) == [np.percentile(values, p, method="inverted_cdf") / 1e6 for p in PERCENTILES]


def test_percentiles_are_not_averaged_over_agents() -> None:
    """99 fast inferences of one agent and 1 slow one of another: the median is fast, not the mean of both."""
    merged = merge([recording(0, 0, 1000, pairs([500] * 99, [10] * 99)), recording(1, 0, 1000, pairs([500], [1000]))])
    assert whole(merged).percentiles[0] == 10e-6


# Beyond the memory for exact samples


def spread(count: int, seed: int = 0) -> Int64s:
    """Ends over ten seconds, latencies of 1 to 100 ms with a long tail."""
    random = np.random.default_rng(seed)
    latencies = np.minimum(random.lognormal(np.log(5e6), 0.8, count), 1e8).astype(np.int64) + 1000
    return pairs(random.integers(0, seconds(10), count), latencies)


def in_part_folded(data: Int64s, keep: int = 500, slice_ns: int = seconds(1)) -> tuple[Int64s, Folded, Int64s]:
    """As an agent delivers it: a head and a tail that are exact, a histogram of what is between."""
    return data[:keep], folded(data[keep:-keep], 0, slice_ns=slice_ns), data[-keep:]


def recorded_in_part(agent: int, data: Int64s, slice_ns: int = seconds(1), stop_ns: int = seconds(10)) -> Merged:
    head, middle, tail = in_part_folded(data, slice_ns=slice_ns)
    return merge([recording(agent, 0, stop_ns, head, tail, rest=(middle,))])


@pytest.mark.parametrize("seed", range(3))
def test_a_histogram_gives_percentiles_within_a_thousandth_of_the_exact_ones(seed: int) -> None:
    data = spread(20_000, seed)
    exact, found = whole(merge([recording(0, 0, seconds(10), data)])), whole(recorded_in_part(0, data))
    assert exact.exact
    assert not found.exact
    for one, other in zip(found.percentiles, exact.percentiles, strict=True):
        assert one == pytest.approx(other, rel=0.001)


def test_a_histogram_keeps_count_extremes_mean_and_deviation_exact() -> None:
    data = spread(20_000)
    exact, found = whole(merge([recording(0, 0, seconds(10), data)])), whole(recorded_in_part(0, data))
    assert (found.count, found.min, found.max) == (exact.count, exact.min, exact.max)
    assert found.mean == pytest.approx(exact.mean, rel=1e-12)
    assert found.stddev == pytest.approx(exact.stddev, rel=1e-9)


def test_agents_with_and_without_a_histogram_merge_into_one() -> None:
    first, second = spread(5_000, 1), spread(3_000, 2)
    head, middle, tail = in_part_folded(first)
    merged = merge([recording(0, 0, seconds(10), head, tail, rest=(middle,)), recording(1, 0, seconds(10), second)])
    exact = whole(merge([recording(0, 0, seconds(10), first), recording(1, 0, seconds(10), second)]))
    assert merged.agent_counts == {0: 5_000, 1: 3_000}
    assert whole(merged).mean == pytest.approx(exact.mean, rel=1e-12)
    assert whole(merged).stddev == pytest.approx(exact.stddev, rel=1e-9)
    for one, other in zip(whole(merged).percentiles, exact.percentiles, strict=True):
        assert one == pytest.approx(other, rel=0.001)


@quick
@given(latency=st.integers(1, 10**11), count=st.integers(1, 50))
def test_no_percentile_lies_outside_of_min_and_max(latency: int, count: int) -> None:
    """The middle of a bucket may: of equal latencies every percentile is that latency."""
    data = pairs(range(count), [latency] * count)
    found = whole(merge([recording(0, 0, seconds(1), rest=(folded(data, 0),))]))
    assert found.min == found.max == latency / 1e6
    assert set(found.percentiles) == {found.max}


def test_the_error_that_is_stated_is_that_of_the_layout() -> None:
    assert FINE.relative_error <= 0.001 / 2


def test_the_edges_are_exact_as_long_as_the_histogram_lies_inside_the_window() -> None:
    data = spread(5_000)
    assert recorded_in_part(0, data).edges_exact
    assert not recorded_in_part(0, data, stop_ns=seconds(5)).edges_exact


def test_edges_are_exact_without_any_histogram() -> None:
    assert merge([recording(0, 0, 1000, steady(0, 10, 200))]).edges_exact


# Timeline


@pytest.mark.parametrize("duration_s", [0.3, 1.0, 1.4, 1.6, 9.99, 10.0, 300.0, 1000.0])
def test_the_timeline_covers_the_window_without_a_gap(duration_s: float) -> None:
    slices = merge([recording(0, 50, 50 + seconds(duration_s), steady(50, ms(100), 20))]).timeline
    assert slices[0].start_ns == 50
    assert slices[-1].stop_ns == 50 + seconds(duration_s)
    assert all(one.stop_ns == next.start_ns for one, next in pairwise(slices))
    assert len(slices) <= 257


@quick
@given(ends=st.lists(st.integers(0, 10**10), min_size=1, max_size=200), stop=st.integers(10**9, 10**10))
def test_the_counts_of_the_timeline_add_up_to_the_total(ends: list[int], stop: int) -> None:
    merged = merge([recording(0, 0, stop, pairs(ends, [1000] * len(ends)))])
    assert sum(part.count for part in merged.timeline) == merged.count == sum(end <= stop for end in ends)


def test_an_inference_at_the_edge_of_two_slices_is_in_the_later_one() -> None:
    merged = merge([recording(0, 0, seconds(3), pairs([seconds(1)], [1000]))])
    assert [part.count for part in merged.timeline] == [0, 1, 0]


def test_the_counts_of_a_folded_timeline_add_up_as_well() -> None:
    merged = recorded_in_part(0, spread(5_000))
    assert sum(part.count for part in merged.timeline) == merged.count == 5_000


def test_a_folded_timeline_is_that_of_the_exact_samples() -> None:
    data = spread(20_000)
    exact = merge([recording(0, 0, seconds(10), data)]).timeline
    found = recorded_in_part(0, data).timeline
    assert [part.count for part in found] == [part.count for part in exact]
    for one, other in zip(found, exact, strict=True):
        assert one.p99_ms == pytest.approx(other.p99_ms, rel=0.01)


def test_agents_that_folded_by_longer_slices_lengthen_those_of_all() -> None:
    data = spread(4_000)
    head, middle, tail = in_part_folded(data, slice_ns=seconds(2))
    merged = merge([recording(0, 0, seconds(10), head, tail, rest=(middle,)), recording(1, 0, seconds(10), data)])
    assert {part.stop_ns - part.start_ns for part in merged.timeline} == {seconds(2)}
    assert sum(part.count for part in merged.timeline) == 8_000


def test_what_was_folded_after_the_last_whole_slice_counts_in_the_last_one() -> None:
    """A rest of the window that is too short for a slice has joined the one before."""
    data = steady(0, ms(100), 24)
    merged = merge([recording(0, 0, seconds(2.4), rest=(folded(data, 0),))])
    assert [part.count for part in merged.timeline] == [9, 15]


def test_a_slice_in_which_nothing_ended_has_no_percentile() -> None:
    merged = merge([recording(0, 0, seconds(3), pairs([seconds(0.5)], [1000]))])
    assert [part.p99_ms for part in merged.timeline] == [0.001, None, None]


def test_a_rest_shorter_than_half_a_slice_joins_the_one_before() -> None:
    slices = merge([recording(0, 0, seconds(2.4), steady(0, ms(100), 24))]).timeline
    assert [part.stop_ns for part in slices] == [seconds(1), seconds(2.4)]
