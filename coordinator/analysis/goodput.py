"""How many inferences kept the limits of their latency: of a run, of a stage, of a slice of its timeline. Pure.

What was dropped or never completed kept none. Where agents folded samples, their histogram says how many were within a
limit, with an error of 0.05 % of the limit.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS
from ovbench.common.histogram import FINE, nearest_rank
from ovbench.common.messages import Folded
from ovbench.common.samples import SampleArray

from ..request.slo import Objective
from ..result.arrivals import GoodputPart, ObjectivePart
from .latency import NONE_MISSING, folded_latency
from .offered import Offered
from .times import LATENCY

Int64s = npt.NDArray[np.int64]


def goodput_of(
    samples: Sequence[SampleArray],
    objectives: Sequence[Objective],
    offered: int,
    seconds: float,
    folded: Sequence[Folded] = (),
    at_least: Int64s = NONE_MISSING,
) -> GoodputPart | None:
    """Of so many inferences that were `offered` in so many seconds, among them `samples`, what was `folded`, and those
    that never completed: what their latencies cannot be below, ns. None without an objective, and where nothing was
    offered."""
    if not objectives or offered == 0 or seconds <= 0:
        return None
    percents = [objective.percent for objective in objectives if objective.percent is not None]
    known = _percentiles(samples, folded, percents, at_least)
    parts = tuple(
        _judged(objective, _within(samples, folded, objective), offered, seconds, known.get(objective.percent))
        for objective in objectives
    )
    first = parts[0]
    return GoodputPart(first.limit_ms, first.per_s, first.share, parts)


def within_by_slice(offered: Offered, objective: Objective, edges: Int64s) -> Int64s:
    """How many of what was due in each slice kept it; int64 [n], `edges` [n + 1], ascending."""
    samples = offered.samples
    kept = np.concatenate([[0], np.cumsum(samples.latencies <= _limit_ns(objective))])
    counts: Int64s = np.diff(kept[np.searchsorted(samples.dues, edges)])
    return counts


def _judged(
    objective: Objective, within: int, offered: int, seconds: float, found: tuple[float | None, float | None] | None
) -> ObjectivePart:
    percent = objective.percent
    latency_ms, at_least_ms = found or (None, None)
    return ObjectivePart(
        limit_ms=objective.limit_ms,
        percent=percent,
        share=within / offered,
        per_s=within / seconds,
        met=None if percent is None else within > nearest_rank(offered, percent),
        latency_ms=latency_ms,
        at_least_ms=at_least_ms,
    )


def _percentiles(
    samples: Sequence[SampleArray], folded: Sequence[Folded], percents: Sequence[float], at_least: Int64s
) -> dict[float | None, tuple[float | None, float | None]]:
    """In ms, of those that never completed, too: known, or what each cannot be below."""
    if not percents:
        return {}
    if folded:
        found: dict[float | None, tuple[float | None, float | None]] = {}
        for percent in percents:
            latency, _ = folded_latency(map(LATENCY.of, samples), folded, percent, at_least)
            found[percent] = (None, None) if latency is None else (latency.chosen, latency.at_least.get("chosen"))
        return found
    values = LATENCY.joined(samples)
    count, total = len(values), len(values) + len(at_least)
    ranks = {percent: nearest_rank(total, percent) for percent in percents} if total else {}
    if completed := sorted({rank for rank in ranks.values() if rank < count}):
        values.partition(completed)
    beyond = np.sort(np.maximum(at_least, values.max(initial=0)))
    return {
        percent: (float(values[rank]) / NS_PER_MS, None)
        if rank < count
        else (None, float(beyond[rank - count]) / NS_PER_MS)
        for percent, rank in ranks.items()
    }


def _within(samples: Iterable[SampleArray], folded: Iterable[Folded], objective: Objective) -> int:
    limit_ns = _limit_ns(objective)
    exact = sum(int(np.count_nonzero(part.latencies <= limit_ns)) for part in samples)
    return exact + sum(_folded_within(part, limit_ns) for part in folded)


def _folded_within(part: Folded, limit_ns: float) -> int:
    counts = np.frombuffer(part.fine_counts, "<i8")
    if part.most_ns <= limit_ns:
        return int(counts.sum())
    return int(counts[FINE.values(np.frombuffer(part.fine_buckets, "<i4")) <= limit_ns].sum())


def _limit_ns(objective: Objective) -> float:
    return objective.limit_ms * NS_PER_MS
