"""How latencies are distributed, in few points: at fixed percentiles, closer together the further out. Pure."""

from typing import Final

import numpy as np

from ovbench.common.histogram import FINE, Int64s, nearest_rank

_BODY: Final = (1.0, 2.0, *(float(percent) for percent in range(5, 90, 5)))
_TAIL: Final = (10.0, 8.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.5)
_DECADES: Final = 9

PERCENTS: Final = (
    *_BODY,
    *(round(100 - part / 10**decade, 9) for decade in range(_DECADES) for part in _TAIL),
)
"""1 to 85 in steps of 5, then eight points for each further nine: 90, 92, ... 98.5, 99, 99.2, ..."""

TAIL: Final = 99.0
SAMPLE: Final = 1 << 16


def percents_of(count: int) -> tuple[float, ...]:
    """Those of PERCENTS beyond which at least one of `count` samples lies, the lowest always."""
    return tuple(p for p in PERCENTS if p == PERCENTS[0] or round((100 - p) * count, 6) >= 100)


def sample_of(values: Int64s) -> Int64s:
    """All of them, sorted, or SAMPLE drawn at random where to sort all would take too long; `values` stay as they are.

    At random and not evenly spaced: what comes in turn, such as shapes, would be seen in part.
    """
    if len(values) <= SAMPLE:
        return np.sort(values)
    return np.sort(values[np.random.default_rng(0).integers(0, len(values), SAMPLE)])


def distribution(sample: Int64s, values: Int64s, missing: int = 0) -> Int64s:
    """Of `values` that are partitioned at the nearest rank of TAIL, at each of `percents_of(len(values) + missing)`, in
    ns; `missing` further ones are longer than all of them, and what is among those is left out.

    Exact from TAIL on, and everywhere for up to SAMPLE values; else below it with an error of the rank of 0.2 % of all
    (the standard error of a median from SAMPLE draws).
    """
    count, total = len(values), len(values) + missing
    first = min(count - 1, nearest_rank(total, TAIL))
    tail = np.sort(values[first:]) if len(sample) < count else sample[first:]
    points = []
    for percent in percents_of(total):
        rank = nearest_rank(total, percent)
        if rank >= count:
            break
        among = min(len(sample) - 1, nearest_rank(len(sample), percent * total / count))
        points.append(int(tail[rank - first]) if rank >= first else min(int(sample[among]), int(tail[0])))
    return np.asarray(points, np.int64)


def distribution_of_counts(counts: Int64s, missing: int = 0) -> Int64s:
    """The same of a FINE histogram that is not empty; its error is at most 0.05 % of the value."""
    count = int(counts.sum())
    ranks = [nearest_rank(count + missing, p) for p in percents_of(count + missing)]
    known = [rank for rank in ranks if rank < count]
    return FINE.values(np.searchsorted(np.cumsum(counts), known, side="right").astype(np.int64))
