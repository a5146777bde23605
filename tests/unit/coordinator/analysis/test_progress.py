"""What was done at an instant, against closed forms and against the plain sum over all inferences."""

import heapq
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.histogram import Int64s
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.progress import frames_done, progress
from ovbench.coordinator.analysis.recording import Recorded, frames
from tests.builders import folded, ms, pairs, piece_of, recording, seconds, steady

quick = settings(max_examples=60, deadline=None)


def numbers(*values: int) -> Int64s:
    return np.asarray(values, np.int64)


def test_an_inference_under_way_counts_by_the_share_of_its_time() -> None:
    data = pairs([100, 200, 400], [100, 100, 200])
    done = progress(recording(0, 0, 900, data), numbers(-50, 0, 25, 100, 150, 300, 350, 400, 900)).frames
    assert done.tolist() == [0, 0, 0.25, 1, 1.5, 2.5, 2.75, 3, 3]


def test_what_idles_between_inferences_is_no_progress() -> None:
    data = pairs([100, 300], [100, 50])
    done = progress(recording(0, 0, 900, data), numbers(100, 175, 250, 275, 300)).frames
    assert done.tolist() == [1, 1, 1, 1.5, 2]


@quick
@given(gaps=st.lists(st.integers(1, 50), min_size=1, max_size=60), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_progress_is_the_same_however_samples_are_cut_into_pieces(gaps: list[int], cuts: list[int]) -> None:
    data = pairs(np.cumsum(gaps), gaps)
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parts = [piece_of(0, low, data[low:high]) for low, high in pairwise(bounds)]
    edges = np.arange(-5, sum(gaps) + 10, 7)
    expected = np.interp(edges, [0, *np.cumsum(gaps)], range(len(gaps) + 1))
    assert np.allclose(progress(recording(0, 0, 1, *parts), edges).frames, expected)


@quick
@given(
    batches=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    request=st.integers(0, 7),
    first=st.integers(0, 30),
    count=st.integers(1, 30),
    share=st.integers(0, 9),
)
def test_frames_are_those_of_the_inferences_done_and_a_share_of_the_next(
    batches: list[int], request: int, first: int, count: int, share: int
) -> None:
    turn = tuple(batches)
    load = recording(0, 0, 1, piece_of(request, first, steady(0, 10, count + 1)), batches=turn)
    expected = frames(turn, request, first, count) + share / 10 * frames(turn, request, first + count, 1)
    assert progress(load, numbers(10 * count + share)).frames[0] == pytest.approx(expected)
    done = frames_done(numbers(count), numbers(*turn), request + first)
    assert done[0] == frames(turn, request, first, count)


# More requests than streams


def queued(streams: int, services: list[int]) -> list[Int64s]:
    """By request, of one more than twice the streams: each starts again when it has ended; streams serve in turn."""
    requests = 2 * streams + 1
    waiting = [(0, request) for request in range(requests)]
    free = [0] * streams
    found: list[list[tuple[int, int]]] = [[] for _ in range(requests)]
    for service in services:
        start, request = heapq.heappop(waiting)
        end = max(start, heapq.heappop(free)) + service
        heapq.heappush(free, end)
        heapq.heappush(waiting, (end, request))
        found[request].append((start, end))
    return [numbers(*(value for pair in part for value in pair)).reshape(-1, 2) for part in found if part]


@quick
@given(
    streams=st.integers(1, 4),
    services=st.lists(st.integers(380, 420), min_size=10, max_size=60),
    at=st.integers(0, 4000),
)
def test_one_that_waits_for_a_stream_makes_no_progress(streams: int, services: list[int], at: int) -> None:
    """The work that the streams did is known here: each service by its share. One that is overtaken by a shorter one
    may be taken for served since that ended: 40 of 400 later."""
    requests = queued(streams, services)
    free = [0] * streams
    done = 0.0
    for service in services:
        begin = heapq.heappop(free)
        heapq.heappush(free, begin + service)
        done += min(1.0, max(0.0, (at - begin) / service))
    pieces = [piece_of(request, 0, part) for request, part in enumerate(requests)]
    load = Recorded(0, 0, 10**6, len(services), tuple(pieces), streams=streams)
    assert progress(load, numbers(at)).frames[0] == pytest.approx(done, abs=0.1 * streams)


@pytest.mark.parametrize("stop_ms", [1000, 1250, 2999, 3000, 3500])
def test_a_queue_before_the_streams_is_not_counted_as_work(stop_ms: int) -> None:
    """Four requests on one stream of a second each: 1 FPS, wherever the window ends."""
    requests = [steady(ms(-4000 + 1000 * r), ms(4000), 8)[1:] for r in range(1, 5)]
    first = [pairs([ms(1000 * r)], [ms(1000 * r)]) for r in range(1, 5)]
    pieces = [piece_of(r, 0, np.concatenate([first[r], requests[r]])) for r in range(4)]
    load = Recorded(0, 0, ms(stop_ms), 32, tuple(pieces), streams=1)
    assert merge([load]).fps == pytest.approx(1.0)


# Limited rates


def limited(agents: int, per_s: float, length_s: float, service_ms: float = 10) -> Merged:
    """Start k of agent a is due (k A + a) periods after the beginning; those due in the time are started."""
    loads = []
    for agent in range(agents):
        due = np.arange(agent / per_s, length_s - 1e-9, agents / per_s)
        starts = np.round(due * 1e9).astype(np.int64)
        data = pairs(starts + ms(service_ms), np.full(len(starts), ms(service_ms)))
        loads.append(Recorded(agent, 0, seconds(length_s), len(data), (piece_of(0, 0, data),), period_ns=1e9 / per_s))
    return merge(loads)


@pytest.mark.parametrize(("agents", "per_s"), [(1, 0.5), (1, 1.5), (2, 1.5), (2, 1.0), (3, 7.3), (64, 64.0)])
@pytest.mark.parametrize("length_s", [0.5, 1.0, 2.7])
def test_a_limited_rate_is_the_limit_however_short_the_window(agents: int, per_s: float, length_s: float) -> None:
    merged = limited(agents, per_s, length_s)
    assert merged.fps == pytest.approx(per_s)
    assert sum(work.frames for work in merged.agent_work.values()) == pytest.approx(per_s * length_s)


@quick
@given(
    per_s=st.floats(0.5, 50),
    late_ms=st.lists(st.integers(0, 400), min_size=1, max_size=80),
    length_s=st.floats(0.1, 3),
)
def test_a_limited_rate_is_never_above_its_limit(per_s: float, late_ms: list[int], length_s: float) -> None:
    """Whatever was late and was caught up with: starts are never before they are due."""
    ready, found = 0, []
    for k, late in enumerate(late_ms):
        start = max(ready, round(k * 1e9 / per_s))
        ready = start + ms(late) + 1000
        found += [start, ready]
    data = numbers(*found).reshape(-1, 2)
    load = Recorded(0, 0, seconds(length_s), len(data), (piece_of(0, 0, data),), period_ns=1e9 / per_s)
    assert merge([load]).fps <= per_s * (1 + 1e-6)


# Few and long inferences


def even(agents: int, each: int, skew_ms: float = 0.3) -> list[Recorded]:
    """Agents of a second per inference that begin, and so end, a little apart."""
    begins = [ms(skew_ms * agent) for agent in range(agents)]
    return [
        recording(agent, begin, begin + each * seconds(1), steady(begin, seconds(1), each))
        for agent, begin in enumerate(begins)
    ]


@pytest.mark.parametrize(("agents", "each"), [(1, 1), (2, 1), (2, 3), (8, 3), (64, 1), (64, 50)])
def test_inferences_that_end_just_after_the_window_count_as_far_as_they_were_done(agents: int, each: int) -> None:
    merged = merge(even(agents, each))
    assert merged.fps == pytest.approx(agents)
    assert merged.count == each + (agents - 1) * (each - 1)
    assert merged.cells is not None
    assert np.allclose(merged.cells.fps(40), agents)
    assert [part.frames / (part.stop_ns - part.start_ns) * 1e9 for part in merged.timeline] == pytest.approx(
        [agents] * len(merged.timeline)
    )


def test_an_agent_in_which_nothing_ended_has_done_its_share() -> None:
    """A slow model for a second on two agents: one ends after 2.8 s, the other a little later."""
    one = recording(0, 0, ms(2800), steady(0, ms(2800), 1))
    other = recording(1, 0, ms(2912), steady(0, ms(2912), 1))
    merged = merge([one, other])
    assert merged.agent_counts == {0: 1, 1: 0}
    assert merged.agent_work[1].frames == pytest.approx(2800 / 2912)
    assert merged.fps == pytest.approx(1 / 2.8 + 1 / 2.912)
    assert sum(work.frames for work in merged.agent_work.values()) == merged.work.frames


@pytest.mark.parametrize("cut", [(0.0, 10.0), (0.123, 9.987), (0.5, 9.001)])
def test_edges_are_exact_where_what_is_between_was_folded(cut: tuple[float, float]) -> None:
    data = steady(0, ms(70), 150)
    start, stop = map(seconds, cut)
    whole = merge([recording(0, start, stop, data)])
    parts = (piece_of(0, 0, data[:20]), piece_of(0, 120, data[120:]))
    found = merge([recording(0, start, stop, *parts, rest=(folded(data[20:120], 0),))])
    assert found.edges_exact
    assert found.fps == pytest.approx(whole.fps) == pytest.approx(1 / 0.07)
    assert sum(part.frames for part in found.timeline) == pytest.approx(found.work.frames)


def test_without_exact_samples_at_the_edges_whole_inferences_count() -> None:
    data = steady(0, ms(70), 150)
    parts = (piece_of(0, 0, data[:20]), piece_of(0, 120, data[120:]))
    found = merge([recording(0, seconds(3), seconds(10), *parts, rest=(folded(data[20:120], 0),))])
    assert not found.edges_exact
    assert found.work.frames == found.count
