"""From latencies to their figures: extremes, mean, percentiles, and the confidence intervals of these. Pure.

From all single latencies they are exact; where agents folded some, percentiles come from the histograms. Intervals take
their bounds from the order of either.

At a rate some arrivals may never have completed. They count as longer than all that did: a percentile whose rank is
among them is not known, only what it cannot be below. The same functions serve latencies, services and waits. Their
sums are of floats, as those of many long waits pass 2^63 ns.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ovbench.common.clock import NS_PER_MS
from ovbench.common.folded import FoldedTimes
from ovbench.common.histogram import COARSE, FINE, Int64s, nearest_rank
from ovbench.common.messages import Folded

from ..result.latency import NAMED_PERCENTILES, Interval
from ..stats.distribution import TAIL, distribution, distribution_of_counts, sample_of
from ..stats.uncertainty import effective_count, rank_bounds

PERCENTILES: Final = (50.0, 90.0, 95.0, 99.0, 99.9)
INTERVALS: Final = (*NAMED_PERCENTILES, "chosen")
"""What the intervals of PERCENTILES and of the chosen one are called."""


NONE_MISSING: Final = np.empty(0, np.int64)


@dataclass(frozen=True)
class Latency:
    """In ms. `percentiles` in the order of PERCENTILES; `chosen` is the one that was asked for beside them.

    `count` completed, `missing` did not; where that makes a figure unknown, it is None, and `at_least` has what it
    cannot be below, by the names of `result.latency.LatencyPart`. `stddev` is the population's. `ci95`: by INTERVALS;
    empty where there were too few samples, and of single agents. `distribution` is at the first of the percentiles of
    `distribution.percents_of(total)`, as far as they are known.
    """

    exact: bool
    count: int
    min: float
    mean: float | None
    stddev: float | None
    percentiles: tuple[float | None, ...]
    chosen: float | None
    max: float | None
    ci95: dict[str, Interval] = field(default_factory=dict)
    distribution: tuple[float, ...] = ()
    missing: int = 0
    at_least: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Those that never completed among them."""
        return self.count + self.missing

    def least(self, name: str) -> float:
        """A figure by its name in `at_least`, or what it cannot be below."""
        known = dict(zip(INTERVALS, (*self.percentiles, self.chosen), strict=True))
        value = known[name] if name in known else getattr(self, name)
        return self.at_least[name] if value is None else float(value)

    @property
    def limits_ns(self) -> list[int | None]:
        """The percentiles and the chosen one, as INTERVALS has them."""
        return [None if ms is None else round(ms * NS_PER_MS) for ms in (*self.percentiles, self.chosen)]


def latency_of(values: Int64s, chosen: float, near: bool = False, at_least: Int64s = NONE_MISSING) -> Latency | None:
    """Of `values` in ns, which it reorders, and of those that never completed, which cannot be below `at_least`. None
    where none completed.

    `near`: so that other ranks near those of the percentiles are soon found, as `intervals_of` needs it.
    """
    count, missing = len(values), len(at_least)
    if count == 0:
        return None
    ranks = _ranks(count + missing, chosen)
    known = {rank for rank in ranks if rank < count}
    sample = sample_of(values)
    tail = {min(count - 1, nearest_rank(count + missing, TAIL))}
    values.partition(sorted({0, count - 1, *known, *tail, *(_guards(count, missing, chosen) if near else ())}))
    mean = float(values.sum(dtype=np.float64)) / count
    found = [float(values[rank]) / NS_PER_MS if rank < count else None for rank in ranks]
    return Latency(
        exact=True,
        count=count,
        min=float(values[0]) / NS_PER_MS,
        mean=None if missing else mean / NS_PER_MS,
        stddev=None if missing else _deviation(values, mean) / NS_PER_MS,
        percentiles=tuple(found[:-1]),
        chosen=found[-1],
        max=None if missing else float(values[-1]) / NS_PER_MS,
        distribution=_in_ms(distribution(sample, values, missing)),
        missing=missing,
        at_least=_bounds(count, mean, float(values[-1]), at_least, ranks) if missing else {},
    )


def _bounds(count: int, mean: float, longest: float, at_least: Int64s, ranks: Sequence[int]) -> dict[str, float]:
    """Of the figures that are not known, where so many completed, of this mean: no one of the others counts as shorter
    than the longest of these, whatever is known of it."""
    least = np.sort(np.maximum(at_least, longest))
    total = mean * count + float(least.sum(dtype=np.float64))
    return {
        "mean": total / (count + len(least)) / NS_PER_MS,
        "max": float(least[-1]) / NS_PER_MS,
        **{
            name: float(least[rank - count]) / NS_PER_MS
            for name, rank in zip(INTERVALS, ranks, strict=True)
            if rank >= count
        },
    }


def _ranks(count: int, chosen: float) -> list[int]:
    """Of PERCENTILES and of the chosen one."""
    return [nearest_rank(count, percent) for percent in (*PERCENTILES, chosen)]


def _guards(count: int, missing: int, chosen: float, deviations: float = 12.0) -> list[int]:
    """Ranks about each percentile between which the bounds of its interval are likely to be.

    Settled with the percentiles, next to which they cost little, they leave little to sort for the bounds.
    """
    guards = []
    total = count + missing
    for percent, rank in zip((*PERCENTILES, chosen), _ranks(total, chosen), strict=True):
        reach = round(deviations * (total * percent / 100 * (1 - percent / 100)) ** 0.5)
        guards += [max(0, min(count - 1, rank - reach)), min(count - 1, rank + reach)]
    return guards


