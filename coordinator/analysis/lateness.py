"""What the load generator itself added: by how much later an arrival was started than it could have been. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ovbench.common.histogram import nearest_rank
from ovbench.common.samples import SampleArray

from .queues import Queue

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lateness:
    """In ns, of the arrivals that were due in a window and started, at least one."""

    count: int
    mean: float
    median: int
    p99: int
    max: int

    @classmethod
    def of(cls, queues: Sequence[Queue], start_ns: int, stop_ns: int) -> Self | None:
        """None where none was started, or some are known as a histogram only. What was due before may still have been
        under way."""
        if any(queue.folded for queue in queues):
            return None
        found = []
        for queue in queues:
            samples = queue.offered.samples
            low, high = np.searchsorted(samples.dues, (start_ns, stop_ns))
            found.append(lateness_ns(samples, queue.requests)[low:high])
        values = np.concatenate([np.empty(0, np.int64), *found])
        if not len(values):
            return None
        ranks = [nearest_rank(len(values), percent) for percent in (50.0, 99.0)]
        values.partition(ranks)
        median, p99 = (int(values[rank]) for rank in ranks)
        return cls(len(values), float(values.mean()), median, p99, int(values.max()))


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
    passed = ends
    for rank in range(1, min(requests, len(dues) - 1) + 1):
        # From the second arrival on: the largest of what was passed before it.
        largest = np.maximum.accumulate(passed)
        waits = largest[:-1] > dues[rank:]
        if not waits.any():
            break
        if rank == requests:
            ready = dues.copy()
            ready[rank:] = np.maximum(dues[rank:], largest[:-1])
            return ready
        passed = np.minimum(passed[1:], largest[:-1])
    return dues
