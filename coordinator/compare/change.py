"""How a figure of two results changes, and whether that is statistically significant. Pure.

The rule: of two independent estimates a and b with 95 % intervals, the difference b - a has the 95 % interval
[b - a - sqrt((b - b_low)^2 + (a_high - a)^2), b - a + sqrt((b_high - b)^2 + (a - a_low)^2)] (Zou and Donner, Statistics
in Medicine 27:1693, 2008; with symmetric intervals the half-widths add as squares, Schenker and Gentleman, The American
Statistician 55:182, 2001). Means over repetitions have Welch's interval instead (Biometrika 34:28, 1947), which knows
how many there were. A difference is significant where that interval does not hold 0. That their own intervals overlap
is no reason to call them equal: such a test would miss much of what there is.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final, Literal

from msgspec import Struct, structs

from ..result.figures import FIGURES, Better, Figure
from ..result.latency import Interval
from ..stats.estimate import Estimate, estimate, welch
from ..stats.student import t_within

ChangeVerdict = Literal["better", "worse", "higher", "lower", "inconclusive", "no interval", "not comparable"]
_FORMERLY: Final = "cannot be told apart"
"""`inconclusive` in comparisons of before."""


class FigurePart(Struct, frozen=True):
    """A figure of one result. `ci95`: null where it has no interval."""

    value: float
    ci95: Interval | None


class Change(Struct, frozen=True):
    """A figure of two results. `difference_ci95`: of other - first, in the figure's unit. `first_at_least` and
    `other_at_least`: of one that is not known, what it cannot be below, where that is known. `freedom`: the degrees of
    freedom of the interval, where it is of means over repetitions."""

    figure: str
    first: FigurePart | None
    other: FigurePart | None
    change_percent: float | None
    difference_ci95: Interval | None
    verdict: ChangeVerdict | Literal["cannot be told apart"]
    first_at_least: float | None = None
    other_at_least: float | None = None
    freedom: int | None = None

    def __post_init__(self) -> None:
        if self.verdict == _FORMERLY:
            structs.force_setattr(self, "verdict", "inconclusive")


def change_of_means(figure: Figure, first: Sequence[float], other: Sequence[float]) -> Change:
    one, two = (estimate(sample) if sample else None for sample in (first, other))
    interval, freedom = welch_ci95(first, other)
    return structs.replace(_change(figure, one, two, interval), freedom=freedom)


def welch_ci95(first: Sequence[float], other: Sequence[float]) -> tuple[Interval, int] | tuple[None, None]:
    """Of mean(other) - mean(first), without assuming that both scatter alike, and its degrees of freedom; None with
    fewer than two values each.

    The degrees of freedom are rounded down, which makes it wider rather than narrower.
    """
    if min(len(first), len(other)) < 2:
        return None, None
    by = fmean(other) - fmean(first)
    square, whole = welch(first, other)
    freedom = max(1, int(whole))
    half = t_within(freedom) * math.sqrt(square)
    return Interval(by - half, by + half), freedom


def changes(
    first: Mapping[str, Estimate],
    other: Mapping[str, Estimate],
    first_bounds: Mapping[str, float] | None = None,
    other_bounds: Mapping[str, float] | None = None,
) -> tuple[Change, ...]:
    """Of every figure that either has. Bounds: what figures that are not known cannot be below."""
    one, two = first_bounds or {}, other_bounds or {}
    return tuple(
        structs.replace(
            change(figure, first.get(figure.name), other.get(figure.name)),
            first_at_least=one.get(figure.name),
            other_at_least=two.get(figure.name),
        )
        for figure in FIGURES
        if any(figure.name in part for part in (first, other, one, two))
    )


def change(figure: Figure, first: Estimate | None, other: Estimate | None) -> Change:
    interval = None if first is None or other is None else difference_ci95(first, other)
    return _change(figure, first, other, interval)


def _change(figure: Figure, first: Estimate | None, other: Estimate | None, interval: Interval | None) -> Change:
    percent = 100 * (other.value / first.value - 1) if first is not None and other is not None and first.value else None
    return Change(figure.name, _part(first), _part(other), percent, interval, _verdict(interval, figure.better))


def _part(figure: Estimate | None) -> FigurePart | None:
    return None if figure is None else FigurePart(figure.value, _interval(figure))


def _interval(figure: Estimate) -> Interval | None:
    return None if figure.low is None and figure.high is None else Interval(figure.low, figure.high)


def difference_ci95(first: Estimate, other: Estimate) -> Interval | None:
    """Of other - first, by the rule above. None without both intervals; no bound where one of them has none."""
    if _interval(first) is None or _interval(other) is None:
        return None
    by = other.value - first.value
    down = _reach(other.value, other.low, first.value, first.high)
    up = _reach(other.value, other.high, first.value, first.low)
    return Interval(None if down is None else by - down, None if up is None else by + up)


def _reach(one: float, one_bound: float | None, two: float, two_bound: float | None) -> float | None:
    if one_bound is None or two_bound is None:
        return None
    return math.hypot(one - one_bound, two - two_bound)


def _verdict(difference: Interval | None, better: Better | None) -> ChangeVerdict:
    if difference is None:
        return "no interval"
    found = way(difference)
    if found is None:
        return "inconclusive"
    if better is None:
        return found
    return "better" if found == better else "worse"


def way(difference: Interval) -> Better | None:
    """Where the whole interval lies, of 0; None where that is not known."""
    if difference.low is not None and difference.low > 0:
        return "higher"
    return "lower" if difference.high is not None and difference.high < 0 else None
