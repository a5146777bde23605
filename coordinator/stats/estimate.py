"""Means over repetitions with 95 % intervals: geometric ones, wherever a study reports a rate or a time. Pure.

Trials scatter by a share of what they measure, so all that is compared is compared by logarithms: laws, A against B,
which settings differ significantly. The figure of a setting is therefore the geometric mean, whose logarithm is what
those work with: figures and verdicts are of one estimator and cannot contradict each other.
"""

from collections.abc import Iterable, Sequence
from math import exp, log, sqrt
from statistics import fmean, variance
from typing import Annotated, Final

from msgspec import Meta, Struct

from .student import t_within

_LARGEST: Final = 700.0


class Estimate(Struct, frozen=True):
    """A figure of a setting. `low`, `high`: its 95 % interval; null where there is none, or no bound on that side."""

    value: float
    low: float | None = None
    high: float | None = None
    count: Annotated[int, Meta(description="of repetitions it is from")] = 0


def estimate(values: Sequence[float]) -> Estimate:
    """The arithmetic mean, and Student's interval; none with fewer than two values. Raises ValueError where there are
    none."""
    mean, count = fmean(values), len(values)
    if count < 2:
        return Estimate(mean, count=count)
    half = t_within(count - 1) * sqrt(variance(values, mean) / count)
    return Estimate(mean, mean - half, mean + half, count)


def plain_mean(values: Iterable[float]) -> float:
    """The arithmetic mean alone; 0 of none."""
    every = list(values)
    return sum(every) / len(every) if every else 0.0


def geometric(values: Sequence[float]) -> Estimate:
    """The geometric mean of values (> 0), and Student's interval of their logarithms; none with fewer than two. Raises
    ValueError where there are none."""
    logs = estimate([log(value) for value in values])
    if logs.low is None or logs.high is None:
        return Estimate(geometric_mean(values), count=logs.count)
    # Not beyond the value, where rounding has the last word.
    mean, high = geometric_mean(values), bound(logs.high)
    return Estimate(mean, min(mean, exp(logs.low)), None if high is None else max(mean, high), logs.count)


def geometric_mean(values: Sequence[float]) -> float:
    """Of one value that itself, to the last bit."""
    return values[0] if min(values) == max(values) else exp(fmean(map(log, values)))


def bound(logarithm: float) -> float | None:
    """The figure of that logarithm, as the end of an interval: None where it is too large for a float, so no bound."""
    return exp(logarithm) if logarithm < _LARGEST else None


def welch(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """The squared standard error of the difference of two means, and its degrees of freedom (0 where nothing scatters).

    Of two values each at least. The freedom is Welch's and Satterthwaite's (Welch, "The generalization of 'Student's'
    problem when several different population variances are involved", Biometrika 34, 1947).
    """
    parts = [variance(sample) / len(sample) for sample in (first, second)]
    square = sum(parts)
    if square <= 0:
        return 0.0, 0.0
    return square, square**2 / sum(
        part**2 / (len(sample) - 1) for part, sample in zip(parts, (first, second), strict=True)
    )
