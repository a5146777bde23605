"""From latencies to their figures: extremes, mean, percentiles, and the confidence intervals of these. Pure.

From all single latencies they are exact; where agents folded some, percentiles come from the histograms. Intervals take
their bounds from the order of either.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ovbench.common.clock import NS_PER_MS
from ovbench.common.histogram import COARSE, FINE, Int64s, nearest_rank, percentile
from ovbench.common.messages import Folded
from ovbench.common.samples import SampleArray

from ..result.report import NAMED_PERCENTILES, Interval
from ..stats.distribution import distribution, distribution_of_counts, sample_of
from ..stats.uncertainty import effective_count, rank_bounds

PERCENTILES: Final = (50.0, 90.0, 95.0, 99.0, 99.9)
INTERVALS: Final = (*NAMED_PERCENTILES, "chosen")
"""What the intervals of PERCENTILES and of the chosen one are called."""


@dataclass(frozen=True)
class Latency:
    """In ms. `percentiles` in the order of PERCENTILES; `chosen` is the one that was asked for beside them.

    `stddev` is the population's. `ci95`: by INTERVALS; empty where there were too few samples, and of single agents.
    `distribution` is at the percentiles of `distribution.percents_of(count)`.
    """

    exact: bool
    count: int
    min: float
    mean: float
    stddev: float
    percentiles: tuple[float, ...]
    chosen: float
    max: float
    ci95: dict[str, Interval] = field(default_factory=dict)
    distribution: tuple[float, ...] = ()

    @property
    def limits_ns(self) -> list[int]:
        """The percentiles and the chosen one, as INTERVALS has them."""
        return [round(ms * NS_PER_MS) for ms in (*self.percentiles, self.chosen)]


def latencies_of(samples: Sequence[SampleArray]) -> Int64s:
    """Of all samples, ns, with no array but their own."""
    values = np.empty(sum(len(part) for part in samples), np.int64)
    at = 0
    for part in samples:
        values[at : at + len(part)] = part.latencies
        at += len(part)
    return values


def latency_of(values: Int64s, chosen: float, near: bool = False) -> Latency | None:
    """Of `values` in ns, which it reorders.

    `near`: so that other ranks near those of the percentiles are soon found, as `intervals_of` needs it.
    """
    count = len(values)
    if count == 0:
        return None
    ranks = _ranks(count, chosen)
    sample = sample_of(values)
    values.partition(sorted({0, count - 1, *ranks, *(_guards(count, chosen) if near else ())}))
    mean = int(values.sum()) / count
    return Latency(
        exact=True,
        count=count,
        min=float(values[0]) / NS_PER_MS,
        mean=mean / NS_PER_MS,
        stddev=_deviation(values, mean) / NS_PER_MS,
        percentiles=tuple(float(values[rank]) / NS_PER_MS for rank in ranks[:-1]),
        chosen=float(values[ranks[-1]]) / NS_PER_MS,
        max=float(values[-1]) / NS_PER_MS,
        distribution=_in_ms(distribution(sample, values)),
    )


def _ranks(count: int, chosen: float) -> list[int]:
    """Of PERCENTILES and of the chosen one."""
    return [nearest_rank(count, percent) for percent in (*PERCENTILES, chosen)]


def _guards(count: int, chosen: float, deviations: float = 12.0) -> list[int]:
    """Ranks about each percentile between which the bounds of its interval are likely to be.

    Settled with the percentiles, next to which they cost little, they leave little to sort for the bounds.
    """
    guards = []
    for percent, rank in zip((*PERCENTILES, chosen), _ranks(count, chosen), strict=True):
        reach = round(deviations * (count * percent / 100 * (1 - percent / 100)) ** 0.5)
        guards += [max(0, rank - reach), min(count - 1, rank + reach)]
    return guards


def _deviation(values: Int64s, mean: float, block: int = 1 << 20) -> float:
    """Population standard deviation, block by block, as the differences of all would need as much memory again."""
    total = 0.0
    for at in range(0, len(values), block):
        difference = values[at : at + block] - mean
        total += float(np.dot(difference, difference))
    return float(np.sqrt(total / len(values)))


def folded_latency(
    samples: Sequence[SampleArray], folded: Sequence[Folded], chosen: float
) -> tuple[Latency | None, Int64s]:
    """Of samples and of what was folded, and the histogram of both in FINE.

    With an error of at most 0.05 % of the value in the percentiles; count, min, mean, stddev and max are exact.
    """
    histogram = np.zeros(FINE.size, np.int64)
    count, total, least, most = 0, 0.0, [], []
    for part in samples:
        values = part.latencies
        histogram += FINE.count(values)
        count += len(values)
        total += float(values.sum())
        least.append(int(values.min()))
        most.append(int(values.max()))
    for rest in folded:
        histogram[np.frombuffer(rest.fine_buckets, "<i4")] += np.frombuffer(rest.fine_counts, "<i8")
        count += rest.count
        total += rest.count * rest.pivot_ns + rest.total_deviation_ns
        least.append(rest.least_ns)
        most.append(rest.most_ns)
    if count == 0:
        return None, histogram
    mean = total / count
    squares = sum(float(np.square(part.latencies - mean).sum()) for part in samples)
    squares += sum(_squares_about(rest, mean) for rest in folded)
    low, high = min(least), max(most)
    # The middle of a bucket may lie beyond the extremes, which are exact.
    *percentiles, asked = (
        min(max(percentile(FINE, histogram, p), low), high) / NS_PER_MS for p in (*PERCENTILES, chosen)
    )
    latency = Latency(
        exact=False,
        count=count,
        min=low / NS_PER_MS,
        mean=mean / NS_PER_MS,
        stddev=float(np.sqrt(max(0.0, squares) / count)) / NS_PER_MS,
        percentiles=tuple(percentiles),
        chosen=asked,
        max=high / NS_PER_MS,
        distribution=_in_ms(np.clip(distribution_of_counts(histogram), low, high)),
    )
    return latency, histogram


def _squares_about(part: Folded, mean: float) -> float:
    """Sum of (x - mean)^2 from the sums about the pivot: with d = pivot - mean, it is S2 + 2 d S1 + n d^2."""
    shift = part.pivot_ns - mean
    return part.total_square_ns2 + 2 * shift * part.total_deviation_ns + part.count * shift * shift


def intervals_of(values: Int64s, below: Int64s, counts: Int64s, chosen: float) -> dict[str, Interval]:
    """By INTERVALS, of `values` as `latency_of` with `near` has left them.

    `below`: [INTERVALS, n], the samples up to each percentile by cell; `counts`: all, by cell.
    """
    count = len(values)
    settled = sorted({0, count - 1, *_ranks(count, chosen), *_guards(count, chosen)})
    return _intervals(_Ranked(values, count, settled), below, counts, chosen)


def folded_intervals(latency: Latency, histogram: Int64s, coarse: Int64s, chosen: float) -> dict[str, Interval]:
    """`coarse`: a histogram of each slice. A percentile's bucket there counts as up to it."""
    limits = np.asarray(latency.limits_ns, np.int64)
    below = np.cumsum(coarse, axis=1)[:, COARSE.buckets(limits)].T
    ranked = _Counted(np.cumsum(histogram), latency.min * NS_PER_MS, latency.max * NS_PER_MS)
    return _intervals(ranked, below, coarse.sum(axis=1), chosen)


