from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.coordinator.analysis.slices import slice_edges_ns, slice_length_ns

quick = settings(max_examples=100, deadline=None)


@quick
@given(duration_ns=st.integers(0, 10**16), most=st.integers(1, 1000))
def test_slices_cover_the_duration_and_are_as_short_as_they_may_be(duration_ns: int, most: int) -> None:
    length = slice_length_ns(duration_ns, most, 100_000_000)
    assert length * most >= duration_ns
    assert length == 100_000_000 or length // 2 * most < duration_ns


def test_slices_of_different_durations_are_whole_multiples_of_each_other() -> None:
    """So that what agents folded by shorter slices can be added up into longer ones."""
    assert slice_length_ns(10 * 10**9, 256, 10**8) == 10**8
    assert slice_length_ns(1000 * 10**9, 256, 10**8) == 64 * 10**8


@quick
@given(start_ns=st.integers(0, 10**15), duration_ns=st.integers(1, 10**12), length_ns=st.integers(10**9, 10**11))
def test_slices_lie_end_to_end_and_only_the_last_has_another_length(
    start_ns: int, duration_ns: int, length_ns: int
) -> None:
    edges = slice_edges_ns(start_ns, start_ns + duration_ns, length_ns)
    assert (edges[0], edges[-1]) == (start_ns, start_ns + duration_ns)
    *lengths, last = [after - before for before, after in pairwise(edges)]
    assert set(lengths) <= {length_ns}
    assert last < 1.5 * length_ns
    assert not lengths or last >= length_ns // 2


def test_a_rest_is_a_slice_or_part_of_the_one_before() -> None:
    assert slice_edges_ns(0, 25, 10) == [0, 10, 20, 25]
    assert slice_edges_ns(0, 24, 10) == [0, 10, 24]
    assert slice_edges_ns(0, 4, 10) == [0, 4]
    assert slice_edges_ns(7, 7, 10) == [7]
