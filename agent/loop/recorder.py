"""Memory for what the loops record: allocated before the load, fixed in size, read out after it.

Samples are exact up to the memory given for them. Beyond it the first (the head) and the latest samples of each request
stay exact, so that the window's edges can still be cut to the nanosecond, and those in between are histograms.
"""

import math
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from ovbench.common.errors import UsageError
from ovbench.common.folded import FoldedTimes
from ovbench.common.histogram import COARSE, FINE
from ovbench.common.messages import INSTANTS_PER_MESSAGE, SAMPLES_PER_MESSAGE, Dropped, Folded, Samples
from ovbench.common.samplelayout import row_words
from ovbench.common.samplememory import FIRST_SLICE_NS, head_and_ring, slices

from .cache import load_loops
from .layout import (
    CONTROL_WORDS,
    PART_WORDS,
    ROW_WORDS,
    ControlRow,
    FoldedPart,
    FoldedParts,
    Int64s,
    SampleMemory,
    Slot,
    Slots,
)

_MOST_COPIES: Final = 3
"""Of a histogram that is written meanwhile."""

_MOST_READINGS: Final = 100
"""Of two words that are written meanwhile, each time some 10 ns after the other."""

_NORESERVE: Final = getattr(mmap, "MAP_NORESERVE", 0x4000)  # Python names it from 3.13 on; linux/mman.h


def _aligned(*shape: int) -> Int64s:
    """Zeros from the start of a page on. Pages take no memory until they are touched, and none is set aside for them,
    as most never are: of 10,000 requests all histograms would be 8 GB. Raises OSError."""
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
    words: Int64s = np.frombuffer(mmap.mmap(-1, 8 * math.prod(shape), flags=private), np.int64).reshape(shape)
    return words


class FoldedSoFar(NamedTuple):
    """Of a request: by bucket of FINE, and by the request's own number, the sum of whose latencies is `total_ns`."""

    counts: Int64s
    number: int
    total_ns: int


