"""The rate at which a percentile of the latency crosses a limit, from trials at several rates, with its interval. Pure.

A trial near the limit is no yes or no: the machine is a few percent faster or slower in each, and near saturation that
moves the percentile by far more. So what is fitted is not the latency but a scale on which that noise is alike at every
rate (`QueueShape.heights`). Theory gives the form of the curve (`QueueShape`), the trials where it crosses the limit:

    height(rate) = H(L (1 + k (rate / R - 1))),   H the heights by load, L the load at which theory meets the limit

H is of windows as long as the trial's, as these show less than the long run does (`shortwindow`); L is of the long run.
That has three unknowns: R, the rate that is sought; k, how much faster or slower than in theory the load grows there;
and the noise from trial to trial. Their joint distribution given the trials is computed on a grid, which is refined
where it is likely; what is returned is that of R alone. A trial whose percentile is not known says only that it was
above. Priors: R about where theory has it, by 20 %, or (one in twenty) anywhere below saturation;
log k by 0.3 about 0; the noise about 2.5 %, by a factor of 1.6. From six trials on they matter little.

How often the interval holds the true rate, and the estimate is near it: scripts/bench/run capacity_search.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf, log
from typing import Final

import numpy as np
import numpy.typing as npt

from .estimate import Estimate
from .queueshape import QueueShape
from .student import CONFIDENCE

Floats = npt.NDArray[np.float64]

_RATES: Final = 60
_SLOPES: Final = np.linspace(-2.2, 2.2, 11)
_NOISES: Final = np.linspace(-2.5, 2.5, 11)
"""In standard deviations of their priors."""

_SLOPE_SD: Final = 0.3
_NOISE_MEDIAN: Final = 0.025
_NOISE_SD: Final = 0.5
_PRIOR_SD: Final = 0.2
_ANYWHERE: Final = 0.05
_SATURATION_SD: Final = 0.05
_LOWEST: Final = log(0.005)
_HIGHEST: Final = log(1.3)
"""Of the rate that is sought, over that at saturation."""

_ZOOMS: Final = 5
_NEGLIGIBLE: Final = 1e-4
_DOUBTFUL: Final = 2.0
"""How much wider the noise of a trial is that was disturbed."""


@dataclass(frozen=True)
class RatePoint:
    """A trial at `rate`: its percentile, or what that is at least where it is not known (`above`; infinite where the
    trial was overloaded). `window`: of the trial, in the unit of the latency; None where the latency is that of the
    long run."""

    rate: float
    latency: float
    above: bool = False
    doubtful: bool = False
    window: float | None = None


@dataclass(frozen=True)
class RateFit:
    """What is known of the rate that is sought: `shares` [n] of probability that it is below `rates` [n]."""

    rates: Floats
    shares: Floats
    count: int

    def quantile(self, share: float) -> float:
        return float(np.exp(np.interp(share, self.shares, np.log(self.rates))))

    @property
    def estimate(self) -> Estimate:
        """The median, and the interval of 95 %."""
        tail = (1 - CONFIDENCE) / 2
        return Estimate(self.quantile(0.5), self.quantile(tail), self.quantile(1 - tail), self.count)

    @property
    def half_width_percent(self) -> float:
        """Half the length of the interval, in percent of the median."""
        tail = (1 - CONFIDENCE) / 2
        return 50 * (self.quantile(1 - tail) - self.quantile(tail)) / self.quantile(0.5)


def fit(points: Sequence[RatePoint], shape: QueueShape, limit: float, saturation: float) -> RateFit:
    """`shape`: in the long run. `limit`: of the percentile, above `shape.least`, in its unit. `saturation`: the rate of
    a closed loop."""
    load = shape.load_at(limit)
    shapes = {window: shape.seen_in(window) for window in {point.window for point in points}}
    seen = [_seen(point, shapes[point.window]) for point in points]
    low, high = _LOWEST, _HIGHEST
    for _ in range(_ZOOMS):
        logs = np.linspace(low, high, _RATES)
        density = _density(logs, seen, load, saturation)
        shares = np.cumsum(density)
        first, last = np.searchsorted(shares, (_NEGLIGIBLE, 1 - _NEGLIGIBLE))
        nearer = float(logs[max(first - 1, 0)]), float(logs[min(last + 1, _RATES - 1)])
        if nearer[1] - nearer[0] > 0.6 * (high - low):
            break
        low, high = nearer
    return RateFit(saturation * np.exp(logs), shares - density / 2, len(points))


@dataclass(frozen=True)
class _Seen:
    """A point on the scale of heights, or above it."""

    point: RatePoint
    shape: QueueShape
    height: float
    above: bool


def _seen(point: RatePoint, shape: QueueShape) -> _Seen:
    if isinf(point.latency):
        return _Seen(point, shape, shape.height_of_overload, above=True)
    if point.latency >= shape.most:
        return _Seen(point, shape, float(shape.heights[-1]), above=True)
    return _Seen(point, shape, shape.height(point.latency), point.above)


def _density(logs: Floats, seen: Sequence[_Seen], load: float, saturation: float) -> Floats:
    """Of the logarithm of the rate over saturation, [n]; the others are summed over."""
    from_theory = (logs - log(load)) / _PRIOR_SD
    prior = np.log(np.exp(-(from_theory**2) / 2) + _ANYWHERE * np.exp(logs))
    prior -= np.maximum(0.0, (np.exp(logs) - 1.02) / _SATURATION_SD) ** 2 / 2
    found = prior[:, None, None] - (_SLOPES**2 / 2)[None, :, None] - (_NOISES**2 / 2)[None, None, :]
    slopes, noises = np.exp(_SLOPE_SD * _SLOPES), _NOISE_MEDIAN * np.exp(_NOISE_SD * _NOISES)
    for one in seen:
        relative = one.point.rate / saturation / np.exp(logs)
        expected = one.shape.heights_at(load * (1 + slopes[None, :] * (relative[:, None] - 1)))
        noise = noises * (_DOUBTFUL if one.point.doubtful else 1.0)
        off = (one.height - expected)[:, :, None] / noise[None, None, :]
        found += _log_above(off) if one.above else -(off**2) / 2 - np.log(noise)[None, None, :]
    weights = np.exp(found - found.max()).sum(axis=(1, 2))
    density: Floats = weights / weights.sum()
    return density


def _log_above(off: Floats) -> Floats:
    """The logarithm of the probability that a normal variate is above `off` (Abramowitz and Stegun 7.1.26, whose error
    is below 1.5e-7)."""
    t = 1 / (1 + 0.3275911 / np.sqrt(2) * np.abs(off))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = series * np.exp(-(off**2) / 2) / 2
    found: Floats = np.log(np.maximum(np.where(off > 0, tail, 1 - tail), 1e-12))
    return found
