"""Watches a figure while the load runs, and knows when it is known well enough (see `stats.sequential`). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ovbench.common.clock import to_ns
from ovbench.common.histogram import FINE
from ovbench.common.job import Load
from ovbench.common.messages import Tally

from ..request.until import Until
from ..stats.estimate import Estimate
from ..stats.sequential import Grid, Look, half_width_percent, percentile_at, ratio_at

_PERCENTS: Final = {"median_ms": 50.0, "p90_ms": 90.0, "p95_ms": 95.0, "p99_ms": 99.0, "p99_9_ms": 99.9}


def grid_of(load: Load) -> Grid:
    """When a load that may end before its time is looked at."""
    return Grid.of(max(1, to_ns(load.duration_s or 0.0)))


@dataclass(frozen=True)
class LookTaken:
    """`estimate` in FPS or ns, with its interval of that confidence; None where it was of too few inferences."""

    at_ns: int
    confidence: float
    estimate: Estimate | None
    reached: bool

    @property
    def half_width_percent(self) -> float | None:
        return None if self.estimate is None else half_width_percent(self.estimate)


class Watch:
    """Adds up what all agents did by cell of time, and looks at it when all have reported what a look is of.

    Its memory is fixed: a histogram for each cell, of which there are a few hundred.
    """

    def __init__(self, until: Until, grid: Grid, agents: int) -> None:
        self.looks: list[LookTaken] = []
        self._until = until
        self.grid = grid
        self._cells_of = [0] * agents
        cells = len(grid.seconds)
        self._inferences = np.zeros(cells)
        self._frames = np.zeros(cells)
        self._counts = np.zeros((cells, FINE.size), np.int64)
        self._low, self._high = FINE.size, 0
        """The buckets that have counts."""

    @property
    def reached(self) -> bool:
        """Enough was known at a look; there are no more after it."""
        return bool(self.looks) and self.looks[-1].reached

    @property
    def half_width_percent(self) -> float | None:
        """At the latest look."""
        return self.looks[-1].half_width_percent if self.looks else None

    def add(self, agent: int, batches: Sequence[int], tally: Tally) -> bool:
        """The next cell of an agent, whose inferences have so many frames in turn. Whether enough is known."""
        cell = tally.cell
        self._cells_of[agent] = cell + 1
        self._inferences[cell] += tally.inferences
        self._frames[cell] += tally.inferences * sum(batches) / len(batches)
        if tally.buckets:
            buckets = np.frombuffer(tally.buckets, "<i4")
            np.add.at(self._counts[cell], buckets, np.frombuffer(tally.counts, "<i8"))
            self._low, self._high = min(self._low, int(buckets.min())), max(self._high, int(buckets.max()) + 1)
        over = min(self._cells_of)
        for look in self.grid.looks[len(self.looks) :]:
            if self.reached or look.cells > over:
                break
            estimate = self._estimate(look)
            width = None if estimate is None else half_width_percent(estimate)
            reached = width is not None and width <= self._until.percent
            self.looks.append(LookTaken(look.at_ns, look.confidence, estimate, reached))
        return self.reached

    def _estimate(self, look: Look) -> Estimate | None:
        if self._until.figure == "fps":
            count = int(self._inferences[: look.cells].sum())
            return ratio_at(look, self._frames, self.grid.seconds, count)
        counts, values = self._counts[:, self._low : self._high], FINE.values(np.arange(self._low, self._high))
        if self._until.figure == "mean_ms":
            number = counts.sum(axis=1).astype(np.float64)
            return ratio_at(look, counts.astype(np.float64) @ values, number, int(number[: look.cells].sum()))
        return percentile_at(look, values, counts, _PERCENTS[self._until.figure])
