"""Loads in cells: what is done in each, against closed forms and against counting one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.cells import cell_edges, count_cells, longest_gap_ns, longest_stall_ns
from ovbench.coordinator.analysis.merge import merge
from tests.builders import folded, ms, pairs, piece_of, recording, seconds, steady

quick = settings(max_examples=60, deadline=None)


def numbers(*values: int) -> Int64s:
    return np.asarray(values, np.int64)


@quick
@given(
    ends=st.lists(st.lists(st.integers(0, 400), max_size=30), max_size=5),
    limit=st.integers(0, 20),
    large=st.booleans(),
)
def test_a_tally_is_that_of_counting_one_by_one(ends: list[list[int]], limit: int, large: bool) -> None:
    repeat = 5000 if large else 1
    pieces = [pairs(np.repeat(sorted(part), repeat), np.repeat(part, repeat) % 20) for part in ends if part]
    counts, below = count_cells([SampleArray(piece) for piece in pieces], cell_edges(0, 400), [limit, 30])
    cells, fast = [0] * 40, [0] * 40
    for piece in pieces:
        for begin, end in piece[:: 1 if not large else repeat].tolist():
            cells[min(end // 10, 39)] += repeat
            fast[min(end // 10, 39)] += repeat * (end - begin <= limit)
    assert counts.tolist() == cells == below[1].tolist()
    if not large:
        assert below[0].tolist() == fast


def test_a_tally_by_large_pieces_is_that_of_many_small_ones() -> None:
    random = np.random.default_rng(1)
    latencies = random.integers(1, 1000, 20_000)
    data = SampleArray(pairs(np.cumsum(latencies), latencies))
    edges = cell_edges(0, int(data.ends[-1]))
    whole = count_cells([data], edges, [10, 500])
    parts = count_cells([data[at : at + 1000] for at in range(0, len(data), 1000)], edges, [10, 500])
    assert np.array_equal(whole[0], parts[0])
    assert np.array_equal(whole[1], parts[1])


@quick
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12),
    st.integers(0, 40),
    st.integers(0, 60),
)
def test_a_stall_is_a_time_in_which_nothing_ends_although_the_next_is_due(
    parts: list[tuple[int, int, int]], start: int, length: int
) -> None:
    """By looking at every instant."""
    dues, waits, services = np.array(parts).T
    samples = SampleArray.of(dues + waits, dues + waits + services, dues)
    run = longest = 0
    for instant in range(start, start + length):
        later = [row for row in zip(samples.ends.tolist(), dues.tolist(), strict=True) if row[0] > instant]
        nearest = min(later, default=None)
        pending = nearest is not None and any(end == nearest[0] and due <= instant for end, due in later)
        run = run + 1 if pending and instant not in samples.ends else int(pending)
        longest = max(longest, run)
    assert longest_stall_ns(samples, start, start + length) == longest


def test_cells_of_a_steady_load_are_alike_though_inferences_do_not_fit_them() -> None:
    merged = merge([recording(0, 0, seconds(10), steady(0, ms(70), 200), batches=(3,))])
    assert merged.cells is not None
    assert len(merged.cells) == 40
    assert np.allclose(merged.cells.fps(40), 3 / 0.07)
    assert np.allclose(merged.cells.fps(5), 3 / 0.07)


def test_cells_hold_the_frames_of_every_agent_and_request() -> None:
    pieces = [piece_of(request, 0, steady(0, ms(10), 1100)) for request in range(3)]
    merged = merge([recording(0, 0, seconds(10), *pieces), recording(1, 0, seconds(10), steady(0, ms(20), 600))])
    assert merged.cells is not None
    assert merged.cells.frames[0].sum() == pytest.approx(3000)
    assert merged.cells.frames[1].sum() == pytest.approx(500)


def test_a_load_that_was_folded_has_its_slices_for_cells() -> None:
    data = steady(0, ms(10), 1000)
    merged = merge([recording(0, 0, seconds(10), data[:100], data[900:], rest=(folded(data[100:900], 0),))])
    assert merged.cells is not None
    assert len(merged.cells) == len(merged.timeline) == 10
    assert merged.cells.frames[0].tolist() == [part.frames for part in merged.timeline]
    assert merged.fps_ci95 is not None


def test_a_gap_is_the_longest_time_without_an_end_of_any_request() -> None:
    ends = [numbers(10, 20, 90), numbers(15, 60, 95, 300)]
    assert longest_gap_ns(ends, 5, 100) == 40
    assert longest_gap_ns([numbers(10)], 0, 100) == 90


def test_a_gap_is_looked_for_only_where_every_request_was_long_under_way() -> None:
    stalled = pairs([ms(10), ms(20), ms(320), ms(330), ms(400)], [ms(10), ms(10), ms(300), ms(10), ms(70)])
    going = piece_of(1, 0, steady(0, ms(10), 40))
    assert merge([recording(0, 0, ms(400), stalled)]).agent_gaps_ms == {0: 300}
    assert merge([recording(0, 0, ms(400), piece_of(0, 0, stalled), going)]).agent_gaps_ms == {}
