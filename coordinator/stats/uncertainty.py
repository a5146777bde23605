"""How far a figure of one run may be from that of a run without end: 95 % confidence intervals. Pure.

What follows each other in a run is alike, so the scatter of single inferences says too little. Throughput is judged by
the means of a few long batches, which hardly depend on each other (Law and Carson, Operations Research 27, 1979; that
few batches are enough: Schmeiser, Operations Research 30, 1982), or, of few inferences, by their times; percentiles by
order statistics of as many independent samples as would scatter as much.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from .student import CONFIDENCE, t_within

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

NORMAL: Final = 1.959963984540054
"""The quantile of the normal distribution for CONFIDENCE, two-sided."""

BATCHES: Final = 8
"""With 8, intervals cover 95 % of independent values and still 91 % of 256 in a row that go by AR(1) with phi 0.9 (10
batches: 89 %, 16: 85 %), at the cost of 8 % of their width against 16."""
LEAST_BATCHES: Final = 4

FEW: Final = 100
"""Inferences at a time: up to so many in a row, their times say more of a rate than batches do."""
LEAST_IN_BATCH: Final = 2

_MOST_BIAS: Final = 0.5
"""Of the logarithm of a rate; beyond it nothing is known."""
_LARGEST_LOG: Final = 700.0
"""Beyond it the exponential is no float64."""


def groups(cells: int, parts: int) -> Int64s:
    """Where each of so many groups of neighbouring cells begins, and where the last ends: int64 [parts + 1]."""
    return np.asarray([round(cells * part / parts) for part in range(parts + 1)], np.int64)


def grouped(values: npt.NDArray[np.float64] | Int64s, parts: int) -> Floats:
    """The sums of so many groups of neighbours, of at least as many values along the last axis."""
    return np.add.reduceat(values.astype(np.float64), groups(values.shape[-1], parts)[:-1], axis=-1)


def batches_of(cells: int, most: int = BATCHES) -> int:
    """How many batches to make of so many cells; 0 where there are too few."""
    return min(most, cells) if cells >= LEAST_BATCHES else 0


def rate_half_width(
    amounts: Floats, seconds: Floats, confidence: float = CONFIDENCE, batches: int = BATCHES
) -> float | None:
    """Half of the interval about sum(amounts) / sum(seconds), by batch means; None where there are too few cells.

    `amounts`, `seconds`: [n], what was done in each cell and its length.
    """
    parts = batches_of(len(amounts), batches)
    if not parts:
        return None
    done, lasted = grouped(amounts, parts), grouped(seconds, parts)
    off = done - done.sum() / lasted.sum() * lasted
    error = math.sqrt(parts / (parts - 1) * float(np.dot(off, off))) / float(lasted.sum())
    return t_within(parts - 1, confidence) * error


def rate_bounds_of_few(times: Sequence[Floats], lanes: int) -> tuple[float, float] | None:
    """By which factors the bounds of a rate differ from it, by the times of the inferences that it is made of.

    `times`: [n] each, of inferences that are alike but for chance, so of one agent and one shape. `lanes`: how many
    were under way at a time. None where nothing can be known: of one inference, or where times differ so much that few
    of them say nothing.

    A rate is the inverse of a mean time, whose logarithm is about normal: with n times of coefficient of variation c
    its standard error is c / sqrt(n) (the delta method). What is under way at an edge is one more that is known by its
    share only. Where times are uneven, shares count too much, by up to c^2 of an inference on each lane (half of that
    in a window of given length, by the renewal theorem; Cox, Renewal Theory, 1962): the lower bound is lower by that.
    """
    present = [values for values in times if len(values)]
    count = sum(len(values) for values in present)
    freedom = count - len(present)
    if count < 2:
        return None
    within = sum(float(np.square(values / values.mean() - 1).sum()) for values in present)
    variation = within / freedom if freedom else math.inf
    if freedom < len(present):
        # Too few of each to know how alike they are: all of them together may differ by agent as well.
        values = np.concatenate(present)
        together = float(values.var(ddof=1)) / float(values.mean()) ** 2
        if not freedom or together > variation:
            variation, freedom = together, count - 1
    bias = variation * lanes / count
    if bias > _MOST_BIAS:
        return None
    half = t_within(freedom) * math.sqrt(variation * (count + lanes)) / count
    return math.exp(-min(half + bias, _LARGEST_LOG)), math.exp(min(half, _LARGEST_LOG))


def effective_count(
    below: Int64s | Floats, counts: Int64s | Floats, confidence: float = CONFIDENCE, batches: int = BATCHES
) -> int | None:
    """How many independent samples would determine a percentile as well; None where there are too few cells.

    `below`, `counts`: [n], the samples at most as large as it, and all, by cell. Their variance from batch to batch is
    compared with a binomial one; that it is known from a few batches only is Student's factor over the normal one.
    """
    parts = batches_of(len(counts), batches)
    count = int(counts.sum())
    if not parts or not count:
        return None
    share = float(below.sum()) / count
    if not 0 < share < 1:
        return count
    off = grouped(below, parts) - share * grouped(counts, parts)
    inflation = parts / (parts - 1) * float(np.dot(off, off)) / (count * share * (1 - share))
    wider = t_within(parts - 1, confidence) / NormalDist().inv_cdf(0.5 + confidence / 2)
    return max(1, int(count / max(1.0, inflation * wider**2)))


def rank_bounds(
    count: int, percent: float, effective: int, confidence: float = CONFIDENCE
) -> tuple[int | None, int | None]:
    """Zero-based ranks among `count` sorted samples between which the percentile lies with this confidence.

    By the binomial distribution of the `effective` samples that lie below it (David and Nagaraja, Order Statistics,
    section 7.1); None where even the least or the largest of them is no bound.
    """
    if not 0 < percent < 100:
        return None, None
    tail = (1 - confidence) / 2
    first, masses = _binomial(effective, percent / 100)
    # The k-th smallest is above the percentile where fewer than k samples are below it; P[X < k] = cumulated[k - 1].
    low = first + int(np.searchsorted(np.cumsum(masses), tail, side="right"))
    # It is below the percentile where at least k samples are: P[X >= k].
    high = first + len(masses) - int(np.searchsorted(np.cumsum(masses[::-1]), tail, side="right"))
    return (
        None if low < 1 else max(0, math.floor(low * count / effective) - 1),
        None if high > effective else min(count, math.ceil(high * count / effective)) - 1,
    )


def _binomial(count: int, share: float) -> tuple[int, Floats]:
    """P[X = k] for each k from the first returned on; what is left out is beyond 12 standard deviations and some.

    From the ratio of neighbours, scaled to a sum of 1: exact but for rounding, at any count.
    """
    reach = 12 * math.sqrt(count * share * (1 - share)) + 40
    low = max(0, math.floor(count * share - reach))
    high = min(count, math.ceil(count * share + reach))
    k = np.arange(low, high, dtype=np.float64)
    steps = np.log((count - k) / (k + 1)) + math.log(share) - math.log1p(-share)
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    masses = np.exp(logs - logs.max())
    return low, masses / masses.sum()


def samples_needed(percent: float, confidence_percent: float, over: int = 0) -> int:
    """The least number of samples that shows a percentile with this confidence, if `over` of them are above it.

    So many that, were the percentile higher, there would be more than `over` with this confidence: P[X <= over] <= 1 -
    confidence, X binomial. It is the rule of MLPerf LoadGen's early stopping (mlcommons/inference,
    loadgen/early_stopping.cc, with tolerance 0): 459 for p99 at 99 %, 64 for p90 with one over.
    """
    if not 0 < percent < 100 or not 0 < confidence_percent < 100:
        raise ValueError(f"percentile {percent} with confidence {confidence_percent}")
    low, high = over, over + 1
    while _at_most(over, high, percent) > 1 - confidence_percent / 100:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _at_most(over, middle, percent) > 1 - confidence_percent / 100:
            low = middle
        else:
            high = middle
    return high


def _at_most(over: int, count: int, percent: float) -> float:
    """P[X <= over] of so many samples that are above the percentile with its odds."""
    above, below = math.log1p(-percent / 100), math.log(percent / 100)

    def mass(k: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        return math.exp(ways + k * above + (count - k) * below)

    return math.fsum(mass(k) for k in range(min(over, count) + 1))
