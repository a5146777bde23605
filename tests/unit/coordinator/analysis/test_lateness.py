"""What the generator added to a wait, against a queue kept one by one in a heap."""

import heapq
from typing import Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.lateness import Lateness, lateness_ns
from ovbench.coordinator.analysis.offered import Offered, in_order_of_due
from ovbench.coordinator.analysis.queues import Queue
from scripts.bench.atrate import ideal_waits

NONE: Final = np.empty(0, np.int64)

inferences = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 30), st.integers(0, 60)), min_size=1, max_size=80)
"""Of each: when it is due, how late it is started after it could be, and its service."""


def served(load: list[tuple[int, int, int]], requests: int) -> tuple[SampleArray, list[int]]:
    """First come, first served by so many requests; and what was added to each."""
    dues, added, services = np.array(sorted(load, key=lambda one: one[0]), np.int64).T
    starts = dues + ideal_waits(dues, added + services, requests) + added
    return SampleArray.of(starts, starts + services, dues), added.tolist()


def expected(samples: SampleArray, requests: int) -> list[int]:
    """By the definition: the largest ends so far in a heap."""
    largest: list[int] = []
    late = []
    for start, end, due in zip(samples.starts.tolist(), samples.ends.tolist(), samples.dues.tolist(), strict=True):
        ready = max(due, largest[0]) if len(largest) == requests else due
        late.append(max(0, start - ready))
        heapq.heappush(largest, end)
        if len(largest) > requests:
            heapq.heappop(largest)
    return late


@settings(deadline=None)
@given(load=inferences, requests=st.integers(1, 90))
def test_one_request_is_late_by_exactly_what_was_added(load: list[tuple[int, int, int]], requests: int) -> None:
    """With several, an arrival that is started late may leave another request idle: never more than was added."""
    samples, added = served(load, requests)
    found = lateness_ns(samples, requests).tolist()
    assert all(one <= other for one, other in zip(found, added, strict=True))
    if requests == 1:
        assert found == added


@settings(deadline=None)
@given(load=inferences, requests=st.integers(1, 12), others=st.integers(1, 12))
@example(load=[(0, 0, 60)] * 20, requests=12, others=12)
def test_it_is_that_of_a_heap_of_the_largest_ends(load: list[tuple[int, int, int]], requests: int, others: int) -> None:
    """Whatever number of requests served it in truth."""
    samples, _ = served(load, others)
    assert lateness_ns(samples, requests).tolist() == expected(samples, requests)


def queue(*rows: tuple[int, int, int], requests: int = 1, folded: int = 0) -> Queue:
    """Of inferences by due, start, end."""
    samples = in_order_of_due([SampleArray.of(*(np.array(rows, np.int64).reshape(-1, 3)[:, n] for n in (1, 2, 0)))])
    return Queue((0,), requests, requests, Offered(samples, NONE, NONE, 0), folded)


def test_an_arrival_of_the_window_waits_for_those_before_it() -> None:
    """The one due at 10 waits until 50 for the one due at 0, and is started 2 later."""
    found = Lateness.of([queue((0, 0, 50), (10, 52, 60), (70, 73, 80), (100, 150, 160))], 10, 100)
    assert found == Lateness(2, 2.5, 2, 3, 3)


def test_queues_are_late_each_by_themselves() -> None:
    found = Lateness.of([queue((0, 0, 50), (10, 11, 60), requests=2), queue((5, 9, 20))], 0, 100)
    assert found is not None
    assert (found.count, found.max) == (3, 4)
    assert found.mean == pytest.approx(5 / 3)


def test_nothing_is_known_where_nothing_started_or_samples_were_folded() -> None:
    assert Lateness.of([queue()], 0, 100) is None
    assert Lateness.of([queue((200, 200, 210))], 0, 100) is None
    assert Lateness.of([queue((0, 0, 50), folded=3)], 0, 100) is None
