"""What a load did by cells of time, counted while it goes on from what the loops record."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.histogram import FINE
from ovbench.common.messages import Tally

from .layout import Int64s
from .recorder import Recorder

Places = npt.NDArray[np.intp]

_MOST_AT_ONCE: Final = 1 << 17
"""Samples read at a look: some milliseconds. Of more, evenly spread ones stand for their neighbours."""


class Counter:
    """Reads each sample about once. It belongs to one thread, which need not be that of the load."""

    def __init__(self, recorder: Recorder, begin_ns: int, cells_ns: Sequence[int], at_a_rate: bool) -> None:
        """`begin_ns`: of the first cell; `cells_ns`: where each ends, since then. `at_a_rate`: requests wait for their
        instants, so that one which ends nothing may have nothing to do."""
        self._recorder = recorder
        self._begin_ns = begin_ns
        self._edges = np.asarray([0, *cells_ns], np.int64)
        self._at_a_rate = at_a_rate
        self._sent = 0
        """Cells."""
        self._done = np.zeros(len(cells_ns))
        self._latencies: dict[int, Int64s] = {}
        """By cell, a histogram in FINE: of the few cells that are not over, and have any."""
        requests = len(recorder.slots)
        self._counts = [0] * requests
        self._ends = [0] * requests
        """The last one of each request, since the beginning."""

    def take(self, until_ns: int) -> list[Tally]:
        """Of the cells that are over and were not returned before. `until_ns`: now, or the end of the load.

        At a rate they are over by the clock. In a closed loop every request must have ended an inference beyond them,
        as each does that is under way when the load ends.
        """
        for request in range(len(self._counts)):
            self._read(request)
        over_ns = until_ns - self._begin_ns
        if not self._at_a_rate:
            over_ns = min(over_ns, *self._ends)
        over = min(int(np.searchsorted(self._edges, over_ns, side="right")) - 1, len(self._done))
        first, self._sent = self._sent, max(self._sent, over)
        return list(self._tallies(range(first, self._sent)))

    def _tallies(self, cells: range) -> Iterator[Tally]:
        for cell in cells:
            counts = self._latencies.pop(cell, np.zeros(0, np.int64))
            (buckets,) = counts.nonzero()
            yield Tally(
                cell=cell,
                inferences=float(self._done[cell]),
                buckets=buckets.astype("<i4").tobytes(),
                counts=counts[buckets].astype("<i8").tobytes(),
            )

    def _read(self, request: int) -> None:
        most = max(1, _MOST_AT_ONCE // len(self._counts))
        before, count = self._counts[request], self._recorder.count(request)
        indices = self._recorder.readable(request, before, count, most)
        if not len(indices):
            return
        samples = self._recorder.samples[request].at(indices)
        # Each stands for those before it as well that were passed over, or overwritten before they could be read.
        weights = np.diff(indices, prepend=before - 1)
        starts, ends = samples.starts - self._begin_ns, samples.ends - self._begin_ns
        if self._at_a_rate:
            self._add_ends(self._cells(ends), weights)
        else:
            self._add_work(starts, ends, indices - before, self._ends[request])
        counts = samples.dues >= self._begin_ns
        self._add_latencies(self._cells(ends[counts]), FINE.buckets(samples.latencies[counts]), weights[counts])
        self._counts[request], self._ends[request] = count, int(ends[-1])

    def _add_ends(self, cells: Places, weights: Int64s) -> None:
        within = (cells >= 0) & (cells < len(self._done))
        self._done += np.bincount(cells[within], weights[within], minlength=len(self._done))

    def _add_work(self, starts: Int64s, ends: Int64s, numbers: Int64s, since_ns: int) -> None:
        """Of inferences by their numbers since the last look, when the one before them had ended: with what is under
        way at an edge of a cell on either side of it, by the share of its time."""
        instants = np.concatenate([[since_ns], np.stack([starts, ends], axis=1).reshape(-1)])
        work = np.concatenate([[0], np.stack([numbers, numbers + 1], axis=1).reshape(-1)])
        self._done += np.diff(np.interp(self._edges, instants, work))

    def _add_latencies(self, cells: Places, buckets: Int64s, weights: Int64s) -> None:
        """`cells` ascend."""
        if not len(cells):
            return
        bounds = np.searchsorted(cells, np.arange(cells[0], min(cells[-1] + 1, len(self._done)) + 1))
        for cell, (low, high) in enumerate(pairwise(bounds.tolist()), int(cells[0])):
            if low < high:
                counts = np.bincount(buckets[low:high], weights[low:high], minlength=FINE.size).astype(np.int64)
                self._latencies[cell] = self._latencies.get(cell, 0) + counts

    def _cells(self, ends: Int64s) -> Places:
        """The cell that each end is in: one that comes to light late is in the first that was not sent, what ended
        before the window in none."""
        return np.where(ends < 0, -1, np.maximum(np.searchsorted(self._edges, ends, side="right") - 1, self._sent))
