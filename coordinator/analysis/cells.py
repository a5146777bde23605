"""The window cut into cells: what was done in each, by agent, and how its latencies lay. Pure.

An inference that is under way at an edge counts on either side by the share of its time (see `progress`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_S
from ovbench.common.samples import SampleArray

from ..stats.uncertainty import grouped
from .times import LATENCY, Time

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

CELLS: Final = 40
"""Divides into 8 batches, 5 windows, and 20, 10 or 8 values for a trend."""

_LARGE: Final = 4_096
"""Samples from which it pays to cut a piece itself."""


@dataclass(frozen=True)
class Cells:
    """`edges_ns` [n + 1]; `frames` [n] by agent."""

    edges_ns: Int64s
    frames: dict[int, Floats]

    def __len__(self) -> int:
        return len(self.edges_ns) - 1

    @property
    def seconds(self) -> Floats:
        """The length of each."""
        lengths: Floats = np.diff(self.edges_ns) / NS_PER_S
        return lengths

    def fps(self, parts: int) -> Floats:
        """Of all agents, in each of so many groups of neighbouring cells, at most as many as there are."""
        frames = np.sum(list(self.frames.values()), axis=0)
        rates: Floats = grouped(frames, parts) / grouped(self.seconds, parts)
        return rates


def cell_edges(start_ns: int, stop_ns: int, cells: int = CELLS) -> Int64s:
    """Of cells of equal length, to a nanosecond."""
    return np.asarray([start_ns + (stop_ns - start_ns) * n // cells for n in range(cells + 1)], np.int64)


def count_cells(
    pieces: Sequence[SampleArray], edges: Int64s, limits: Sequence[int], time: Time = LATENCY, by_due: bool = False
) -> tuple[Int64s, Int64s]:
    """By cell: how many samples ended in it, or were due in it, [n], and how many of them exceed no limit, [limits, n].

    `pieces`: samples with ends, or dues, ascending and within the edges; one on an edge between cells is in the later.
    `limits` are of that time, in ns; what equals a limit does not exceed it.
    """
    cells = len(edges) - 1
    counts = np.zeros(cells, np.int64)
    below = np.zeros((len(limits), cells), np.int64)
    for piece in (piece for piece in pieces if len(piece) >= _LARGE):
        times = time.of(piece)
        bounds = [0, *np.searchsorted(_instants(piece, by_due), edges[1:-1]).tolist(), len(piece)]
        inner = [(cell, low, high) for cell, (low, high) in enumerate(pairwise(bounds)) if low < high]
        for cell, low, high in inner:
            counts[cell] += high - low
        for row, limit in zip(below, limits, strict=True):
            within = times <= limit
            for cell, low, high in inner:
                row[cell] += np.count_nonzero(within[low:high])
    for samples in _joined([piece for piece in pieces if len(piece) < _LARGE]):
        times = time.of(samples)
        where = np.minimum(np.searchsorted(edges, _instants(samples, by_due), side="right") - 1, cells - 1)
        counts += np.bincount(where, minlength=cells)
        for row, limit in zip(below, limits, strict=True):
            row += np.bincount(where[times <= limit], minlength=cells)
    return counts, below


def _instants(samples: SampleArray, by_due: bool) -> Int64s:
    return samples.dues if by_due else samples.ends


def _joined(pieces: Sequence[SampleArray], most: int = 1 << 16) -> Iterator[SampleArray]:
    """Small pieces in arrays of about `most` samples."""
    waiting: list[SampleArray] = []
    samples = 0
    for piece in pieces:
        waiting.append(piece)
        samples += len(piece)
        if samples >= most:
            yield SampleArray.joined(waiting)
            waiting, samples = [], 0
    if waiting:
        yield SampleArray.joined(waiting)


def longest_gap_ns(ends: Sequence[Int64s], start_ns: int, stop_ns: int) -> int:
    """The longest time in [start, stop] in which none of these inferences, of several requests, ended."""
    inside = [part[(part >= start_ns) & (part <= stop_ns)] for part in ends]
    every = np.sort(np.concatenate([np.asarray([start_ns, stop_ns], np.int64), *inside]))
    return int(np.diff(every).max())


def longest_stall_ns(samples: SampleArray, start_ns: int, stop_ns: int) -> int:
    """At a rate, the longest time in [start, stop] in which none of these inferences, all of an agent, ended although
    the one that ended next was due; 0 without any."""
    samples = samples[np.lexsort((samples.dues, samples.ends))]
    before = np.concatenate([[start_ns], samples.ends[:-1]])
    since = np.maximum(np.maximum(before, samples.dues), start_ns)
    return int(np.max(np.minimum(samples.ends, stop_ns) - since, initial=0))
