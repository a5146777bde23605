"""Memory for what the loops record: allocated before the load, fixed in size, read out after it.

Samples are exact up to the memory given for them. Beyond it the first (the head) and the latest samples of each request
stay exact, so that the window's edges can still be cut to the nanosecond, and those in between are histograms.
"""

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.errors import UsageError
from ovbench.common.histogram import COARSE, FINE
from ovbench.common.messages import SAMPLES_PER_MESSAGE, Folded, Samples
from ovbench.common.samplememory import head_and_ring, slices

from . import loops

Int64s = npt.NDArray[np.int64]

FIRST_SLICE_NS: Final = 1_000_000_000


_NORESERVE: Final = getattr(mmap, "MAP_NORESERVE", 0x4000)  # Python names it from 3.13 on; linux/mman.h


def _aligned(*shape: int) -> Int64s:
    """Zeros from the start of a page on. Pages take no memory until they are touched, and none is set aside for them,
    as most never are: of 10,000 requests all histograms would be 8 GB. Raises OSError."""
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
    words: Int64s = np.frombuffer(mmap.mmap(-1, 8 * math.prod(shape), flags=private), np.int64).reshape(shape)
    return words


@dataclass(frozen=True)
class Recorder:
    """`control` [ROW_WORDS]; `slots` [requests, ROW_WORDS]; a request's samples [capacity, 2]: start_ns, end_ns."""

    control: Int64s
    slots: Int64s
    samples: tuple[Int64s, ...]
    fine: Int64s
    coarse: Int64s
    head: int
    """How many samples of each request are never overwritten."""

    @classmethod
    def allocate(cls, requests: int, sample_bytes: int) -> "Recorder":
        """Raises UsageError where there is no address space for so many requests."""
        head, ring = head_and_ring(sample_bytes, requests)
        try:
            control = _aligned(loops.ROW_WORDS)
            slots = _aligned(requests, loops.ROW_WORDS)
            samples = tuple(_aligned(requests, head + ring, 2))
            fine = _aligned(requests, FINE.size)
            coarse = _aligned(requests, slices(requests), COARSE.size)
        except OSError as error:
            raise UsageError(
                f"-nireq: no address space for what {requests:,} requests record ({error.strerror}); use fewer"
            ) from None
        for index, slot in enumerate(slots):
            slot[loops.S_CONTROL] = control.ctypes.data
            slot[loops.S_SAMPLES] = samples[index].ctypes.data
            slot[loops.S_CAPACITY] = head + ring
            slot[loops.S_HEAD] = head
            slot[loops.S_MASK] = ring - 1
            slot[loops.S_FINE] = fine[index].ctypes.data
            slot[loops.S_COARSE] = coarse[index].ctypes.data
            slot[loops.S_SLICES] = slices(requests)
            slot[loops.S_SLICE_NS] = FIRST_SLICE_NS
        return cls(control, slots, samples, fine, coarse, head)

    def clear(self) -> None:
        """Forget what was recorded. The pages of exact samples stay mapped, which spares the load the faults."""
        for request in self.slots[:, loops.S_FOLDED].nonzero()[0]:
            self.fine[request] = 0
            self.coarse[request] = 0
        self.slots[:, [loops.S_COUNT, loops.S_STATUS, loops.S_DONE, loops.S_IDLE]] = 0
        self.slots[:, [loops.S_FOLDED, loops.S_DEVIATION, loops.S_SQUARE]] = 0
        self.slots[:, loops.S_SLICE_NS] = FIRST_SLICE_NS
        self.control[[loops.C_STOP, loops.C_STARTED, loops.C_NEXT, loops.C_BEGAN]] = 0

    def sealed(self) -> "Recorder":
        """With what was recorded until now, whatever is recorded after it."""
        return replace(self, slots=self.slots.copy())

    def count(self, request: int) -> int:
        return int(self.slots[request, loops.S_COUNT])

    @property
    def completed(self) -> int:
        return int(self.slots[:, loops.S_COUNT].sum())

    def latest_latencies(self, request: int, since: int, most: int) -> Int64s:
        """Latencies of about `most` samples of a request from `since` on, evenly spread; readable during the load."""
        count, capacity = self.count(request), len(self.samples[request])
        since = max(since, count - capacity // 2)
        if count <= since:
            return np.zeros(0, np.int64)
        indices = np.arange(since, count, max(1, (count - since) // most))
        pairs = self.samples[request][self._places(indices, capacity)]
        latencies: Int64s = pairs[:, 1] - pairs[:, 0]
        return latencies

    def ends(self) -> list[int]:
        """The end of each request's last inference; a request that completed none is left out."""
        last = []
        for slot, samples in zip(self.slots, self.samples, strict=True):
            count = int(slot[loops.S_COUNT])
            if count:
                last.append(int(samples[self._places(np.asarray([count - 1]), len(samples))[0], 1]))
        return last

    def contents(self) -> Iterator[Samples | Folded]:
        """All that was recorded, as messages; a request's samples in the order of their ends."""
        for request, (slot, samples) in enumerate(zip(self.slots, self.samples, strict=True)):
            for first, stretch in self._stretches(int(slot[loops.S_COUNT]), samples):
                for at in range(0, len(stretch), SAMPLES_PER_MESSAGE):
                    data = stretch[at : at + SAMPLES_PER_MESSAGE].astype("<i8", copy=False).tobytes()
                    yield Samples(request=request, data=data, first=first + at)
            if slot[loops.S_FOLDED]:
                yield self._folded(request, slot)

    def _places(self, indices: Int64s, capacity: int) -> Int64s:
        """Where the samples of these indices lie: the head, then round the ring (as `loops.record` has it)."""
        head, ring = self.head, capacity - self.head
        return np.where(indices < head, indices, head + ((indices - head) & (ring - 1)))

    def _stretches(self, count: int, samples: Int64s) -> list[tuple[int, Int64s]]:
        """The exact samples in order, in pieces that lie together: the index of each piece's first inference, and it.

        What was folded lies between the head and the ring.
        """
        capacity = len(samples)
        if count <= capacity:
            return [(0, samples[:count])]
        head, ring = self.head, capacity - self.head
        oldest = head + ((count - head) & (ring - 1))
        turned = count - (oldest - head)
        return [(0, samples[:head]), (count - ring, samples[oldest:]), (turned, samples[head:oldest])]

    def _folded(self, request: int, slot: Int64s) -> Folded:
        reals = slot.view(np.float64)
        (fine,) = self.fine[request].nonzero()
        slices, buckets = self.coarse[request].nonzero()
        return Folded(
            request=request,
            count=int(slot[loops.S_FOLDED]),
            first_end_ns=int(slot[loops.S_FIRST_END]),
            last_end_ns=int(slot[loops.S_LAST_END]),
            least_ns=int(slot[loops.S_LEAST]),
            most_ns=int(slot[loops.S_MOST]),
            pivot_ns=int(slot[loops.S_PIVOT]),
            total_deviation_ns=float(reals[loops.S_DEVIATION]),
            total_square_ns2=float(reals[loops.S_SQUARE]),
            fine_buckets=fine.astype("<i4").tobytes(),
            fine_counts=self.fine[request][fine].astype("<i8").tobytes(),
            slice_ns=int(slot[loops.S_SLICE_NS]),
            slice_indices=slices.astype("<i4").tobytes(),
            slice_buckets=buckets.astype("<i4").tobytes(),
            slice_counts=self.coarse[request][slices, buckets].astype("<i8").tobytes(),
        )
