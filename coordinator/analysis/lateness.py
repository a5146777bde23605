"""What the load generator itself added: by how much later an arrival was started than it could have been. Pure."""

import heapq
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.samples import SampleArray

Int64s = npt.NDArray[np.int64]

_MOST_PASSES: Final = 48
"""Of numpy over all ends; each next one costs more than a 48th of what a heap costs, which takes any number of requests
in one."""

_BLOCK: Final = 1 << 16
"""Of ends that are Python's at a time."""


def lateness_ns(samples: SampleArray, requests: int) -> Int64s:
    """Of each of all the samples of a queue that so many requests serve, int64 [n].

    `samples` are in the order in which they were due. An arrival can be started when it is due and fewer than
    `requests` of those before it are unfinished, which is at the end that is the `requests`-th largest of theirs.
    """
    late: Int64s = np.maximum(samples.starts - _ready(samples.dues, samples.ends, requests), 0)
    return late


def _ready(dues: Int64s, ends: Int64s, requests: int) -> Int64s:
    """When each could be started. The r-th largest of the ends so far is found for one r after the other: what the next
    one has to choose from is the smaller of each end and the largest before it. Where the r-th largest keeps nothing
    waiting, no smaller one does."""
    if requests >= len(dues):
        return dues
    passed = ends
    for rank in range(1, requests + 1):
        # From the second arrival on: the largest of what was passed before it.
        largest = np.maximum.accumulate(passed)
        waits = largest[:-1] > dues[rank:]
        if not waits.any():
            break
        if rank == requests:
            return _not_before(dues, largest[:-1])
        passed = np.minimum(passed[1:], largest[:-1])
        if rank == _MOST_PASSES:
            return _not_before(dues, _largest(passed[:-1], requests - rank))
    return dues


def _largest(values: Int64s, rank: int) -> Int64s:
    """Of the values so far the one that is the `rank`-th largest, from where there are so many on."""
    heap = values[:rank].tolist()
    heapq.heapify(heap)
    found = np.empty(len(values) - rank + 1, np.int64)
    found[0] = heap[0]
    for at in range(rank, len(values), _BLOCK):
        largest = []
        for value in values[at : at + _BLOCK].tolist():
            heapq.heappushpop(heap, value)
            largest.append(heap[0])
        found[at - rank + 1 : at - rank + 1 + len(largest)] = largest
    return found


def _not_before(dues: Int64s, instants: Int64s) -> Int64s:
    """The last of `dues`, as many as there are `instants`, moved to these."""
    ready = dues.copy()
    last = ready[len(dues) - len(instants) :]
    np.maximum(last, instants, out=last)
    return ready
