"""Arrivals of a load by what became of them."""

from collections import Counter
from typing import Final

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.offered import Offered, in_order_of_due, left_over

NONE: Final = np.empty(0, np.int64)

few_instants = st.lists(st.integers(0, 12), max_size=40)
"""So that they repeat."""


def ascending(instants: list[int]) -> Int64s:
    return np.array(sorted(instants), np.int64)


@given(dues=few_instants, accounted=st.lists(few_instants, max_size=3))
def test_what_is_left_over_is_the_difference_of_multisets(dues: list[int], accounted: list[list[int]]) -> None:
    expected = Counter(dues)
    for part in accounted:
        expected.subtract(part)
    left = left_over(ascending(dues), [ascending(part) for part in accounted])
    assert left.tolist() == sorted(expected.elements())


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20), max_size=4))
def test_samples_are_in_the_order_of_due_and_then_of_their_starts(parts: list[list[tuple[int, int]]]) -> None:
    arrays = []
    for part in parts:
        dues, waits = np.array(part, np.int64).reshape(-1, 2).T
        arrays.append(SampleArray.of(dues + waits, dues + waits + 1, dues))
    found = in_order_of_due(arrays)
    assert found.timed
    assert list(zip(found.dues.tolist(), found.starts.tolist(), strict=True)) == sorted(
        (due, due + wait) for part in parts for due, wait in part
    )


def offered(dues: list[int], dropped: list[int], unfinished: list[int], ended: int, timeout: int = 0) -> Offered:
    due = ascending(dues)
    return Offered(SampleArray.of(due, due + 1, due), ascending(dropped), ascending(unfinished), ended, timeout)


def test_a_span_has_what_was_due_from_its_first_instant_to_before_its_last() -> None:
    part = offered([1, 2, 3, 4], [2, 4], [1, 3], 9).between(2, 4)
    assert part.samples.dues.tolist() == [2, 3]
    assert part.dropped_ns.tolist() == [2]
    assert part.unfinished_ns.tolist() == [3]
    assert len(part) == 4


def test_what_was_dropped_took_the_timeout_and_what_is_unfinished_at_least_until_it_ended() -> None:
    assert offered([], [1, 2], [3, 8], ended=7, timeout=5).at_least_ns.tolist() == [5, 5, 4, 0]


@given(st.lists(st.tuples(few_instants, few_instants, few_instants, st.integers(0, 9)), min_size=1, max_size=3))
def test_together_they_are_all_of_each(parts: list[tuple[list[int], list[int], list[int], int]]) -> None:
    whole = Offered.joined([offered(*part) for part in parts])
    assert whole.samples.dues.tolist() == sorted(due for part in parts for due in part[0])
    assert whole.dropped_ns.tolist() == sorted(due for part in parts for due in part[1])
    assert whole.unfinished_ns.tolist() == sorted(due for part in parts for due in part[2])
    assert whole.ended_ns == min(part[3] for part in parts)
