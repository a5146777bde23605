"""By how much the load generator's own lateness may have moved a percentile of the latency. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ovbench.common.histogram import nearest_rank

from .lateness import lateness_ns
from .queues import Queue

Int64s = npt.NDArray[np.int64]


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
        samples = queue.offered.samples
        low, high = np.searchsorted(samples.dues, (start_ns, stop_ns))
        latencies.append(samples[low:high].latencies)
        late.append(lateness_ns(samples, queue.requests)[low:high])
        offered += len(queue.offered.between(start_ns, stop_ns))
    return shift_of(np.concatenate(latencies), np.concatenate(late), offered, percent)


def shift_of(latencies: Int64s, late: Int64s, offered: int, percent: float) -> Shift | None:
    """Of those that completed, in ns [n] each, among so many that were offered: the others count as the longest."""
    rank = nearest_rank(offered, percent)
    if rank >= len(latencies):
        return None
    measured, punctual = (int(np.partition(values, rank)[rank]) for values in (latencies, latencies - late))
    return Shift(measured, punctual)
