"""Whether a load at a rate was more than could be served: how many arrivals wait or are served, over time. Pure.

The backlog of a load that can be served wanders and comes back: with an idle request it is as if nothing had been. What
tells an overload is the stretch since a request was last idle. In it the backlog is a walk whose steps, what arrives
less what is done, do not depend on it; where the load is too high they have a mean above 0. Their spread is measured on
the steps themselves, so no law is assumed of arrivals or services.

The end of the window is looked at, as what has been worked off by then was waited for, and is in the latencies.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_S

from ..stats.student import t_quantile
from .offered import Offered

Int64s = npt.NDArray[np.int64]

LEAST_SHARE: Final = 0.15
"""Of the window, in which no request may have been idle: what a shorter stall left at its end is no overload."""

SAFE_LOAD: Final = 0.95
"""A load of so much of the capacity fluctuates, and is served."""

_GROWS: Final = 0.977
_GROWS_BEYOND_SAFE: Final = 0.9999
"""How sure it has to be that the backlog grows, and that it grows more than at SAFE_LOAD (Student's). The stretch is
looked for where a backlog happens to be, so these are not the shares of false alarms: see `overload_of`."""

_ARRIVALS_PER_STEP: Final = 50
_FEWEST_STEPS: Final = 16
_MOST_STEPS: Final = 64
_GRID: Final = 256


@dataclass(frozen=True)
class Backlog:
    """Arrivals that were due and neither completed nor dropped. `came`, `went`: instants, ns, ascending."""

    came: Int64s
    went: Int64s

    @classmethod
    def of(cls, offered: Offered) -> "Backlog":
        """What was dropped went when it had waited for too long; what is unfinished never does."""
        samples = offered.samples
        came = np.concatenate([samples.dues, offered.dropped_ns, offered.unfinished_ns])
        went = np.concatenate([samples.ends, offered.dropped_ns + offered.timeout_ns])
        return cls(np.sort(came, kind="stable"), np.sort(went, kind="stable"))

    def at(self, instants: Int64s) -> Int64s:
        """Due before each, and not gone by then, int64 [n]."""
        came = np.searchsorted(self.came, instants)
        here: Int64s = came - np.searchsorted(self.went, instants, side="right")
        return here

    def slope_per_s(self, start_ns: int, stop_ns: int) -> float:
        """Of a line through it (least squares)."""
        if stop_ns <= start_ns:
            return 0.0
        instants = np.linspace(start_ns, stop_ns, _GRID)
        seconds = (instants - instants.mean()) / NS_PER_S
        return float(seconds @ self.at(instants.astype(np.int64)) / (seconds @ seconds))

    def busy_since(self, start_ns: int, stop_ns: int, requests: int) -> int:
        """Since when none of so many requests was idle, at the end of a window; its start where none was in it."""
        low, high = np.searchsorted(self.came, (start_ns, stop_ns))
        before = np.arange(low, high) - np.searchsorted(self.went, self.came[low:high], side="right")
        idle = np.flatnonzero(before < requests)
        if self.at(np.asarray([stop_ns]))[0] < requests:
            return stop_ns
        return int(self.came[low + idle[-1]]) if len(idle) else start_ns


@dataclass(frozen=True)
class Overload:
    """A backlog that grew by `growth` arrivals in the `seconds` at the end of a window."""

    growth: int
    seconds: float

    @property
    def per_s(self) -> float:
        return self.growth / self.seconds


def backlog_at(offered: Offered, instants: Int64s) -> Int64s:
    """`offered`: all of the load. int64 [n]."""
    return Backlog.of(offered).at(instants)


def overload_of(backlog: Backlog, start_ns: int, stop_ns: int, requests: int) -> Overload | None:
    """None where the backlog of a window does not grow by more than chance has it. `requests`: how many serve it.

    By simulation with 1,000 seeds: at loads of 50 to 95 % an overload is seen in at most 3 of 1,000 windows of 1,000 to
    10,000 arrivals (Poisson, constant and bursty, constant and exponential services, 1 and 4 requests); at 110 % in
    99.6 % of those of 5,000 Poisson arrivals, and of bursty ones (CV 3) in fewer than half.
    """
    since_ns = backlog.busy_since(start_ns, stop_ns, requests)
    if stop_ns - since_ns < max(LEAST_SHARE * (stop_ns - start_ns), 1):
        return None
    low, high = np.searchsorted(backlog.came, (since_ns, stop_ns))
    arrivals = int(high - low)
    steps = min(max(arrivals // _ARRIVALS_PER_STEP, _FEWEST_STEPS), _MOST_STEPS)
    if arrivals < steps:
        return None
    walk = np.diff(backlog.at(np.linspace(since_ns, stop_ns, steps + 1).astype(np.int64)))
    growth = int(walk.sum())
    # In whole arrivals: equal gaps that are served in equal times leave a step uncertain by about one.
    chance = max(float(np.std(walk, ddof=1)), 1.0) * steps**0.5
    grows, beyond_safe = (t_quantile(probability, steps - 1) * chance for probability in (_GROWS, _GROWS_BEYOND_SAFE))
    if growth <= grows or growth + (1 - SAFE_LOAD) * arrivals <= beyond_safe:
        return None
    return Overload(growth, (stop_ns - since_ns) / NS_PER_S)