@dataclass(frozen=True)
class _Ranked:
    """Values of which single ranks are asked: sorted no further than that."""

    values: Int64s
    count: int
    settled: list[int]
    """Ranks that are in their place, in order: whatever lies between two of them stays there."""

    def __getitem__(self, rank: int) -> int:
        at = bisect_left(self.settled, rank)
        if self.settled[at : at + 1] != [rank]:
            low = self.settled[at - 1] + 1 if at else 0
            high = self.settled[at] if at < len(self.settled) else self.count
            self.values[low:high].partition(rank - low)
            self.settled.insert(at, rank)
        return int(self.values[rank])


@dataclass(frozen=True)
class _Counted:
    """Values of which single ranks are asked, known by their histogram in FINE, and that lie in [least, most]."""

    cumulated: Int64s
    least: float
    most: float

    @property
    def count(self) -> int:
        return int(self.cumulated[-1])

    def __getitem__(self, rank: int) -> float:
        value = float(FINE.values(np.searchsorted(self.cumulated, [rank], side="right"))[0])
        return min(max(value, self.least), self.most)


def _intervals(ranked: _Ranked | _Counted, below: Int64s, counts: Int64s, chosen: float) -> dict[str, Interval]:
    """`below`, `counts`: as `intervals_of` has them."""
    intervals = {}
    for name, percent, row in zip(INTERVALS, (*PERCENTILES, chosen), below, strict=True):
        effective = effective_count(row, counts)
        if effective is not None:
            low, high = (
                None if rank is None else ranked[rank] / NS_PER_MS
                for rank in rank_bounds(ranked.count, percent, effective)
            )
            intervals[name] = Interval(low, high)
    return intervals


def _in_ms(values: Int64s) -> tuple[float, ...]:
    return tuple((values / NS_PER_MS).tolist())
