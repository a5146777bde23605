"""All latencies of a load so far as one histogram, read while it goes on from what the loops record. Nothing is
sampled: each inference is counted, and counted once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from ovbench.common.clock import NS_PER_MS, NS_PER_S, Clock
from ovbench.common.histogram import FINE
from ovbench.common.messages import Counted
from ovbench.common.samples import SampleArray

from .layout import Int64s
from .recorder import Recorder

_CHUNK: Final = 1 << 16
"""Samples counted together, which bounds the memory that a look takes."""

_MOST_TOGETHER: Final = 4096
"""Requests whose samples are counted together: some tens of ms."""

_MOST_LOOK_NS: Final = 100 * NS_PER_MS
"""A look during the load takes hardly longer, as heartbeats wait for it; the next one goes on where it ended."""


class _Stretch(NamedTuple):
    """Inferences of a request, from `first` on to before `stop`."""

    request: int
    first: int
    stop: int


@dataclass
class _Sum:
    """`next`: of each request, the index of the first inference that has not been counted."""

    counts: Int64s
    next: Int64s
    total_ns: int = 0

    @classmethod
    def of_none(cls, requests: int) -> "_Sum":
        return cls(np.zeros(FINE.size, np.int64), np.zeros(requests, np.int64))

    def add(self, latencies: Int64s) -> None:
        self.counts += FINE.count(latencies)
        self.total_ns += int(latencies.sum())


class Totals:
    """Reads samples before they are overwritten; where that comes too late, the histograms that they were folded into.
    It belongs to one thread, which need not be that of the load.

    A histogram that is folded into while it is copied may be a few samples ahead in one bucket and not in another. The
    number of inferences is right also then, and the rest is when the load has ended.
    """

    def __init__(self, recorder: Recorder, begin_ns: int, clock: Clock) -> None:
        """`begin_ns`: what was due before, as in a lead-in, does not count. Of such a load nothing is folded."""
        self._recorder = recorder
        self._begin_ns = begin_ns
        self._clock = clock
        self._sum = _Sum.of_none(len(recorder.slots))
        self._anew: _Sum | None = None
        """What is being counted from the beginning on, as samples were overwritten before they were read."""
        self._at = 0
        """The request that the next look begins with."""
        self._was_late = False
        self._told_ns = 0

    def take(self, ended: bool = False) -> Counted:
        """`ended`: no load runs any more, and nothing is left for another look."""
        until_ns = None if ended else self._clock() + _MOST_LOOK_NS
        if ended and self._was_late:
            self._anew = self._none()
        elif self._anew is None and not self._read(until_ns):
            self._was_late = True
            self._anew = self._none()
        if self._anew is not None and self._count_anew(self._anew, until_ns):
            self._sum, self._anew = self._anew, None
        (buckets,) = self._sum.counts.nonzero()
        counts = self._sum.counts[buckets]
        # During the load the sum of what was folded may be a sample ahead of, or behind, their number.
        self._told_ns = self._sum.total_ns if ended else max(self._told_ns, self._sum.total_ns)
        return Counted(
            completed=int(counts.sum()),
            dropped=self._recorder.control.dropped,
            total_s=self._told_ns / NS_PER_S,
            buckets=buckets.astype("<i4").tobytes(),
            counts=counts.astype("<i8").tobytes(),
        )

    def _none(self) -> _Sum:
        return _Sum.of_none(len(self._recorder.slots))

    def _is_over(self, until_ns: int | None) -> bool:
        return until_ns is not None and self._clock() >= until_ns

    def _read(self, until_ns: int | None) -> bool:
        """The samples that are new; False where some of them have been overwritten."""
        counts = self._recorder.counts()
        (new,) = (counts > self._sum.next).nonzero()
        at = int(np.searchsorted(new, self._at))
        for part in _parts(np.concatenate([new[at:], new[:at]]), self._sum.next, counts):
            latencies = self._latencies(part)
            if latencies is None:
                return False
            self._sum.add(latencies)
            for request, _, stop in part:
                self._sum.next[request] = stop
            self._at = part[-1].request
            if self._is_over(until_ns):
                break
        return True

    def _count_anew(self, anew: _Sum, until_ns: int | None) -> bool:
        """Of each request what there is when it is its turn, from its histogram, too, if it has folded any; returns
        whether all have had theirs."""
        slots = self._recorder.slots
        counts = self._recorder.counts()
        (left,) = ((counts > 0) & (anew.next == 0)).nonzero()
        alone = (slots.folded[left] > 0) | (counts[left] > _CHUNK)
        for request in left[alone].tolist():
            anew.next[request] = self._count_request(anew, request)
            if self._is_over(until_ns):
                return False
        for part in _parts(left[~alone], anew.next, counts, whole=True):
            latencies = self._latencies(part)
            if latencies is not None:
                anew.add(latencies)
            for request, _, stop in part:
                anew.next[request] = stop if latencies is not None else self._count_request(anew, request)
            if self._is_over(until_ns):
                return False
        return True

    def _count_request(self, anew: _Sum, request: int) -> int:
        """What was folded, and the samples that were not; returns how many."""
        recorder = self._recorder
        head, count = recorder.samples[request].head, recorder.count(request)
        for at in range(0, min(head, count), _CHUNK):
            anew.add(self._copy([_Stretch(request, at, min(head, count, at + _CHUNK))]))
        # Samples before histograms: those that are folded after they were read are left out then.
        first = max(head, recorder.oldest(request) - 1)
        ring = [
            (at, self._copy([_Stretch(request, at, min(count, at + _CHUNK))])) for at in range(first, count, _CHUNK)
        ]
        folded = recorder.folded_so_far(request)
        anew.counts += folded.counts
        anew.total_ns += folded.total_ns
        counted, summed = head + int(folded.counts.sum()), head + folded.number
        for at, latencies in ring:
            anew.counts += FINE.count(latencies[max(0, counted - at) :])
            anew.total_ns += int(latencies[max(0, summed - at) :].sum())
        return max(count, counted) if count > head else count

    def _latencies(self, part: list[_Stretch]) -> Int64s | None:
        """Of stretches; None where one may have been overwritten before it was copied."""
        latencies = self._copy(part)
        after = self._recorder.counts([request for request, _, _ in part]).tolist()
        for (request, first, stop), count in zip(part, after, strict=True):
            samples = self._recorder.samples[request]
            if count > len(samples) - 1 and stop > samples.head:
                # Of the first sample that is not overwritten, nor about to be.
                oldest = count - (len(samples) - samples.head) + 1
                if oldest > max(first, samples.head):
                    return None
        return latencies

    def _copy(self, part: list[_Stretch]) -> Int64s:
        memories = self._recorder.samples
        rows = [rows for request, first, stop in part for rows in memories[request].between(first, stop)]
        copy = SampleArray(np.concatenate(rows))
        return copy.latencies[copy.dues >= self._begin_ns]


def _parts(requests: Int64s, first: Int64s, stop: Int64s, whole: bool = False) -> Iterator[list[_Stretch]]:
    """Their inferences from `first` on to before `stop`, in parts of about _CHUNK. `whole`: no request is divided."""
    part: list[_Stretch] = []
    size = 0
    for request, at, end in zip(requests.tolist(), first[requests].tolist(), stop[requests].tolist(), strict=True):
        while at < end:
            upto = end if whole else min(end, at + _CHUNK - size)
            part.append(_Stretch(request, at, upto))
            size += upto - at
            at = upto
            if size >= _CHUNK or len(part) >= _MOST_TOGETHER:
                yield part
                part, size = [], 0
    if part:
        yield part
