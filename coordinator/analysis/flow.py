"""How arrivals came and went over the window: offered and delivered, what waited, and for how long. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .backlog import Backlog
from .offered import Offered

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Flow:
    """By slice of the window, [n] each. `delivered`: what ended in it, whenever it was due; `backlog` at its end.

    `wait_ns`, `service_ns`: means, of what was due in it and completed, if anything did (else NaN).
    """

    offered: Int64s
    delivered: Int64s
    backlog: Int64s
    wait_ns: Floats
    service_ns: Floats

    @classmethod
    def of(cls, offered: Offered, backlog: Backlog, edges: Int64s) -> "Flow":
        """`edges` [n + 1] of the slices, ascending; `offered` is all of the load, as what was due before the first edge
        may end after it, and `backlog` is of that. What ends at an edge is in the later slice, in the last one at the
        end."""
        samples = offered.samples
        dues = (samples.dues, offered.dropped_ns, offered.unfinished_ns)
        ends = np.histogram(samples.ends, edges)[0]
        places = np.searchsorted(samples.dues, edges)
        return cls(
            sum((np.diff(np.searchsorted(part, edges)) for part in dues), np.zeros(len(edges) - 1, np.int64)),
            ends.astype(np.int64),
            backlog.at(edges[1:]),
            _means(samples.waits, places),
            _means(samples.services, places),
        )


def _means(values: Int64s, places: Int64s) -> Floats:
    """Of the values between each of these places and the next."""
    sums = np.diff(np.concatenate([[0], np.cumsum(values)])[places])
    counts = np.diff(places)
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means
