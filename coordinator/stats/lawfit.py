"""Laws of scaling fitted to what trials gave at each size, and where the knee is. Pure.

Trials scatter by a share of their throughput, so the sum of squares of log X is made least: a weighted non-linear fit
with weights 1 / X^2, within 0 <= a <= 1 and b >= 0. Intervals are profile likelihood: one region holds every
(X(1), a, b) whose sum of squares is at most (1 + t^2 / f) times the least one, t being Student's 97.5 % quantile with
f = trials - parameters, and the interval of whatever is computed from them is its range over that region (Bates and
Watts, "Nonlinear Regression Analysis and Its Applications", 1988, chapter 6). It stays right where a parameter is at
its bound, where the linearised covariance does not: in 200 draws with 3 % noise for each of eight laws (a = 0 and b = 0
among them) and four plans of trials, each parameter was within its interval in 92 to 100 %, the curve within its band
at 94 to 97 % of the sizes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from .estimate import Estimate, bound, geometric_mean
from .scaling import MARGINAL_GAIN, CurvePoint, Fit, Measured, Scaling, ScalingLaw
from .student import f_tail, t_within

Floats = npt.NDArray[np.float64]

LEAST_SIZES: Final = 3
"""Different N below which nothing is fitted: two points are on a curve of any kind."""

_FREE: Final[dict[ScalingLaw, int]] = {"linear": 0, "amdahl": 1, "usl": 2}
_UPPER: Final = np.array([1.0, 10.0])
"""No contention beyond all of the work; with a coherency of 10, two would do a tenth of what one does."""

_CLEARLY_BETTER: Final = 2.0
"""Of AICc: below that a simpler model is as good (Burnham and Anderson, "Model Selection", 2002, section 2.6)."""

_STEPS: Final = 200
_RAYS: Final = 90
_DEPTHS: Final = np.linspace(0.0, 1.0, 9)
_BISECTIONS: Final = 24
_FAR: Final = 8.0
_TINY: Final = 1e-30
_MOST_CURVE_POINTS: Final = 64
_MOST_KNEE: Final = 4096


def scaling(trials: Mapping[int, Sequence[float]]) -> Scaling:
    """From the throughputs (> 0) of repetitions by N (>= 1). Raises nothing; where the data say too little, says so."""
    measured = {size: tuple(trials[size]) for size in sorted(trials) if trials[size]}
    points = tuple(_points(measured))
    if len(measured) < LEAST_SIZES:
        there = f"there {'is' if len(measured) == 1 else 'are'} {len(measured)}"
        return Scaling(points, why=f"{LEAST_SIZES} different sizes are the least for a fit; {there}")
    data = _Data.of(measured)
    regions = [_Region.around(data, model) for model in _FREE if data.trials > _FREE[model] + 1]
    fits = tuple(region.fit() for region in regions)
    if not fits or all(fit.aicc is None for fit in fits):
        return Scaling(points, why=f"{data.trials} trials are too few for a fit; repeat them")
    believed = _believed(fits)
    region = next(region for region in regions if region.model == believed)
    widest, most = regions[-1], max(measured)
    return Scaling(
        points,
        fits,
        believed,
        tuple(CurvePoint(n, _widened(region.throughput(n), widest.throughput(n))) for n in _sizes(most)),
        region.peak() if believed == "usl" else None,
        _knee_of(region.knee(most), widest.knee(most)),
    )


def _widened(by_model: Estimate, by_any: Estimate) -> Estimate:
    """A simpler law's own band is too narrow where it is believed only as the data are few; the widest law's is not."""
    lows = [one.low for one in (by_model, by_any) if one.low is not None]
    highs = [one.high for one in (by_model, by_any) if one.high is not None]
    return Estimate(
        by_model.value, min(lows) if len(lows) == 2 else None, max(highs) if len(highs) == 2 else None, by_model.count
    )


def _knee_of(by_model: Estimate, by_any: Estimate) -> Estimate | None:
    knee = _widened(by_model, by_any)
    return knee if isfinite(knee.value) else None


def _points(measured: Mapping[int, Sequence[float]]) -> Iterator[Measured]:
    """Scatter is taken to be the same share of the throughput at every N, so it is estimated from all repetitions."""
    logs = {size: np.log(values) for size, values in measured.items()}
    freedom = sum(len(values) - 1 for values in logs.values())
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in logs.values())
    scatter = sqrt(squares / freedom) if freedom else None
    t = t_within(freedom) if freedom else 0.0
    first = min(logs, default=1)

    means = {size: geometric_mean(values) for size, values in measured.items()}

    def about(value: float, *counts: int) -> Estimate:
        if scatter is None:
            return Estimate(value, count=counts[0])
        half = t * scatter * sqrt(sum(1 / count for count in counts))
        high = bound(log(value) + half)
        # Not below the value, where rounding has the last word.
        return Estimate(value, value * exp(-half), None if high is None else max(value, high), counts[0])

    for size, values in measured.items():
        ratio = means[size] / size / (means[first] / first)
        itself = Estimate(1.0, 1.0, 1.0, len(values))
        efficiency = itself if size == first else about(ratio, len(values), len(measured[first]))
        yield Measured(size, about(means[size], len(values)), efficiency, tuple(values))


def _believed(fits: Sequence[Fit]) -> ScalingLaw:
    """The simplest of those that no other is clearly better than."""
    judged = [(fit.aicc, fit.model) for fit in fits if fit.aicc is not None]
    least = min(aicc for aicc, _ in judged)
    return next(model for aicc, model in judged if aicc <= least + _CLEARLY_BETTER)


def _sizes(most: int) -> list[int]:
    if most <= _MOST_CURVE_POINTS:
        return list(range(1, most + 1))
    return sorted({round(size) for size in np.geomspace(1, most, _MOST_CURVE_POINTS)})


@dataclass(frozen=True)
class _Data:
    """Means of log X by N, and what repetitions scatter about them."""

    sizes: Floats
    counts: Floats
    means: Floats
    within: float

    @classmethod
    def of(cls, measured: Mapping[int, Sequence[float]]) -> "_Data":
        logs = [np.log(np.asarray(values, dtype=np.float64)) for values in measured.values()]
        return cls(
            np.array(list(measured), dtype=np.float64),
            np.array([len(one) for one in logs], dtype=np.float64),
            np.array([one.mean() for one in logs]),
            float(sum(((one - one.mean()) ** 2).sum() for one in logs)),
        )

    @property
    def trials(self) -> int:
        return int(self.counts.sum())

    def growth(self, law: Floats, sizes: Floats) -> Floats:
        """log X(N) / X(1), a row for each (a, b) in `law`."""
        return np.asarray(np.log(sizes) - np.log(_slowing(law, sizes)))

    def squares(self, law: Floats) -> tuple[Floats, Floats]:
        """By (a, b): the least sum of squares of log X, and the log X(1) at which it is so."""
        left = self.means - self.growth(law, self.sizes)
        single = left @ self.counts / self.trials
        return self.within + ((left - single[:, None]) ** 2) @ self.counts, single

    def slopes(self, law: Floats) -> Floats:
        """How the growth at each N changes with a and b, beyond what X(1) takes up; weighted, (sizes, 2)."""
        slowing = _slowing(law[None, :], self.sizes)[0]
        slopes = -np.stack([(self.sizes - 1) / slowing, self.sizes * (self.sizes - 1) / slowing], axis=1)
        centred: Floats = (slopes - self.counts @ slopes / self.trials) * np.sqrt(self.counts)[:, None]
        return centred


def _slowing(law: Floats, sizes: Floats) -> Floats:
    return np.asarray(1 + law[:, :1] * (sizes - 1) + law[:, 1:] * sizes * (sizes - 1))


@dataclass(frozen=True)
class _Region:
    """The best (a, b), and a sample of the region about it that the 95 % intervals are taken from; see the module.

    `slack`: by how much log X(1) may be off its best at that (a, b), within the region.
    """

    data: _Data
    model: ScalingLaw
    best: Floats
    least: float
    law: Floats
    single: Floats
    slack: Floats

    @classmethod
    def around(cls, data: _Data, model: ScalingLaw) -> "_Region":
        free = _FREE[model]
        best = _least_squares(data, free)
        least = float(data.squares(best[None, :])[0][0])
        freedom = data.trials - free - 1
        limit = least * (1 + t_within(freedom) ** 2 / freedom)
        law = np.maximum(best + (_DEPTHS[:, None, None] * _reach(data, best, free, limit)).reshape(-1, 2), 0.0)
        squares, single = data.squares(law)
        slack = np.sqrt(np.maximum(limit - squares, 0) / data.trials)
        return cls(data, model, best, least, law, single, slack)

    def fit(self) -> Fit:
        free, trials, sizes = _FREE[self.model], self.data.trials, len(self.data.sizes)
        parameters = free + 2  # with X(1) and the scatter
        spare = trials - parameters - 1
        aicc = None
        if spare > 0 and self.least > 0:
            aicc = trials * log(self.least / trials) + 2 * parameters * trials / spare
        elif spare > 0:
            aicc = -inf
        freedom = sizes - free - 1
        misfit = None
        if trials > sizes and freedom > 0 and self.data.within > 0:
            lack = max(0.0, self.least - self.data.within) / freedom
            misfit = f_tail(lack / (self.data.within / (trials - sizes)), freedom, trials - sizes)
        return Fit(
            self.model,
            self.throughput(1),
            self._range(lambda law: law[:, 0]) if free > 0 else None,
            self._range(lambda law: law[:, 1]) if free > 1 else None,
            100 * sqrt(self.least / (trials - free - 1)),
            aicc,
            misfit,
        )

    def throughput(self, size: int) -> Estimate:
        """The curve at N, with its band."""
        at = np.array([float(size)])
        middle = self.single + self.data.growth(self.law, at)[:, 0]
        best = self.data.squares(self.best[None, :])[1] + self.data.growth(self.best[None, :], at)[:, 0]
        low, high = float((middle - self.slack).min()), float((middle + self.slack).max())
        return Estimate(exp(float(best[0])), exp(low), exp(high), self.data.trials)

    def peak(self) -> Estimate | None:
        """None where the best fit has none, as its coherency is 0."""
        return self._range(_peak) if self.best[1] > 0 else None

    def knee(self, most: int) -> Estimate:
        """Not given beyond the largest N that was measured: infinite means that, and as bound null."""
        return self._range(lambda law: _knee(law, min(most, _MOST_KNEE)))

    def _range(self, figure: Callable[[Floats], Floats]) -> Estimate:
        value, sample = float(figure(self.best[None, :])[0]), figure(self.law)
        low, high = min(value, float(sample.min())), max(value, float(sample.max()))
        return Estimate(value, low if isfinite(low) else None, high if isfinite(high) else None, self.data.trials)


def _peak(law: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.sqrt((1 - law[:, 0]) / law[:, 1]))


def _knee(law: Floats, most: int) -> Floats:
    """Infinite where N = `most` still gains."""
    sizes = np.arange(1.0, most + 1)
    relative = np.concatenate([sizes, [most + 1.0]]) / _slowing(law, np.concatenate([sizes, [most + 1.0]]))
    flat = np.diff(relative, axis=1) < MARGINAL_GAIN
    return np.where(flat.any(axis=1), sizes[flat.argmax(axis=1)], inf)


def _least_squares(data: _Data, free: int) -> Floats:
    """The best (a, b), the first `free` of them not 0: Levenberg and Marquardt's steps, projected into the bounds."""
    law = np.zeros(2)
    if free == 0:
        return law
    law[:free] = _start(data, free)
    damping = 1e-3
    squares, single = (float(part[0]) for part in data.squares(law[None, :]))
    for _ in range(_STEPS):
        left = (data.means - data.growth(law[None, :], data.sizes)[0] - single) * np.sqrt(data.counts)
        slopes = data.slopes(law)
        downhill = slopes.T @ left
        held = ((law <= 0) & (downhill < 0)) | ((law >= _UPPER) & (downhill > 0))
        moving = [index for index in range(free) if not held[index]]
        if not moving:
            break
        curvature = (slopes.T @ slopes)[np.ix_(moving, moving)]
        step = np.zeros(2)
        step[moving] = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), downhill[moving])
        there = np.clip(law + step, 0, _UPPER)
        new_squares, new_single = (float(part[0]) for part in data.squares(there[None, :]))
        if new_squares <= squares:
            moved = float(np.abs(there - law).max())
            law, squares, single, damping = there, new_squares, new_single, damping / 10
            if moved < 1e-12:
                break
        else:
            damping *= 10
            if damping > 1e12:
                break
    return law


