"""Whether a load at a rate was more than could be served: how many arrivals wait or are served, over time. Pure.

The backlog of a load that can be served wanders and comes back: with an idle stream it is as if nothing had been. What
tells an overload is the stretch since a stream was last idle. In it the backlog is a walk whose steps, what arrives
less what is done, do not depend on it; where the load is too high they have a mean above 0. Their spread is measured on
the steps themselves, so no law is assumed of arrivals or services. Requests beyond the streams serve nothing: theirs
wait in the device.

Few arrivals make no such steps. Of them growth is compared with what counts vary by: n of them by sqrt(n) times the
coefficient of variation of their gaps, which is measured too. Where that does not decide, the growth is in doubt.

The end of a span is looked at, as what has been worked off by then was waited for, and is in the latencies.
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
"""Of the window, in which no stream may have been idle: what a shorter stall left at its end is no overload."""

SAFE_LOAD: Final = 0.95
"""A load of so much of the capacity fluctuates, and is served."""

_GROWS: Final = 0.977
_GROWS_BEYOND_SAFE: Final = 0.9999
"""How sure it has to be that the backlog grows, and that it grows more than at SAFE_LOAD (Student's). The stretch is
looked for where a backlog happens to be, so these are not the shares of false alarms: see `overload_of`."""

_CERTAIN: Final = 4.0
_IN_DOUBT: Final = 1.5
"""By how much the backlog has to grow, in standard deviations of what came less what went."""

_LEAST_DISPERSION: Final = 0.5
"""Squared coefficient of variation that gaps are taken to have at least: of few it is measured badly."""

_MOST_OF_IT: Final = 0.5
"""Of a span in which no stream may have been idle, for its growth to be in doubt."""

_FEWEST_GAPS: Final = 3
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
        """Due before each, and not gone before it, int64 [n]."""
        here: Int64s = np.searchsorted(self.came, instants) - np.searchsorted(self.went, instants)
        return here

    def counts(self, start_ns: int, stop_ns: int) -> tuple[int, int]:
        """How many came, and how many went."""
        return len(_within(self.came, start_ns, stop_ns)), len(_within(self.went, start_ns + 1, stop_ns + 1))

    def slope_per_s(self, start_ns: int, stop_ns: int) -> float:
        """Of a line through it (least squares)."""
        if stop_ns <= start_ns:
            return 0.0
        instants = np.linspace(start_ns, stop_ns, _GRID)
        seconds = (instants - instants.mean()) / NS_PER_S
        return float(seconds @ self.at(instants.astype(np.int64)) / (seconds @ seconds))

    def busy_since(self, start_ns: int, stop_ns: int, streams: int) -> int:
        """Since when none of so many streams was idle, at the end of a window; its start where none was in it."""
        low, high = np.searchsorted(self.came, (start_ns, stop_ns))
        before = np.arange(low, high) - np.searchsorted(self.went, self.came[low:high], side="right")
        idle = np.flatnonzero(before < streams)
        if self.at(np.asarray([stop_ns]))[0] < streams:
            return stop_ns
        return int(self.came[low + idle[-1]]) if len(idle) else start_ns


@dataclass(frozen=True)
class Overload:
    """A backlog that grew by `growth` arrivals in the `seconds` at the end of a span. Not `certain`: by more than a
    load that can be served is likely to leave, and too few arrived to tell."""

    growth: int
    seconds: float
    certain: bool = True

    @property
    def per_s(self) -> float:
        return self.growth / self.seconds


def overload_of(
    backlog: Backlog, start_ns: int, stop_ns: int, streams: int, least_share: float = LEAST_SHARE
) -> Overload | None:
    """None where the backlog of a span does not grow by more than chance has it. `streams`: how many are served at a
    time; `least_share`: of the span, in which none of them was idle.

    By simulation of Poisson, constant and bursty arrivals (CV 3), constant and exponential services, 1 and 4 streams:
    at loads of 50 to 95 % a certain overload is seen in at most 4 of 1,000 windows of 15 to 10,000 arrivals, and one in
    doubt in 14 % of those of 15 at 95 %, 5 % of those of 600; at 110 % it is certain in 99.6 % of those of 5,000
    Poisson arrivals, and of bursty ones in fewer than half.
    """
    since_ns = backlog.busy_since(start_ns, stop_ns, streams)
    if stop_ns - since_ns < max(least_share * (stop_ns - start_ns), 1):
        return None
    seconds = (stop_ns - since_ns) / NS_PER_S
    growth, deviations = _counted(backlog, since_ns, stop_ns)
    if deviations > _CERTAIN or _stepwise(backlog, since_ns, stop_ns):
        return Overload(growth, seconds)
    in_doubt = deviations > _IN_DOUBT and stop_ns - since_ns >= _MOST_OF_IT * (stop_ns - start_ns)
    return Overload(growth, seconds, certain=False) if in_doubt else None


def overload_of_counts(came: int, went: int, streams: int, seconds: float) -> Overload | None:
    """Where all that is known is how many came and went in so many seconds."""
    growth, chance = came - went, (_LEAST_DISPERSION * (came + went)) ** 0.5
    if went >= SAFE_LOAD * came or growth <= max(_CERTAIN * chance, streams):
        return None
    return Overload(growth, seconds)


def _counted(backlog: Backlog, since_ns: int, stop_ns: int) -> tuple[int, float]:
    """By how much it grew, and how many standard deviations that is."""
    came = _within(backlog.came, since_ns, stop_ns)
    went = _within(backlog.went, since_ns + 1, stop_ns + 1)
    growth = len(came) - len(went)
    chance = (len(came) * _dispersion(came) + len(went) * _dispersion(went)) ** 0.5
    return growth, growth / chance if chance > 0 else 0.0


def _dispersion(instants: Int64s) -> float:
    """Squared coefficient of variation of the gaps between them."""
    gaps = np.diff(instants).astype(np.float64)
    if len(gaps) < _FEWEST_GAPS or not gaps.any():
        return 1.0
    return max(float(gaps.var(ddof=1) / gaps.mean() ** 2), _LEAST_DISPERSION)


def _stepwise(backlog: Backlog, since_ns: int, stop_ns: int) -> bool:
    """Whether it grew for certain, by the spread of its steps."""
    arrivals = len(_within(backlog.came, since_ns, stop_ns))
    steps = min(max(arrivals // _ARRIVALS_PER_STEP, _FEWEST_STEPS), _MOST_STEPS)
    if arrivals < steps:
        return False
    walk = np.diff(backlog.at(np.linspace(since_ns, stop_ns, steps + 1).astype(np.int64)))
    growth = int(walk.sum())
    # In whole arrivals: equal gaps that are served in equal times leave a step uncertain by about one.
    chance = max(float(np.std(walk, ddof=1)), 1.0) * steps**0.5
    grows, beyond_safe = (t_quantile(probability, steps - 1) * chance for probability in (_GROWS, _GROWS_BEYOND_SAFE))
    return bool(growth > grows and growth + (1 - SAFE_LOAD) * arrivals > beyond_safe)


def _within(instants: Int64s, start_ns: int, stop_ns: int) -> Int64s:
    low, high = np.searchsorted(instants, (start_ns, stop_ns))
    return instants[low:high]
