"""MLPerf's early stopping: what so many queries support about a percentile, with 99 % confidence. Pure.

A query is over a latency or within it. If that latency were the true percentile, the number over it would be binomial;
the run supports that the percentile is lower if so few would be over with a probability below 1 %. LoadGen 6.0 computes
this as a regularised incomplete beta function (`early_stopping.cc`), and so does this, term by term, to get the same
counts. LoadGen tries one count after the other; this bisects, as a long run has tens of thousands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Final

CONFIDENCE: Final = 0.99
"""With a tolerance of 0: `PerformanceSummary::EarlyStopping` in LoadGen's `results.cc`."""

_SMALLEST_TERM: Final = 2.0**-33
"""Where LoadGen ends the sum."""


@dataclass(frozen=True)
class Support:
    """Of a percentile: it is the highest latency once `discarded` higher ones are left out, at most, by confidence.

    `needed`: the fewest queries that support an estimate; with fewer, `discarded` is None.
    """

    needed: int
    discarded: int | None


def fewest_queries(over: int, percentile: float) -> int:
    """Of which `over` may exceed a latency for the percentile (between 0 and 1) to be within it.

    Those that never completed exceed every latency.
    """
    return _fewest_within(over, percentile) + over


def estimate(queries: int, percentile: float) -> Support:
    """Which of the latencies of `queries` is the estimate of the percentile (between 0 and 1)."""
    needed = fewest_queries(1, percentile)
    if queries < needed:
        return Support(needed, None)
    # The estimate may be exceeded by as many queries as are few, itself among them; the expected number is too many.
    expected = int(queries * (1 - percentile)) + 1
    too_many = _least(lambda over: not _few(queries - over, over, percentile), 2, expected)
    return Support(needed, too_many - 2)


def _fewest_within(over: int, percentile: float) -> int:
    """The fewest queries within a latency beside which `over` others are few: LoadGen's `h`, for its `t`."""
    low = high = max(1, int(over * percentile / (1 - percentile)))
    while not _few(high, over, percentile):
        low, high = high + 1, 2 * high
    return _least(lambda within: _few(within, over, percentile), low, high)


def _few(within: int, over: int, percentile: float) -> bool:
    return _odds(within, over, percentile) < 1 - CONFIDENCE


def _odds(within: int, over: int, percentile: float) -> float:
    """The probability that no more than `over` of `within + over` queries exceed a latency that is the percentile.

    I_p(within, over + 1) by Gauss's series (DLMF 15.2.1 after 15.8.1), whose terms fall where `over` is no more than
    expected.
    """
    beta = lgamma(within) + lgamma(over + 1) - lgamma(within + over + 1)
    front = exp(within * log(percentile) + over * log(1 - percentile) - beta) / within
    ratio = percentile / (1 - percentile)
    term = total = 1.0
    index = 0
    while term > _SMALLEST_TERM:
        term *= (over - index) * ratio / (1 + within + index)
        total += term
        index += 1
    return front * total


def _least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least number from `low` on for which `holds`, as it does for all above it; `high` if for none below that."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
