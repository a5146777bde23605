"""From samples to figures: the window, what counts, latencies of all and of each, the timeline."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.histogram import Int64s
from ovbench.coordinator.analysis.latency import PERCENTILES, Latency
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.recording import Piece, frames, inside, pieces_of, window_of
from tests.builders import folded, in_part_folded, ms, pairs, piece_of, recording, samples, seconds, spread, steady

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
    pieces = [piece_of(0, 0, pairs(sorted(part), [3] * len(part))) for part in ends]
    taken = [end for piece in inside(pieces, low, low + span) for end in piece.samples.ends.tolist()]
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
    (piece,) = pieces_of([samples(data, request=3, first=70)])
    assert np.array_equal(piece.samples.table, data)
    assert (piece.request, piece.first) == (3, 70)


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


def test_percentiles_are_not_averaged_over_agents() -> None:
    """99 fast inferences of one agent and 1 slow one of another: the median is fast, not the mean of both."""
    merged = merge([recording(0, 0, 1000, pairs([500] * 99, [10] * 99)), recording(1, 0, 1000, pairs([500], [1000]))])
    assert whole(merged).percentiles[0] == 10e-6


@quick
@given(latencies=latencies_ns, agents=st.integers(1, 4), chosen=st.integers(1, 100))
def test_the_chosen_percentile_is_a_nearest_rank_for_all_and_for_each_agent(
    latencies: list[int], agents: int, chosen: int
) -> None:
    parts = [latencies[agent::agents] for agent in range(agents)]
    loads = [recording(agent, 0, 1000, pairs([500] * len(part), part)) for agent, part in enumerate(parts)]
    merged = merge(loads, chosen)
    assert whole(merged).chosen == np.percentile(latencies, chosen, method="inverted_cdf") / 1e6
    for agent, part in enumerate(parts):
        mine = merged.agent_latencies[agent]
        assert (mine is None) == (not part)
        if mine is not None:
            assert mine.chosen == np.percentile(part, chosen, method="inverted_cdf") / 1e6


# Groups of shapes in turn


batches_of_groups = st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple)


def cut(request: int, data: Int64s, length: int) -> list[Piece]:
    """All inferences of a request, in pieces of at most `length`."""
    return [piece_of(request, at, data[at : at + length]) for at in range(0, len(data), length)]


def groups_of(request: int, data: Int64s, groups: int) -> Int64s:
    """The group of each inference, by the definition: inference k of request r has (r + k) modulo their number."""
    return np.array([(request + k) % groups for k in range(len(data))], np.int64)


@quick
@given(
    batches=batches_of_groups,
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    start=st.integers(0, 20),
    span=st.integers(0, 40),
    length=st.integers(1, 20),
)
def test_frames_are_the_batches_of_exactly_the_inferences_that_count(
    batches: tuple[int, ...], counts: list[int], start: int, span: int, length: int
) -> None:
    requests = [steady(0, 1, count) for count in counts]
    pieces = [piece for request, data in enumerate(requests) for piece in cut(request, data, length)]
    merged = merge([recording(0, start, start + span, *pieces, batches=batches)])
    expected = 0
    for request, data in enumerate(requests):
        each = np.array(batches)[groups_of(request, data, len(batches))]
        expected += int(each[(data[:, 1] >= start) & (data[:, 1] <= start + span)].sum())
    assert merged.frames == merged.agent_frames[0] == expected
    assert sum(part.frames for part in merged.timeline) == pytest.approx(merged.work.frames)


@quick
@given(batches=batches_of_groups, request=st.integers(0, 7), first=st.integers(0, 10**6), count=st.integers(0, 50))
def test_the_closed_form_of_the_frames_is_the_sum_over_the_inferences(
    batches: tuple[int, ...], request: int, first: int, count: int
) -> None:
    one_by_one = sum(batches[(request + first + k) % len(batches)] for k in range(count))
    assert frames(batches, request, first, count) == one_by_one


@pytest.mark.parametrize("batches", [(1,), (8,), (1, 2), (4, 1, 16)], ids=str)
def test_frames_that_were_folded_are_known_exactly_in_total_and_in_each_slice(batches: tuple[int, ...]) -> None:
    requests = [spread(3_000 + 100 * request, request) for request in range(3)]
    pieces, rest = [], []
    for request, data in enumerate(requests):
        pieces += [piece_of(request, 0, data[:500]), piece_of(request, len(data) - 700, data[-700:])]
        rest.append(folded(data[500:-700], 0, request=request))
    merged = merge([recording(0, 0, seconds(10), *pieces, rest=tuple(rest), batches=batches)])
    ends = np.concatenate([data[:, 1] for data in requests])
    indices = np.concatenate([groups_of(request, data, len(batches)) for request, data in enumerate(requests)])
    weights = np.array(batches)[indices]
    assert not whole(merged).exact
    assert merged.frames == weights.sum()
    edges = [part.start_ns for part in merged.timeline] + [merged.timeline[-1].stop_ns]
    expected = np.histogram(ends, edges, weights=weights)[0]
    assert [part.frames for part in merged.timeline[:-1]] == expected[:-1].tolist()
    assert sum(part.frames for part in merged.timeline) == pytest.approx(merged.work.frames)


def test_agents_frames_are_each_by_its_own_batches() -> None:
    loads = [
        recording(0, 0, seconds(1), steady(0, ms(10), 100), batches=(2,)),
        recording(1, 0, seconds(1), steady(0, ms(20), 50), batches=(1, 3)),
    ]
    merged = merge(loads)
    assert merged.agent_frames == {0: 200, 1: 25 + 3 * 25}
    assert (merged.count, merged.frames) == (150, 300)
    assert merged.fps == pytest.approx(300)


@quick
@given(
    latencies=st.lists(st.lists(st.integers(0, 10**10), max_size=60), min_size=1, max_size=3),
    groups=st.integers(2, 4),
    stop=st.integers(1, 60),
    length=st.integers(1, 20),
    chosen=st.integers(1, 100),
)
def test_latencies_by_group_are_those_of_numpy_on_the_inferences_of_the_group(
    latencies: list[list[int]], groups: int, stop: int, length: int, chosen: int
) -> None:
    requests = [pairs(range(1, len(part) + 1), part) for part in latencies]
    pieces = [piece for request, data in enumerate(requests) for piece in cut(request, data, length)]
    merged = merge([recording(0, 0, stop, *pieces, batches=(1,) * groups)], chosen, by_group=True)
    assert len(merged.groups) == groups
    for group, found in enumerate(merged.groups):
        values = np.concatenate(
            [
                (data[:, 1] - data[:, 0])[(groups_of(request, data, groups) == group) & (data[:, 1] <= stop)]
                for request, data in enumerate(requests)
            ]
        )
        assert (0 if found is None else found.count) == len(values)
        if found is None:
            continue
        assert found.exact
        assert (found.min, found.max) == (values.min() / 1e6, values.max() / 1e6)
        assert found.mean == pytest.approx(values.mean() / 1e6, rel=1e-12)
        expected = [np.percentile(values, p, method="inverted_cdf") / 1e6 for p in (*PERCENTILES, chosen)]
        assert [*found.percentiles, found.chosen] == expected


def test_a_group_counts_what_is_known_exactly_where_the_rest_was_folded() -> None:
    data = spread(2_000)
    parts = (piece_of(0, 0, data[:500]), piece_of(0, 1_501, data[1_501:]))
    load = recording(0, 0, seconds(10), *parts, rest=(folded(data[500:1_501], 0),), batches=(1, 2))
    first, second = merge([load], by_group=True).groups
    assert first is not None
    assert second is not None
    assert (first.count, second.count) == (250 + 249, 250 + 250)
    known = np.concatenate([data[0:500:2], data[1_502::2]])
    assert first.max == (known[:, 1] - known[:, 0]).max() / 1e6


@pytest.mark.parametrize(("batches", "by_group"), [((4,), True), ((4, 2), False)], ids=["one group", "not asked for"])
def test_there_are_no_groups_without_several_that_were_asked_for(batches: tuple[int, ...], by_group: bool) -> None:
    load = recording(0, 0, seconds(1), steady(0, ms(10), 100), batches=batches)
    assert merge([load], by_group=by_group).groups == ()


# Beyond the memory for exact samples


def recorded_in_part(agent: int, data: Int64s, slice_ns: int = seconds(1), stop_ns: int = seconds(10)) -> Merged:
    head, middle, tail = in_part_folded(data, slice_ns=slice_ns)
    return merge([recording(agent, 0, stop_ns, head, tail, rest=(middle,))])


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
    assert len(slices) <= 601
    assert slices[0].stop_ns - slices[0].start_ns <= max(ms(100), 2 * seconds(duration_s) // 600)


@quick
@given(ends=st.lists(st.integers(0, 10**10), min_size=1, max_size=200), stop=st.integers(10**9, 10**10))
def test_the_counts_of_the_timeline_add_up_to_the_total(ends: list[int], stop: int) -> None:
    merged = merge([recording(0, 0, stop, pairs(ends, [1000] * len(ends)))])
    assert sum(part.count for part in merged.timeline) == merged.count == sum(end <= stop for end in ends)


def test_an_inference_at_the_edge_of_two_slices_is_in_the_later_one() -> None:
    merged = merge([recording(0, 0, seconds(3), pairs([seconds(1)], [1000]))])
    assert [part.count for part in merged.timeline] == [0] * 10 + [1] + [0] * 19


def test_the_counts_of_a_folded_timeline_add_up_as_well() -> None:
    merged = recorded_in_part(0, spread(5_000))
    assert sum(part.count for part in merged.timeline) == merged.count == 5_000


def test_a_folded_timeline_is_that_of_the_exact_samples() -> None:
    data = spread(20_000)
    exact = merge([recording(0, 0, seconds(10), data)]).timeline
    found = recorded_in_part(0, data, slice_ns=ms(100)).timeline
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
    assert [part.p99_ms for part in merged.timeline] == [None] * 5 + [0.001] + [None] * 24


def test_a_rest_shorter_than_half_a_slice_joins_the_one_before() -> None:
    slices = merge([recording(0, 0, ms(240), steady(0, ms(10), 24))]).timeline
    assert [part.stop_ns for part in slices] == [ms(100), ms(240)]
