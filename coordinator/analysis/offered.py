"""Arrivals at a rate: inferences that were due in a span of time, whatever became of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ovbench.common.samples import SampleArray

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Offered:
    """All arrivals of a load, in three parts, each in the order in which they were due. Instants are absolute, ns.

    `samples`: those that completed, of all agents; of the same instant, the one that started first comes first.
    `dropped_ns`: when those were due that had waited for `timeout_ns`. `unfinished_ns`: when those were due that did
    neither, for want of time or because their agent was lost. `ended_ns`: until when what is unfinished had not
    completed, as far as that is known.
    """

    samples: SampleArray
    dropped_ns: Int64s
    unfinished_ns: Int64s
    ended_ns: int
    timeout_ns: int = 0

    @classmethod
    def joined(cls, parts: "Sequence[Offered]") -> "Offered":
        """Of at least one; what is unfinished had not completed when the first of them ended."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            in_order_of_due([part.samples for part in parts]),
            np.sort(np.concatenate([part.dropped_ns for part in parts])),
            np.sort(np.concatenate([part.unfinished_ns for part in parts])),
            min(part.ended_ns for part in parts),
            min(part.timeout_ns for part in parts),
        )

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

    @property
    def at_least_ns(self) -> Int64s:
        """What the latencies of those that never completed cannot be below, int64 [n], dropped ones first."""
        dropped = np.full(len(self.dropped_ns), self.timeout_ns, np.int64)
        return np.concatenate([dropped, np.maximum(self.ended_ns - self.unfinished_ns, 0)])


def in_order_of_due(parts: Sequence[SampleArray]) -> SampleArray:
    """All of them, by when they were due, and where that is the same by their start."""
    samples = SampleArray.joined(parts, timed=True)
    dues = samples.dues
    if bool((dues[1:] > dues[:-1]).all()):
        return samples
    order = np.argsort(dues, kind="stable")
    dues = dues[order]
    same = np.flatnonzero(dues[1:] == dues[:-1])
    if len(same):
        tied = np.union1d(same, same + 1)
        among = order[tied]
        order[tied] = among[np.lexsort((samples.starts[among], dues[tied]))]
    return samples[order]


def left_over(dues: Int64s, accounted: Sequence[Int64s]) -> Int64s:
    """Those of the ascending `dues` that are not accounted for: of an instant that repeats, as many as are missing."""
    found = np.sort(np.concatenate([np.empty(0, np.int64), *accounted]), kind="stable")
    both = min(len(dues), len(found))
    differ = np.flatnonzero(dues[:both] != found[:both])
    alike = int(differ[0]) if len(differ) else both
    dues, found = dues[alike:], found[alike:]
    number = np.arange(len(dues)) - np.searchsorted(dues, dues, side="left")
    known = np.searchsorted(found, dues, side="right") - np.searchsorted(found, dues, side="left")
    return dues[number >= known]


def _within(instants: Int64s, start_ns: int, stop_ns: int) -> Int64s:
    low, high = np.searchsorted(instants, (start_ns, stop_ns))
    return instants[low:high]