@dataclass(frozen=True)
class Recorder:
    """What an agent's loop works on. `fine` [requests, FINE.size] and `coarse` [requests, slices, COARSE.size]: the
    histograms that overwritten samples fold into; at a rate their services and waits into `parts`, else None.
    `drops`: when the arrivals were due that were dropped, 0 where that is not noted yet."""

    control: ControlRow
    slots: Slots
    samples: tuple[SampleMemory, ...]
    fine: Int64s
    coarse: Int64s
    parts: tuple[FoldedParts, ...] | None = None
    drops: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def allocate(cls, requests: int, sample_bytes: int, timed: bool = False, arrivals: int = 0) -> "Recorder":
        """`timed`: of a load at a rate. With a number of `arrivals` any request has room for all of them, exactly, and
        nothing is ever folded: pages that no sample is written to take no memory.

        Raises UsageError where there is no address space for so many requests.
        """
        head, ring = (arrivals, 1) if arrivals else head_and_ring(sample_bytes, requests, timed)
        try:
            control = ControlRow(_aligned(CONTROL_WORDS))
            slots = Slots(_aligned(requests, ROW_WORDS))
            rows = _aligned(requests, head + ring, row_words(timed))
            samples = tuple(SampleMemory(part, head) for part in rows)
            fine = _aligned(requests, FINE.size)
            coarse = _aligned(requests, slices(requests), COARSE.size)
            parts = tuple(map(FoldedParts, _aligned(requests, 2, PART_WORDS))) if timed else None
            drops = _aligned(max(1, arrivals))
        except OSError as error:
            raise UsageError(
                f"-nireq: no address space for what {requests:,} requests record ({error.strerror}); use fewer"
                if not arrivals
                else f"No address space for what {requests:,} requests record of {arrivals:,} arrivals "
                f"({error.strerror}); lower --rate, measure for a shorter time, -t, or use fewer requests, -nireq"
            ) from None
        control.queue, control.drops = control.next_arrival_address, drops.ctypes.data
        for index, slot in enumerate(slots):
            slot.control = control.address
            slot.samples = samples[index].address
            slot.capacity = head + ring
            slot.head = head
            slot.mask = ring - 1
            slot.fine = fine[index].ctypes.data
            slot.coarse = coarse[index].ctypes.data
            slot.slices = slices(requests)
            slot.slice_ns = FIRST_SLICE_NS
            slot.parts = parts[index].address if parts is not None else 0
        return cls(control, slots, samples, fine, coarse, parts, drops)

    def clear(self) -> None:
        """Forget what was recorded. The pages of exact samples stay mapped, which spares the load the faults."""
        for request in self.slots.folded.nonzero()[0]:
            self.fine[request] = 0
            self.coarse[request] = 0
            if self.parts is not None:
                self.parts[request].clear()
        self.drops[: self.control.dropped] = 0
        self.slots.clear(FIRST_SLICE_NS)
        self.control.clear()

    def sealed(self) -> "Recorder":
        """With what was recorded until now, whatever is recorded after it."""
        sealed = replace(self, slots=self.slots.copy())
        load_loops().catch_up()
        return sealed

    def count(self, request: int) -> int:
        """The samples up to it can be read."""
        count = int(self.slots.counts[request])
        load_loops().catch_up()
        return count

    def counts(self, requests: Sequence[int] | slice = slice(None)) -> Int64s:
        """After all that was read before; the samples up to them can be read."""
        load_loops().catch_up()
        counts = np.array(self.slots.counts[requests])
        load_loops().catch_up()
        return counts

    @property
    def completed(self) -> int:
        return int(self.slots.counts.sum())

    def latest_latencies(self, request: int, since: int, most: int) -> Int64s:
        """Latencies of about `most` samples of a request from `since` on, evenly spread; readable during the load."""
        return self.samples[request].at(self.readable(request, since, self.count(request), most)).latencies

    def readable(self, request: int, since: int, count: int, most: int) -> Int64s:
        """Indices of about `most` of a request's first `count` samples, from `since` on, evenly spread up to the last:
        of those that are not about to be overwritten, as the load may go on."""
        since = max(since, count - len(self.samples[request]) // 2)
        return np.arange(count - 1, since - 1, -max(1, (count - since) // most))[::-1]

    def oldest(self, request: int) -> int:
        """The index of a request's first sample that is not overwritten, nor about to be, beyond those of the head."""
        count, memory = self.count(request), self.samples[request]
        return 0 if count < len(memory) else count - (len(memory) - memory.head) + 1

    def folded_so_far(self, request: int) -> FoldedSoFar:
        """Readable during the load, when `counts` may be a few samples ahead in one bucket and not in another."""
        load_loops().catch_up()
        for _ in range(_MOST_COPIES):
            counts = self.fine[request].copy()
            number, total_ns = self._folded_sum(request)
            if number == int(counts.sum()):
                break
        return FoldedSoFar(counts, number, total_ns)

    def _folded_sum(self, request: int) -> tuple[int, int]:
        """How many were folded, and the sum of their latencies, ns, which may be one sample's deviation ahead."""
        slot, catch_up = self.slots[request], load_loops().catch_up
        catch_up()
        number = slot.folded
        for _ in range(_MOST_READINGS):
            catch_up()
            pivot_ns, deviation_ns, before = slot.pivot_ns, slot.deviation_ns, number
            catch_up()
            number = slot.folded
            if number == before:
                break
        return number, pivot_ns * number + round(deviation_ns)

    def ends(self) -> list[int]:
        """The end of each request's last inference; a request that completed none is left out."""
        counts = self.counts().tolist()
        return [
            int(samples.at(np.asarray([count - 1])).ends[0])
            for samples, count in zip(self.samples, counts, strict=True)
            if count
        ]

    @property
    def idle(self) -> bool:
        """At a rate: whether no request has an arrival that is due."""
        return bool((self.slots.idle | self.slots.done).all())

    def dropped(self) -> Int64s:
        """When the arrivals were due that were dropped, ns since the window's start, in the order in which that was
        seen. In an abandoned load another thread may be about to note one that it has counted."""
        counted = self.drops[: self.control.dropped]
        since: Int64s = counted[counted != 0] - self.control.zero_ns
        return since

    def contents(self) -> Iterator[Samples | Folded | Dropped]:
        """All that was recorded, as messages; a request's samples in the order of their ends."""
        for request, (slot, samples) in enumerate(zip(self.slots, self.samples, strict=True)):
            for first, stretch in samples.stretches(slot.count):
                for at in range(0, len(stretch), SAMPLES_PER_MESSAGE):
                    part = stretch[at : at + SAMPLES_PER_MESSAGE]
                    yield Samples(request=request, data=part.to_bytes(), first=first + at, timed=part.timed)
            if slot.folded:
                yield self._folded(request, slot)
        dropped = np.sort(self.dropped())
        for at in range(0, len(dropped), INSTANTS_PER_MESSAGE):
            yield Dropped(data=dropped[at : at + INSTANTS_PER_MESSAGE].astype("<i8", copy=False).tobytes())

    def _folded(self, request: int, slot: Slot) -> Folded:
        (fine,) = self.fine[request].nonzero()
        slices, buckets = self.coarse[request].nonzero()
        return Folded(
            request=request,
            count=slot.folded,
            first_end_ns=slot.first_end_ns,
            last_end_ns=slot.last_end_ns,
            least_ns=slot.least_ns,
            most_ns=slot.most_ns,
            pivot_ns=slot.pivot_ns,
            total_deviation_ns=slot.deviation_ns,
            total_square_ns2=slot.square_ns2,
            fine_buckets=fine.astype("<i4").tobytes(),
            fine_counts=self.fine[request][fine].astype("<i8").tobytes(),
            slice_ns=slot.slice_ns,
            slice_indices=slices.astype("<i4").tobytes(),
            slice_buckets=buckets.astype("<i4").tobytes(),
            slice_counts=self.coarse[request][slices, buckets].astype("<i8").tobytes(),
            service=_folded_times(self.parts[request].service) if self.parts is not None else None,
            wait=_folded_times(self.parts[request].wait) if self.parts is not None else None,
        )


def _folded_times(part: FoldedPart) -> FoldedTimes:
    (buckets,) = part.fine.nonzero()
    return FoldedTimes(
        least_ns=part.least_ns,
        most_ns=part.most_ns,
        pivot_ns=part.pivot_ns,
        total_deviation_ns=part.deviation_ns,
        total_square_ns2=part.square_ns2,
        fine_buckets=buckets.astype("<i4").tobytes(),
        fine_counts=part.fine[buckets].astype("<i8").tobytes(),
    )
