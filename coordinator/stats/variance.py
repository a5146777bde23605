"""Where scatter comes from: within a group of values, and from group to group. Pure.

One-way random effects, by the method of moments (Searle, Casella and McCulloch, Variance Components, 1992, chapter 3):
mean squares within and between groups, of any sizes. Groups are starts of agents; values are logarithms, so that a
standard deviation is a share of the figure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev


@dataclass(frozen=True)
class Scatter:
    """Standard deviations. `within`: of values of one group; `between`: of groups, beyond what that makes of them, 0
    where it explains all; `of_groups`: of the groups' means as they are, so with what is left in them of `within`."""

    within: float
    between: float
    of_groups: float
    groups: int


def scatter_of(groups: Iterable[Sequence[float]]) -> Scatter | None:
    """None with fewer than two groups, or where none has two values."""
    known = [group for group in groups if group]
    pooled = pooled_variance(known)
    if len(known) < 2 or pooled is None:
        return None
    sizes = [len(group) for group in known]
    count, means = sum(sizes), [fmean(group) for group in known]
    middle = sum(size * mean for size, mean in zip(sizes, means, strict=True)) / count
    squares = sum(size * (mean - middle) ** 2 for size, mean in zip(sizes, means, strict=True)) / (len(known) - 1)
    usual = (count - sum(size**2 for size in sizes) / count) / (len(known) - 1)
    return Scatter(sqrt(pooled), sqrt(max(0.0, (squares - pooled) / usual)), stdev(means), len(known))


def pooled_variance(groups: Iterable[Sequence[float]]) -> float | None:
    """Of values about the mean of their group; None where no group has two."""
    squares, freedom = 0.0, 0
    for group in groups:
        if len(group) > 1:
            middle = fmean(group)
            squares += sum((value - middle) ** 2 for value in group)
            freedom += len(group) - 1
    return squares / freedom if freedom else None
