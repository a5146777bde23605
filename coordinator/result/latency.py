"""Latencies of a result, as `report.json` has them: percentiles with intervals, and the whole distribution."""

from typing import Annotated, Final

from msgspec import Meta, Struct


class Interval(Struct, frozen=True):
    """In which the value of an endless run like this one lies with 95 % confidence; null where there is no bound."""

    low: float | None
    high: float | None


NAMED_PERCENTILES: Final = ("median", "p90", "p95", "p99", "p99_9")
"""The fields of LatencyPart with the usual percentiles, by which their intervals are called, too."""


class LatencyPart(Struct, frozen=True):
    """Milliseconds from due to completion, in a closed loop from start; percentiles are nearest rank over the merged
    samples.

    At a rate what never completed counts as longer than all that did: a figure that depends on it is null.
    """

    exact: Annotated[bool, Meta(description="false: percentiles are from a histogram, error at most 0.1 %")]
    count: Annotated[int, Meta(description="completed inferences")]
    min: float
    mean: float | None
    stddev: Annotated[float | None, Meta(description="of the population")]
    median: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p99_9: float | None
    max: float | None
    chosen_percentile: Annotated[int, Meta(description="the one asked for with -latency_percentile")] = 50
    chosen: Annotated[float | None, Meta(description="its value; only reports from before it have null")] = None
    ci95: Annotated[
        dict[str, Interval],
        Meta(
            description="by percentile (median, p90, p95, p99, p99_9, chosen): order statistics; of the whole run only"
        ),
    ] = {}
    missing: Annotated[int, Meta(description="arrivals that never completed, and count as the longest")] = 0
    at_least: Annotated[
        dict[str, float], Meta(description="of figures that are null: what they cannot be below, by name")
    ] = {}


class HistogramPart(Struct, frozen=True):
    """Completed inferences by latency: `counts[n]` from `edges_ms[n]` to the next edge. Bins are equally wide, or where
    the longest is over 12 times the shortest, of equal ratio."""

    edges_ms: tuple[float, ...]
    counts: tuple[int, ...]


class DistributionPart(Struct, frozen=True):
    """Latencies at fixed percentiles, milliseconds, nearest rank.

    `percents` ascend, eight for each nine, as far as there are samples beyond; an agent with fewer of them has fewer
    values. Exact from 99 on, and everywhere up to 65,536 samples; with more, an error of the rank of 0.2 % below.
    """

    percents: tuple[float, ...]
    merged: tuple[float, ...]
    agents: Annotated[dict[str, tuple[float, ...]], Meta(description="by agent; empty where there are more than 64")]
    service: Annotated[tuple[float, ...], Meta(description="of services, at a rate")] = ()
    wait: Annotated[tuple[float, ...], Meta(description="of waits, at a rate")] = ()
    hosts: Annotated[dict[str, tuple[float, ...]], Meta(description="by host, of several; as the agents'")] = {}
    histogram: Annotated[HistogramPart | None, Meta(description="of the run; null in old reports")] = None
