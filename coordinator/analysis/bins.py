"""The latencies of a run counted in bins, for a chart. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS
from ovbench.common.histogram import FINE, Int64s

from ..stats.bins import bin_edges
from .latency import Latency
from .population import Population
from .times import LATENCY

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Binned:
    """`counts` [n] from each of `edges_ms` [n + 1] to the next; the largest is in the last bin."""

    edges_ms: Floats
    counts: Int64s

    @classmethod
    def of(cls, latency: Latency, quartiles_ms: tuple[float, float], population: Population) -> "Binned":
        """Of what completed. An inference that was folded counts where the middle of its bucket lies."""
        edges = bin_edges(*_extremes_ns(population), _in_ns(quartiles_ms), latency.count)
        counts = np.zeros(len(edges) - 1, np.int64)
        for values, numbers in _counted(population):
            bins = np.searchsorted(edges[1:-1], values, side="right")
            counts += np.bincount(bins, numbers, len(counts)).astype(np.int64)
        return cls(edges / NS_PER_MS, counts)


def _in_ns(quartiles_ms: tuple[float, float]) -> tuple[float, float]:
    first, third = quartiles_ms
    return max(1.0, first * NS_PER_MS), max(1.0, third * NS_PER_MS)


def _extremes_ns(population: Population) -> tuple[float, float]:
    """At least 1: a logarithm of nothing has no place on an axis."""
    ends = [(part.least_ns, part.most_ns) for part in population.folded]
    for samples in population.samples:
        values = LATENCY.of(samples)
        ends.append((int(values.min()), int(values.max())))
    return max(1.0, min(least for least, _ in ends)), max(1.0, max(most for _, most in ends))


def _counted(population: Population) -> Iterator[tuple[Int64s, Int64s | None]]:
    """Values, and how many there are of each where that is not one."""
    for samples in population.samples:
        yield LATENCY.of(samples), None
    for part in population.folded:
        buckets = np.frombuffer(part.fine_buckets, "<i4").astype(np.int64)
        yield FINE.values(buckets), np.frombuffer(part.fine_counts, "<i8")