def _start(data: _Data, free: int) -> Floats:
    """N / X(N) is linear in 1, N - 1 and N (N - 1)."""
    taken = data.sizes / np.exp(data.means)
    columns = np.stack([np.ones_like(data.sizes), data.sizes - 1, data.sizes * (data.sizes - 1)], axis=1)
    weights = (np.sqrt(data.counts) / taken)[:, None]
    found = np.linalg.lstsq(columns[:, : free + 1] * weights, taken * weights[:, 0], rcond=None)[0]
    return np.asarray(np.clip(found[1:] / found[0], 0, _UPPER[:free])) if found[0] > 0 else np.zeros(free)


def _reach(data: _Data, best: Floats, free: int, limit: float) -> Floats:
    """From the best (a, b) to where the sum of squares is at the limit, or to the bounds, in many directions."""
    if free == 0:
        return np.zeros((1, 2))
    rays = _directions(data, best, free, limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(rays > 0, (_UPPER - best) / rays, np.where(rays < 0, -best / rays, inf)).min(axis=1)

    def inside(lengths: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(data.squares(best + lengths[:, None] * rays)[0] <= limit)

    near = np.minimum(room, _FAR)
    high = np.where(inside(near), room, near)
    low = np.where(inside(high), high, 0.0)  # a bound that is within the region is reached exactly
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        within = inside(middle)
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return np.asarray(low[:, None] * rays)


def _directions(data: _Data, best: Floats, free: int, limit: float) -> Floats:
    """Evenly about the ellipse that the region nearly is, which they reach to, and along the axes, for the bounds."""
    slopes = data.slopes(best)[:, :free]
    values, vectors = np.linalg.eigh(slopes.T @ slopes)
    reach = np.sqrt(max(limit - float(data.squares(best[None, :])[0][0]), _TINY))
    along = reach / np.sqrt(np.maximum(np.diag(slopes.T @ slopes), _TINY))
    axes = np.concatenate([np.diag(along), -np.diag(along)])
    if free == 1:
        return np.hstack([axes, np.zeros((2, 1))])
    angles = np.arange(_RAYS) * (2 * np.pi / _RAYS)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ellipse = reach * circle / np.sqrt(np.maximum(values, values.max() * 1e-12)) @ vectors.T
    return np.concatenate([ellipse, axes])
