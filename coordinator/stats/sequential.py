"""When a figure of a load that goes on is known well enough: intervals at a fixed grid of looks. Pure.

Who looks again and again, and stops when the interval happens to be narrow, is right less often than one interval
promises. So there are few looks, at instants fixed beforehand, and the error of 5 % is spent over them: the intervals
of all looks hold together with at least 95 %, whichever of them ends the load and however they depend on each other
(Bonferroni; Jennison and Turnbull, "Group Sequential Methods", 2000). A later look has a larger share, in proportion to
its number, as the batches of early ones are the shortest and depend on each other the most.

In simulated loads of a minute, 400 for each of several widths, the interval at the end held in 97 to 99.8 % for AR(1)
with phi 0, 0.5 and 0.9 at 64 values a second; in 900 of an M/M/1 queue, in 97 to 99 % for p50, p90 and p99. Of 95 %
intervals at every look it did in 83 to 92 %. The price is a load about three times as long as one whose length is known
beforehand. What depends on itself for longer than about a tenth of the first look can still be stopped too early by it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_S
from ovbench.common.histogram import nearest_rank

from .estimate import Estimate
from .student import CONFIDENCE
from .uncertainty import BATCHES, FEW, effective_count, rank_bounds, rate_half_width

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

FIRST_NS: Final = 2 * NS_PER_S
"""No look is earlier."""

_CELLS: Final = 32
"""To the first look."""

_LONG: Final = 8
"""From so many times the first look on there are twice as many batches."""

_LAST_STEP: Final = 1.2
"""The look before the last one is earlier than it by this factor at least."""


@dataclass(frozen=True)
class Look:
    """At an instant since the load began; `confidence` of its interval. `batches`: of about equal length, by the cells
    of the grid that each begins with, and the one that the last ends before: [batches + 1]."""

    at_ns: int
    confidence: float
    batches: tuple[int, ...]

    @property
    def cells(self) -> int:
        """How many are over by then."""
        return self.batches[-1]

    def batched(self, values: Floats | Int64s) -> Floats:
        """The sums of each batch, of values by cell along the first axis."""
        return np.add.reduceat(values[: self.cells].astype(np.float64), self.batches[:-1], axis=0)


@dataclass(frozen=True)
class Grid:
    """Cells of time in which a load is counted, by their edges since it began, [cells + 1], and the looks at it.

    Cells double in length as often as the time does, so there are few of them, and each look has 32 or more.
    """

    edges_ns: tuple[int, ...]
    looks: tuple[Look, ...]

    @classmethod
    def of(cls, most_ns: int) -> "Grid":
        """For a load of `most_ns` (> 0) at most, which has the last look."""
        first_ns = min(FIRST_NS, most_ns)
        edges = tuple(_edges(max(1, first_ns // _CELLS), most_ns))
        instants = tuple(_instants(first_ns, most_ns))
        shares = sum(range(1, len(instants) + 1))
        looks = (
            Look(
                at_ns,
                confidence=1 - (1 - CONFIDENCE) * number / shares,
                batches=_batches(edges, at_ns, BATCHES if at_ns < _LONG * first_ns else 2 * BATCHES),
            )
            for number, at_ns in enumerate(instants, 1)
        )
        return cls(edges, tuple(looks))

    @property
    def seconds(self) -> Floats:
        """The length of each cell."""
        lengths: Floats = np.diff(np.asarray(self.edges_ns, np.float64)) / NS_PER_S
        return lengths


def _edges(cell_ns: int, most_ns: int) -> Iterator[int]:
    edge_ns = 0
    yield edge_ns
    while edge_ns < most_ns:
        if edge_ns >= 2 * _CELLS * cell_ns:
            cell_ns *= 2
        edge_ns = min(edge_ns + cell_ns, most_ns)
        yield edge_ns


def _instants(first_ns: int, most_ns: int) -> Iterator[int]:
    """1, 1.5, 2, 3, 4, 6 and so on times the first, and the last."""
    at_ns, next_ns = first_ns, first_ns * 3 // 2
    while at_ns * _LAST_STEP <= most_ns:
        yield at_ns
        at_ns, next_ns = next_ns, 2 * at_ns
    yield most_ns


def _batches(edges_ns: Sequence[int], until_ns: int, parts: int) -> tuple[int, ...]:
    """From edge to edge, as near as they are to equal lengths; fewer where a cell would be in two."""
    wanted = (until_ns * part // parts for part in range(parts + 1))
    return tuple(sorted({min(range(len(edges_ns)), key=lambda at: abs(edges_ns[at] - instant)) for instant in wanted}))


def ratio_at(look: Look, amounts: Floats, sizes: Floats, count: int) -> Estimate | None:
    """Of sum(amounts) / sum(sizes) over the cells before a look, [cells] each: amounts by time are a rate, latencies by
    their number a mean. `count`: of inferences that it is from. None where they are too few."""
    done, of = look.batched(amounts), look.batched(sizes)
    total = float(of.sum())
    if count < FEW or total <= 0:
        return None
    value = float(done.sum()) / total
    half = rate_half_width(done, of, look.confidence, len(done))
    return Estimate(value, count=count) if half is None else Estimate(value, value - half, value + half, count)


def percentile_at(look: Look, values: Int64s, counts: Int64s, percent: float) -> Estimate | None:
    """Of latencies in the cells before a look, as a histogram: `counts` [cells, buckets] of `values` [buckets], which
    ascend. None where they are too few."""
    cumulated = np.cumsum(counts[: look.cells].sum(axis=0))
    count = int(cumulated[-1]) if len(cumulated) else 0
    if count < FEW:
        return None

    def value(rank: int) -> float:
        return float(values[np.searchsorted(cumulated, rank, side="right")])

    rank = nearest_rank(count, percent)
    within = int(np.searchsorted(cumulated, rank, side="right")) + 1
    below, every = look.batched(counts[:, :within].sum(axis=1)), look.batched(counts.sum(axis=1))
    effective = effective_count(below, every, look.confidence, len(every))
    if effective is None:
        return Estimate(value(rank), count=count)
    low, high = (
        None if bound is None else value(bound) for bound in rank_bounds(count, percent, effective, look.confidence)
    )
    return Estimate(value(rank), low, high, count)


def half_width_percent(estimate: Estimate) -> float | None:
    """How far the further end of the interval is from the figure, in percent of it; None without two ends."""
    if estimate.low is None or estimate.high is None or estimate.value <= 0:
        return None
    return 100 * max(estimate.value - estimate.low, estimate.high - estimate.value) / estimate.value
