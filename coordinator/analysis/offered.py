"""Arrivals at a rate: inferences that were due in a span of time, whatever became of them. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ovbench.common.samples import SampleArray

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Offered:
    """All arrivals of a run's load, in three parts, each in the order in which they were due. Instants: absolute, ns.

    `samples`: those that completed, of all agents. `dropped_ns`: when those were due that had waited for `timeout_ns`.
    `unfinished_ns`: when those were due that did neither, for want of time or because their agent was lost.
    `ended_ns`: until when what is unfinished had not completed, as far as that is known.
    """

    samples: SampleArray
    dropped_ns: Int64s
    unfinished_ns: Int64s
    ended_ns: int
    timeout_ns: int = 0

    def __len__(self) -> int:
        return len(self.samples) + len(self.dropped_ns) + len(self.unfinished_ns)

    def between(self, start_ns: int, stop_ns: int) -> "Offered":
        """Those that were due in [start, stop)."""
        low, high = np.searchsorted(self.samples.dues, (start_ns, stop_ns))
        return Offered(
            self.samples[low:high],
            _within(self.dropped_ns, start_ns, stop_ns),
            _within(self.unfinished_ns, start_ns, stop_ns),
            self.ended_ns,
            self.timeout_ns,
        )


def _within(instants: Int64s, start_ns: int, stop_ns: int) -> Int64s:
    low, high = np.searchsorted(instants, (start_ns, stop_ns))
    return instants[low:high]
