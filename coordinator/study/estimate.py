"""Means over repetitions with 95 % intervals. Pure."""

from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import fmean, variance
from typing import Annotated, Final

from msgspec import Meta, Struct

from ..student import t_within

_LARGEST: Final = 700.0


class Estimate(Struct, frozen=True):
    """A figure of a setting. `low`, `high`: its 95 % interval; null where there is none, or no bound on that side."""

    value: float
    low: float | None = None
    high: float | None = None
    count: Annotated[int, Meta(description="of repetitions it is from")] = 0


def estimate(values: Sequence[float]) -> Estimate:
    """The mean, and Student's interval; none with fewer than two values. Raises ValueError where there are none."""
    mean, count = fmean(values), len(values)
    if count < 2:
        return Estimate(mean, count=count)
    half = t_within(count - 1) * sqrt(variance(values, mean) / count)
    return Estimate(mean, mean - half, mean + half, count)


def bound(logarithm: float) -> float | None:
    """The figure of that logarithm, as the end of an interval: None where it is too large for a float, so no bound."""
    return exp(logarithm) if logarithm < _LARGEST else None


def differ(some: Sequence[float], others: Sequence[float]) -> bool | None:
    """Whether the means of two sets of positive values can be told apart, by Welch's test of their logarithms at 5 %.

    None with fewer than two values in a set. Welch, "The generalization of 'Student's' problem when several different
    population variances are involved", Biometrika 34 (1947).
    """
    if min(len(some), len(others)) < 2:
        return None
    first, second = [log(x) for x in some], [log(x) for x in others]
    square, freedom = welch(first, second)
    gap = abs(fmean(first) - fmean(second))
    return gap > (t_within(freedom) * sqrt(square) if square > 0 else 0)


def welch(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """The squared standard error of the difference of two means, and its degrees of freedom (0 where nothing scatters).

    Of two values each at least. The freedom is Welch's and Satterthwaite's.
    """
    parts = [variance(sample) / len(sample) for sample in (first, second)]
    square = sum(parts)
    if square <= 0:
        return 0.0, 0.0
    return square, square**2 / sum(
        part**2 / (len(sample) - 1) for part, sample in zip(parts, (first, second), strict=True)
    )