def _deviation(values: Int64s, mean: float, block: int = 1 << 20) -> float:
    """Population standard deviation, block by block, as the differences of all would need as much memory again."""
    total = 0.0
    for at in range(0, len(values), block):
        difference = values[at : at + block] - mean
        total += float(np.dot(difference, difference))
    return float(np.sqrt(total / len(values)))


def folded_latency(
    values: Iterable[Int64s], folded: Sequence[Folded | FoldedTimes], chosen: float, at_least: Int64s = NONE_MISSING
) -> tuple[Latency | None, Int64s]:
    """Of values, and of what was folded, and the histogram of both in FINE; `at_least` as in `latency_of`.

    With an error of at most 0.05 % of the value in the percentiles; count, min, mean, stddev and max are exact.
    """
    values = [part for part in values if len(part)]
    histogram = np.zeros(FINE.size, np.int64)
    count, total, least, most = 0, 0.0, [], []
    for part in values:
        histogram += FINE.count(part)
        count += len(part)
        total += float(part.sum(dtype=np.float64))
        least.append(int(part.min()))
        most.append(int(part.max()))
    for rest in folded:
        counts = np.frombuffer(rest.fine_counts, "<i8")
        histogram[np.frombuffer(rest.fine_buckets, "<i4")] += counts
        number = int(counts.sum())
        count += number
        total += number * rest.pivot_ns + rest.total_deviation_ns
        least.append(rest.least_ns)
        most.append(rest.most_ns)
    if count == 0:
        return None, histogram
    missing = len(at_least)
    mean = total / count
    squares = sum(float(np.square(part - mean).sum()) for part in values)
    squares += sum(_squares_about(rest, mean) for rest in folded)
    ranked = _RankedBuckets(np.cumsum(histogram), min(least), max(most))
    ranks = _ranks(count + missing, chosen)
    found = [ranked[rank] / NS_PER_MS if rank < count else None for rank in ranks]
    latency = Latency(
        exact=False,
        count=count,
        min=ranked.least / NS_PER_MS,
        mean=None if missing else mean / NS_PER_MS,
        stddev=None if missing else float(np.sqrt(max(0.0, squares) / count)) / NS_PER_MS,
        percentiles=tuple(found[:-1]),
        chosen=found[-1],
        max=None if missing else ranked.most / NS_PER_MS,
        distribution=_in_ms(np.clip(distribution_of_counts(histogram, missing), ranked.least, ranked.most)),
        missing=missing,
        at_least=_bounds(count, mean, ranked.most, at_least, ranks) if missing else {},
    )
    return latency, histogram


def _squares_about(part: Folded | FoldedTimes, mean: float) -> float:
    """Sum of (x - mean)^2 from the sums about the pivot: with d = pivot - mean, it is S2 + 2 d S1 + n d^2."""
    shift = part.pivot_ns - mean
    count = int(np.frombuffer(part.fine_counts, "<i8").sum())
    return part.total_square_ns2 + 2 * shift * part.total_deviation_ns + count * shift * shift


def intervals_of(
    values: Int64s, below: Sequence[Int64s | None], counts: Int64s, chosen: float, missing: int = 0
) -> dict[str, Interval]:
    """By INTERVALS, of `values` as `latency_of` with `near` has left them.

    `below`: by INTERVALS, the samples up to each percentile by cell, [n], None where it is not known; `counts`: all, by
    cell, those `missing` among them.
    """
    count = len(values)
    known = (rank for rank in _ranks(count + missing, chosen) if rank < count)
    settled = sorted({0, count - 1, *known, *_guards(count, missing, chosen)})
    return _intervals(_Ranked(values, count, settled), below, counts, chosen, missing)


def folded_intervals(latency: Latency, histogram: Int64s, coarse: Int64s, chosen: float) -> dict[str, Interval]:
    """`coarse`: a histogram of each slice. A percentile's bucket there counts as up to it. None where some never
    completed, as it is not known in which slices."""
    limits = [limit for limit in latency.limits_ns if limit is not None]
    if latency.missing:
        return {}
    below = np.cumsum(coarse, axis=1)[:, COARSE.buckets(np.asarray(limits, np.int64))].T
    ranked = _RankedBuckets(np.cumsum(histogram), latency.least("min") * NS_PER_MS, latency.least("max") * NS_PER_MS)
    return _intervals(ranked, list(below), coarse.sum(axis=1), chosen, 0)


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
class _RankedBuckets:
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


def _intervals(
    ranked: _Ranked | _RankedBuckets, below: Sequence[Int64s | None], counts: Int64s, chosen: float, missing: int
) -> dict[str, Interval]:
    """`below`, `counts`: as `intervals_of` has them."""
    intervals = {}
    for name, percent, row in zip(INTERVALS, (*PERCENTILES, chosen), below, strict=True):
        effective = None if row is None else effective_count(row, counts)
        if effective is not None:
            low, high = (
                None if rank is None or rank >= ranked.count else ranked[rank] / NS_PER_MS
                for rank in rank_bounds(ranked.count + missing, percent, effective)
            )
            intervals[name] = Interval(low, high)
    return intervals


def _in_ms(values: Int64s) -> tuple[float, ...]:
    return tuple((values / NS_PER_MS).tolist())
