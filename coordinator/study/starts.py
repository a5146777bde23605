"""Scatter within a start of the agents, and from start to start, of two settings compared in blocks. Pure.

The logarithm of a trial is that of its setting, its block, its start and its own; the last two scatter by sigma_b and
sigma_w. A block's log ratio weighs trials by +-1/n; what a start has in common is weighed by the sum of its trials'
weights, which is nothing where both settings had it. So the variance of the ratios is c_b sigma_b^2 + c_w sigma_w^2:
c_w is the sum of the squared weights of the trials, c_b that of the starts. In ABBA the trials in the middle have a
start in common: c_b is 3/2, c_w is 1. sigma_w is seen where trials share setting, start and block; what else there is
of the ratios' variance is sigma_b's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import fmean, variance

from ..result.study import Outcome
from ..stats.variance import pooled_variance


@dataclass(frozen=True)
class Value:
    """Of a trial. `start`: None where it is not known."""

    value: float
    start: int | None


BlockOfTwo = tuple[Sequence[Value], Sequence[Value]]


@dataclass(frozen=True)
class StartScatter:
    """Standard deviations of logarithms. `between`: None where both settings had the same agents, so that nothing of it
    is in their ratio. `per_block`: starts of one setting in a block, on average."""

    within: float
    between: float | None
    per_block: float


def start_scatter(blocks: Iterable[BlockOfTwo]) -> StartScatter | None:
    """None where no trials share a start, or not all starts are known."""
    known = [block for block in blocks if all(block)]
    every = [one for block in known for side in block for one in side]
    if len(known) < 2 or any(one.start is None for one in every):
        return None
    pooled = pooled_variance(
        [log(one.value) for one in side if one.start == start]
        for block in known
        for side in block
        for start in {one.start for one in side}
    )
    if pooled is None:
        return None
    weights = [_weights(block) for block in known]
    of_starts, of_trials = (fmean(column) for column in zip(*weights, strict=True))
    left = max(0.0, variance(map(_log_ratio, known)) - of_trials * pooled)
    per_block = fmean(len({one.start for one in side}) for block in known for side in block)
    return StartScatter(sqrt(pooled), sqrt(left / of_starts) if of_starts > 1e-9 else None, per_block)


def _log_ratio(block: BlockOfTwo) -> float:
    a, b = (fmean(log(one.value) for one in side) for side in block)
    return b - a


def _weights(block: BlockOfTwo) -> tuple[float, float]:
    """The sums of squares of the starts' weights, and of the trials'."""
    by_start: dict[int | None, float] = {}
    for sign, side in zip((-1, 1), block, strict=True):
        for one in side:
            by_start[one.start] = by_start.get(one.start, 0.0) + sign / len(side)
    return sum(weight**2 for weight in by_start.values()), sum(1 / len(side) for side in block)


def values_of(outcomes: Sequence[Outcome], figure: str) -> list[Value]:
    found = ((one.fps if figure == "throughput" else one.latency_ms.get(figure), one.start) for one in outcomes)
    return [Value(value, start) for value, start in found if value is not None and value > 0]
