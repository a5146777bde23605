"""All latencies of a load so far as one histogram, read while it goes on from what the loops record. Nothing is
sampled: each inference is counted, and counted once."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from ovbench.common.clock import NS_PER_S
from ovbench.common.histogram import FINE
from ovbench.common.messages import Counted

from .layout import Int64s
from .recorder import Recorder

_CHUNK: Final = 1 << 16
"""Samples looked at together, which bounds the memory that a look takes."""


class Totals:
    """Reads samples before they are overwritten; where that comes too late, the histograms that they were folded into.
    It belongs to one thread, which need not be that of the load.

    A histogram that is folded into while it is copied may be a few samples ahead in one bucket and not in another. The
    number of inferences is right also then, and the rest is when the load has ended.
    """

    def __init__(self, recorder: Recorder, begin_ns: int) -> None:
        """`begin_ns`: what was due before, as in a lead-in, does not count. Of such a load nothing is folded."""
        self._recorder = recorder
        self._begin_ns = begin_ns
        self._counts = np.zeros(FINE.size, np.int64)
        self._total_ns = 0
        self._next = [0] * len(recorder.slots)
        """Of each request, the index of the first inference that has not been counted."""
        self._was_late = False

    def take(self, ended: bool = False) -> Counted:
        """`ended`: no load runs any more."""
        if (ended and self._was_late) or not all(self._read(request) for request in range(len(self._next))):
            self._was_late = True
            self._count_anew()
        (buckets,) = self._counts.nonzero()
        counts = self._counts[buckets]
        return Counted(
            completed=int(counts.sum()),
            dropped=self._recorder.control.dropped,
            total_s=self._total_ns / NS_PER_S,
            buckets=buckets.astype("<i4").tobytes(),
            counts=counts.astype("<i8").tobytes(),
        )

    def _read(self, request: int) -> bool:
        """The samples that are new; False where some of them have been overwritten."""
        count = self._recorder.count(request)
        for first, latencies in self._latencies(request, self._next[request], count):
            if self._recorder.oldest(request) > first:
                return False
            self._add(latencies)
        self._next[request] = count
        return True

    def _count_anew(self) -> None:
        self._counts[:] = 0
        self._total_ns = 0
        self._next = [self._count_request(request) for request in range(len(self._next))]

    def _count_request(self, request: int) -> int:
        """What was folded, and the samples that were not; returns how many."""
        recorder = self._recorder
        head, count = recorder.samples[request].head, recorder.count(request)
        for _, latencies in self._latencies(request, 0, min(head, count)):
            self._add(latencies)
        # Samples before histograms: those that are folded after they were read are left out then.
        first = max(head, recorder.oldest(request) - 1)
        ring = [latencies for _, latencies in self._latencies(request, first, count)]
        folded, total_ns = recorder.folded_so_far(request)
        self._counts += folded
        self._total_ns += total_ns
        beyond = head + int(folded.sum())
        for latencies in ring:
            self._add(latencies[max(0, beyond - first) :])
            first += len(latencies)
        return max(count, beyond) if count > head else count

    def _latencies(self, request: int, first: int, count: int) -> Iterator[tuple[int, Int64s]]:
        """Of the inferences from `first` on to before `count`: the index of the first of them, and a copy."""
        samples = self._recorder.samples[request]
        for at in range(first, count, _CHUNK):
            part = samples.at(np.arange(at, min(count, at + _CHUNK)))
            yield at, part.latencies[part.dues >= self._begin_ns]

    def _add(self, latencies: Int64s) -> None:
        self._counts += FINE.count(latencies)
        self._total_ns += int(latencies.sum())
