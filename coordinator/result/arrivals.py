"""What a result at a rate says of its arrivals, as `report.json` has it: how many, how late, how many in time."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .latency import Interval

Share = Annotated[float, Meta(ge=0, le=1)]


class ArrivalsPart(Struct, frozen=True):
    """Inferences that were due in the window, whatever became of them: offered = delivered + dropped + unfinished."""

    law: Annotated[str, Meta(description="as with --arrivals; constant with -max_irate")]
    rate: Annotated[float, Meta(description="asked for, inferences per second, the mean over the window")]
    offered: int
    delivered: Annotated[int, Meta(description="those that completed, be it after the window")]
    unfinished: Annotated[int, Meta(description="those that did not, by the end of the drain, and were not dropped")]
    dropped: Annotated[int, Meta(description="by --timeout-ms")]
    offered_per_s: float
    delivered_per_s: float
    dispatch: Literal["shared", "round-robin", "random", "partition"]
    seed: Annotated[int | None, Meta(description="null where nothing is left to chance")]
    drain_s: float
    backlog_start: Annotated[
        int | None,
        Meta(description="due and not completed, when the window opened; null where samples were folded"),
    ]
    backlog_end: Annotated[int | None, Meta(description="and when it closed")]
    backlog_growth_per_s: Annotated[
        float | None, Meta(description="slope of a line through the backlog over the window")
    ]


class LatenessPart(Struct, frozen=True):
    """What the load generator itself added: by how much later an arrival was started than an idle request, and its
    instant, allowed. Microseconds, of all that were due in the window and started."""

    count: int
    mean: float
    median: float
    p99: float
    max: float


class SlowdownPart(Struct, frozen=True):
    """By how much inferences slow each other down while they are served at the same time."""

    alone_ms: Annotated[float, Meta(description="the mean service, were nothing else under way")]
    percent: Annotated[float, Meta(description="by how much the mean service is above that")]
    ci95: Interval
    wait_ms: Annotated[float, Meta(description="the mean wait, were services as short as that")]
    certain: Annotated[bool, Meta(description="false where it may be chance (p > 0.001)")]


class QueueingPart(Struct, frozen=True):
    """The mean wait beside what an ideal queue with the same arrivals and services would have. Milliseconds."""

    arrivals: Annotated[int, Meta(description="that were looked at")]
    servers: Annotated[int | None, Meta(description="of each queue; null where queues differ")]
    load: Annotated[float, Meta(description="share of their time that they served")]
    service_ms: float
    wait_ms: float
    ideal_wait_ms: Annotated[float, Meta(description="of an ideal queue with the services that were measured")]
    shuffled_wait_ms: Annotated[float, Meta(description="with these services in any other order")]
    shuffled_deviation_ms: Annotated[float, Meta(description="by which that varies from one order to another")]
    formula_wait_ms: Annotated[
        float | None,
        Meta(description="Allen and Cunneen's for G/G/c; null where the rate varies or cannot be served"),
    ]
    slowdown: Annotated[SlowdownPart | None, Meta(description="null where nothing can be told of it")]


class ObjectivePart(Struct, frozen=True):
    """Of a limit that was set with --slo-ms: `share` of the arrivals in the window completed within it."""

    limit_ms: float
    percent: Annotated[float | None, Meta(description="of arrivals that must keep it; null where that was left open")]
    share: Share
    per_s: float
    met: Annotated[bool | None, Meta(description="null where no percentage was asked for")]
    latency_ms: Annotated[
        float | None, Meta(description="at that percentile; null where it is unknown, or none was asked for")
    ] = None
    at_least_ms: Annotated[float | None, Meta(description="where it is unknown: what it cannot be below")] = None


class GoodputPart(Struct, frozen=True):
    """Completions within a limit, of arrivals in the window. The first objective's, and all of them."""

    slo_ms: float
    per_s: float
    share: Share
    objectives: tuple[ObjectivePart, ...]
