"""What the generator added to a wait, against a queue kept one by one in a heap."""

import heapq

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.lateness import lateness_ns
from scripts.bench.atrate import ideal_waits

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
@example(load=[(0, 0, 60 + at % 7) for at in range(200)], requests=90, others=90)
def test_it_is_that_of_a_heap_of_the_largest_ends(load: list[tuple[int, int, int]], requests: int, others: int) -> None:
    """Whatever number of requests served it in truth."""
    samples, _ = served(load, others)
    assert lateness_ns(samples, requests).tolist() == expected(samples, requests)
