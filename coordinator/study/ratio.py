"""The ratio B / A of a figure: is the second setting faster, slower, or the same at a stated size? Pure.

The trials come in blocks of four, ABBA or BAAB: a drift of the machine that is linear over a block falls on both alike.
A block gives one log ratio, and the mean of them has Student's interval; the scatter between blocks is in it, whatever
its cause. A percentile bootstrap of ten blocks takes the ten for all there is: its 98 % intervals missed equality in
7.2 % of 1000 simulated studies of a setting against itself, Student's in 2 %.

Each figure has its own 2 % of doubt. The verdict of a study is that on throughput, at a rate that on p99, so it is
chosen before anything is known; that one of the three is falsely different has a chance of 6 % at most (Boole; 5.5 % of
8000 simulated studies).
"""

from collections.abc import Sequence
from math import ceil, exp, log, sqrt
from statistics import fmean, stdev
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, structs

from ..result.study import SIZE_PERCENT
from ..stats.estimate import bound
from ..stats.student import t_within

LEAST_BLOCKS: Final = 3
"""Fewer have no verdict."""

CONFIDENCE: Final = 0.98
"""Equal settings are called different once in 50 studies, not once in 20. In 2000 simulated studies of 10 blocks, with
3 % noise per trial on a machine that drifts, equal settings were so in 2.0 to 2.6 %, and a service time that was 5 %
longer was found in 97 %."""

_MOST_BLOCKS: Final = 10_000

RatioVerdict = Literal["faster", "slower", "no difference", "inconclusive", "same run"]
_FORMERLY: Final = "cannot tell"
"""`inconclusive` in answers of before."""


class Ratio(Struct, frozen=True):
    """B / A of one figure. `verdict` is on B, and what it says is faster has more throughput or less latency.

    `same run`: whatever was asked for, the same was in effect on both sides, so the ratio is what noise makes of 1.
    """

    figure: str
    verdict: RatioVerdict | Literal["cannot tell"]
    ratio: Annotated[float | None, Meta(description="geometric mean over the blocks; null where there is none")]
    low: Annotated[float | None, Meta(description="null with fewer than two blocks")]
    high: float | None
    confidence_percent: float
    blocks: int
    size_percent: float
    scatter_percent: Annotated[float | None, Meta(description="standard deviation of a block's ratio")]
    blocks_needed: Annotated[
        int | None, Meta(description="in all, for a verdict if ratio and scatter stay; null where there is one")
    ] = None
    of: Annotated[
        str, Meta(description="the case, such as `-m a.xml`; empty: all of them, of several the geometric mean")
    ] = ""
    side: Annotated[str, Meta(description="the setting that is compared; empty where there are only A and B")] = ""
    ratios: Annotated[tuple[float, ...], Meta(description="of each block, in order")] = ()
    within_percent: Annotated[
        float | None, Meta(description="standard deviation of trials that had the same agents; null where none had")
    ] = None
    between_percent: Annotated[
        float | None, Meta(description="from start to start of the agents, beyond that; null where sides shared them")
    ] = None
    starts_needed: Annotated[
        int | None, Meta(description="of the agents of each setting, in all, where `blocks_needed` has a number")
    ] = None

    def __post_init__(self) -> None:
        if self.verdict == _FORMERLY:
            structs.force_setattr(self, "verdict", "inconclusive")


def ratio_of(
    figure: str,
    blocks: Sequence[tuple[Sequence[float], Sequence[float]]],
    *,
    more_is_faster: bool = True,
    size_percent: float = SIZE_PERCENT,
) -> Ratio:
    """`blocks`: the values (> 0) of A and of B by block; one without either says nothing and is left out.

    `size_percent`: there is no difference where the whole interval lies within it, either way, as a ratio.
    """
    logs = [logarithm for a, b in blocks if (logarithm := log_ratio(a, b)) is not None]
    return ratio_of_logs(figure, logs, more_is_faster=more_is_faster, size_percent=size_percent)


def log_ratio(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Of the geometric means of a block; None where a side has no values."""
    return fmean(map(log, b)) - fmean(map(log, a)) if a and b else None


def ratio_of_logs(
    figure: str, logs: Sequence[float], *, more_is_faster: bool = True, size_percent: float = SIZE_PERCENT
) -> Ratio:
    """As `ratio_of`, by the log ratio of each block."""
    size = log(1 + size_percent / 100)

    def verdict(
        found: RatioVerdict, middle: float | None, half: float | None, scatter: float | None, needed: int | None
    ) -> Ratio:
        low = None if middle is None or half is None else exp(middle - half)
        high = None if middle is None or half is None else bound(middle + half)
        return Ratio(
            figure,
            found,
            None if middle is None else exp(middle),
            low,
            high,
            100 * CONFIDENCE,
            len(logs),
            size_percent,
            None if scatter is None else 100 * scatter,
            needed,
            ratios=tuple(map(exp, logs)),
        )

    if len(logs) < 2:
        return verdict("inconclusive", logs[0] if logs else None, None, None, LEAST_BLOCKS)
    middle, scatter = fmean(logs), stdev(logs)
    half = t_within(len(logs) - 1, CONFIDENCE) * scatter / sqrt(len(logs))
    enough = len(logs) >= LEAST_BLOCKS
    if enough and abs(middle) + half <= size:
        return verdict("no difference", middle, half, scatter, None)
    if enough and abs(middle) > half:
        return verdict("faster" if (middle > 0) is more_is_faster else "slower", middle, half, scatter, None)
    return verdict("inconclusive", middle, half, scatter, _needed(abs(middle), scatter, size, len(logs)))


def _needed(gap: float, scatter: float, size: float, have: int) -> int | None:
    """The least number of blocks at which the interval excludes 1 or lies within the size, by what is known now.

    None where it would be more than 10,000.
    """
    width = max(gap, size - gap)

    def half(blocks: int) -> float:
        return t_within(blocks - 1, CONFIDENCE) * scatter / sqrt(blocks)

    low, high = max(have, LEAST_BLOCKS - 1), _MOST_BLOCKS
    if half(high) > width:
        return None
    while high - low > 1:
        middle = ceil((low + high) / 2)
        low, high = (low, middle) if half(middle) < width else (middle, high)
    return high
