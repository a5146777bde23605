"""How late arrivals were started, and by how much that may have moved a percentile of the latency. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ovbench.common.histogram import nearest_rank

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
        """None where none was started, or some are known as a histogram only."""
        if any(queue.folded for queue in queues):
            return None
        values = np.concatenate([np.empty(0, np.int64), *(queue.late_between(start_ns, stop_ns) for queue in queues)])
        if not len(values):
            return None
        ranks = [nearest_rank(len(values), percent) for percent in (50.0, 99.0)]
        values.partition(ranks)
        median, p99 = (int(values[rank]) for rank in ranks)
        return cls(len(values), float(values.mean()), median, p99, int(values.max()))


@dataclass(frozen=True)
class Shift:
    """A percentile of the latency, in ns: as measured, and of each latency less its lateness."""

    measured_ns: int
    punctual_ns: int

    @property
    def percent(self) -> float:
        """By how much the one is above the other, in percent of what was measured."""
        return 100 * (self.measured_ns - self.punctual_ns) / self.measured_ns if self.measured_ns > 0 else 0.0


def shift_by_lateness(queues: Sequence[Queue], start_ns: int, stop_ns: int, percent: float) -> Shift | None:
    """Of what was due in a window. None where the percentile is not known, or some are known as a histogram only."""
    if any(queue.folded for queue in queues):
        return None
    latencies, late, offered = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for queue in queues:
        due = queue.offered.between(start_ns, stop_ns)
        latencies.append(due.samples.latencies)
        late.append(queue.late_between(start_ns, stop_ns))
        offered += len(due)
    return shift_of(np.concatenate(latencies), np.concatenate(late), offered, percent)


def shift_of(latencies: Int64s, late: Int64s, offered: int, percent: float) -> Shift | None:
    """Of those that completed, in ns [n] each, among so many that were offered: the others count as the longest."""
    rank = nearest_rank(offered, percent)
    if rank >= len(latencies):
        return None
    measured, punctual = (int(np.partition(values, rank)[rank]) for values in (latencies, latencies - late))
    return Shift(measured, punctual)
