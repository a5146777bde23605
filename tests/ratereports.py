"""Reports of runs at a rate for tests, with figures that a test chooses."""

from msgspec import structs

from ovbench.coordinator.result.arrivals import ArrivalsPart, GoodputPart, LatenessPart, QueueingPart, SlowdownPart
from ovbench.coordinator.result.latency import Interval, LatencyPart
from ovbench.coordinator.result.report import Report
from tests.builders import report


def latency(
    p99_ms: float | None, *, at_least_ms: float | None = None, missing: int = 0, ci95: Interval | None = None
) -> LatencyPart:
    """A thousand of half of `p99_ms`, but for the upper percent. Of None, p99 and what is longer are not known."""
    known = p99_ms if p99_ms is not None else at_least_ms or 1.0
    longest = {} if p99_ms is not None else dict.fromkeys(("p99", "p99_9", "max", "mean"), at_least_ms)
    return LatencyPart(
        exact=True,
        count=1000,
        min=known / 2,
        mean=p99_ms and known / 2,
        stddev=p99_ms and 0.1,
        median=known / 2,
        p90=known / 2,
        p95=known / 2,
        p99=p99_ms,
        p99_9=p99_ms,
        max=p99_ms,
        chosen=known / 2,
        ci95={} if ci95 is None else {"p99": ci95},
        missing=missing,
        at_least={name: bound for name, bound in longest.items() if bound is not None},
    )


def at_rate(
    p99_ms: float | None = 10.0,
    *,
    at_least_ms: float | None = None,
    rate: float = 100.0,
    unfinished: int = 0,
    goodput: float | None = None,
    ci95: Interval | None = None,
) -> Report:
    """Half of the latency is service and half is wait."""
    half = None if p99_ms is None else p99_ms / 2
    return structs.replace(
        report(),
        latency_ms=latency(p99_ms, at_least_ms=at_least_ms, missing=unfinished, ci95=ci95),
        service_ms=latency(half or 4.0),
        wait_ms=latency(half, at_least_ms=at_least_ms),
        lateness_us=LatenessPart(1000, 2.5, 2.0, 20.0, 90.0),
        arrivals=ArrivalsPart(
            law="poisson",
            rate=rate,
            offered=1000 + unfinished,
            delivered=1000,
            unfinished=unfinished,
            dropped=0,
            offered_per_s=(1000 + unfinished) / 10,
            delivered_per_s=100.0,
            dispatch="shared",
            seed=0,
            drain_s=1.0,
            backlog_start=0,
            backlog_end=unfinished,
            backlog_growth_per_s=unfinished / 10,
        ),
        queueing=QueueingPart(
            arrivals=1000,
            servers=2,
            load=0.5,
            service_ms=(half or 4.0) / 2,
            wait_ms=1.0,
            ideal_wait_ms=1.0,
            shuffled_wait_ms=0.8,
            shuffled_deviation_ms=0.1,
            formula_wait_ms=0.8,
            slowdown=SlowdownPart(2.0, 25.0, Interval(20.0, 30.0), 0.5, certain=True),
        ),
        goodput=None if goodput is None else GoodputPart(20.0, 100 * goodput, goodput, ()),
    )
