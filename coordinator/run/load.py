"""What a load did, of the run or of one agent, as the report has it: throughput, latencies and their course. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from ovbench.common.arrivals import Constant, Trace
from ovbench.common.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from ovbench.common.effective import Effective

from ..analysis.bins import Binned
from ..analysis.contention import Contention, Slowdown
from ..analysis.flow import Flow
from ..analysis.hosts import HostFigures, edge_error_ns, skew_error_ns
from ..analysis.latency import Latency
from ..analysis.merge import Merged
from ..analysis.progress import Work
from ..analysis.punctuality import Lateness
from ..analysis.recording import Window
from ..machine.utilization import busy_between
from ..result import arrivals
from ..result import report as result
from ..result.latency import DistributionPart, HistogramPart, Interval, LatencyPart
from ..result.timeline import TimelineArrivals, TimelinePart
from ..session.record import RunRecord
from ..stats.distribution import percents_of
from ..stats.estimate import plain_mean
from .goodput import Int64s, kept_by_slice

_MOST_DISTRIBUTIONS: Final = 64
"""Of agents; with more they would be most of the report."""


def window_part(record: RunRecord, window: Window) -> result.WindowPart:
    edge_ns, skew_ns = edge_error_ns(record), skew_error_ns(record)
    return result.WindowPart(
        duration_s=window.duration_s,
        warmup_s=record.request.load.warmup_s,
        start_skew_us=window.start_skew_ns / NS_PER_US,
        stop_skew_us=window.stop_skew_ns / NS_PER_US,
        start_ns=window.start_ns,
        stop_ns=window.stop_ns,
        edge_error_us=None if edge_ns is None else edge_ns / NS_PER_US,
        skew_error_us=None if skew_ns is None else skew_ns / NS_PER_US,
    )


def throughput_part(
    count: int, frames: int, work: Work, completed: int, window: Window, batch: int, fps_ci95: Interval | None
) -> result.Throughput:
    length_s = window.duration_s
    return result.Throughput(
        fps=work.frames / length_s if length_s > 0 else 0.0,
        inferences_per_s=work.inferences / length_s if length_s > 0 else 0.0,
        count=count,
        batch=batch,
        completed=completed,
        frames=frames,
        fps_ci95=fps_ci95,
    )


def latency_part(latency: Latency | None, chosen: int) -> LatencyPart | None:
    if latency is None:
        return None
    median, p90, p95, p99, p99_9 = latency.percentiles
    return LatencyPart(
        exact=latency.exact,
        count=latency.count,
        min=latency.min,
        mean=latency.mean,
        stddev=latency.stddev,
        median=median,
        p90=p90,
        p95=p95,
        p99=p99,
        p99_9=p99_9,
        max=latency.max,
        chosen_percentile=chosen,
        chosen=latency.chosen,
        ci95=latency.ci95,
        missing=latency.missing,
        at_least=dict(latency.at_least),
    )


def lateness_part(lateness: Lateness | None) -> arrivals.LatenessPart | None:
    if lateness is None:
        return None
    return arrivals.LatenessPart(
        count=lateness.count,
        mean=lateness.mean / NS_PER_US,
        median=lateness.median / NS_PER_US,
        p99=lateness.p99 / NS_PER_US,
        max=lateness.max / NS_PER_US,
    )


def queueing_part(found: Contention | None) -> arrivals.QueueingPart | None:
    if found is None:
        return None
    return arrivals.QueueingPart(
        arrivals=found.arrivals,
        servers=found.servers,
        load=found.load,
        service_ms=found.service_ns / NS_PER_MS,
        wait_ms=found.measured_wait_ns / NS_PER_MS,
        ideal_wait_ms=found.wait_ns / NS_PER_MS,
        shuffled_wait_ms=found.shuffled_ns / NS_PER_MS,
        shuffled_deviation_ms=found.shuffled_deviation_ns / NS_PER_MS,
        formula_wait_ms=None if found.formula_ns is None else found.formula_ns / NS_PER_MS,
        slowdown=_slowdown_part(found.slowdown),
    )


def _slowdown_part(found: Slowdown | None) -> arrivals.SlowdownPart | None:
    if found is None:
        return None
    return arrivals.SlowdownPart(
        alone_ms=found.alone_ns / NS_PER_MS,
        percent=found.percent,
        ci95=Interval(found.low_percent, found.high_percent),
        wait_ms=found.wait_ns / NS_PER_MS,
        certain=found.certain,
    )


def arrivals_part(record: RunRecord, merged: Merged) -> arrivals.ArrivalsPart | None:
    """None in a closed loop. Of -max_irate it says how that amounts to arrivals: of equal gaps, each agent its own."""
    turnout, seconds, asked = merged.turnout, merged.window.duration_s, record.request.arrivals
    if turnout is None:
        return None
    start, end, growth_per_s = _backlog(merged)
    by_chance = asked is not None and not isinstance(asked.law, Constant | Trace)
    dealt_by_chance = asked is not None and record.request.dispatch == "random"
    return arrivals.ArrivalsPart(
        law=str(Constant() if asked is None else asked.law),
        rate=record.request.max_irate / _mean_batch(record) if asked is None else asked.rate,
        offered=turnout.offered,
        delivered=turnout.delivered,
        unfinished=turnout.unfinished,
        dropped=turnout.dropped,
        offered_per_s=turnout.offered / seconds if seconds > 0 else 0.0,
        delivered_per_s=turnout.delivered / seconds if seconds > 0 else 0.0,
        dispatch="partition" if asked is None else record.request.dispatch,
        seed=asked.seed if asked is not None and (by_chance or dealt_by_chance) else None,
        drain_s=record.request.load.drain_s,
        backlog_start=start,
        backlog_end=end,
        backlog_growth_per_s=growth_per_s,
    )


def _backlog(merged: Merged) -> tuple[int, int, float] | tuple[None, None, None]:
    """At both ends of the window, and by how much it grew a second. Not known where samples are known as a histogram
    only, and of a window that is empty, as the load may have ended before it was to open."""
    backlog, edges = merged.backlog, (merged.window.start_ns, merged.window.stop_ns)
    if backlog is None or edges[0] == edges[1]:
        return None, None, None
    start, end = backlog.at(np.asarray(edges, np.int64)).tolist()
    return start, end, backlog.slope_per_s(*edges)


def _mean_batch(record: RunRecord) -> float:
    """Frames in an inference, of the first agent that delivered, as all have the same."""
    batches = next((agent.batches for agent in record.agents if agent.counts), (1,))
    return sum(batches) / len(batches)


def group_parts(merged: Merged, effective: Effective, chosen: int) -> Iterator[result.GroupPart]:
    names = [port.name for port in effective.inputs]
    for index, (group, latency) in enumerate(zip(effective.groups, merged.groups, strict=False)):
        yield result.GroupPart(
            shapes=dict(zip(names, group.shapes, strict=False)),
            batch=group.batch,
            count=latency.count if latency is not None else 0,
            latency_ms=latency_part(latency, chosen),
            service_ms=latency_part(next(iter(merged.group_services[index : index + 1]), None), chosen),
        )


def distribution_part(merged: Merged, hosts: Mapping[str, HostFigures | None]) -> DistributionPart | None:
    """`hosts`: of several, by name."""
    latency = merged.latency
    if latency is None:
        return None
    agents = merged.agent_latencies if len(merged.agent_latencies) <= _MOST_DISTRIBUTIONS else {}
    return DistributionPart(
        percents=percents_of(latency.total),
        merged=latency.distribution,
        agents={str(agent): latency.distribution for agent, latency in agents.items() if latency is not None},
        service=merged.service.distribution if merged.service is not None else (),
        wait=merged.wait.distribution if merged.wait is not None else (),
        hosts={
            name: host.latency.distribution
            for name, host in hosts.items()
            if host is not None and host.latency is not None and len(hosts) <= _MOST_DISTRIBUTIONS
        },
        histogram=_histogram_part(latency, merged),
    )


def _histogram_part(latency: Latency, merged: Merged) -> HistogramPart:
    known = dict(zip(percents_of(latency.total), latency.distribution, strict=False))
    most = latency.distribution[-1]
    binned = Binned.of(latency, (known.get(25.0, latency.min), known.get(75.0, most)), merged.population)
    return HistogramPart(tuple(binned.edges_ms.tolist()), tuple(binned.counts.tolist()))


def timeline_parts(record: RunRecord, parts: Sequence[RunRecord], merged: Merged) -> Iterator[TimelinePart]:
    """`parts`: of the record, those of hosts that were not lost."""
    slices, window = merged.timeline, merged.window
    edges = [part.start_ns for part in slices[:1]] + [part.stop_ns for part in slices]
    busy = [shares for part in parts for shares in _busy(part, edges)]
    kept = kept_by_slice(record, merged)
    for index, part in enumerate(slices):
        seconds = (part.stop_ns - part.start_ns) / NS_PER_S
        yield TimelinePart(
            t_s=(part.stop_ns - window.start_ns) / NS_PER_S,
            fps=part.frames / seconds if seconds > 0 else 0.0,
            p99_ms=part.p99_ms,
            busy_percent=plain_mean(shares[index] for shares in busy),
            arrivals=_slice_arrivals(merged.flow, kept, index, seconds) if merged.flow is not None else None,
        )


def _busy(part: RunRecord, edges: Sequence[int]) -> Iterable[list[float]]:
    """Of each measured CPU of a host."""
    return busy_between(part.host.readings, part.plan.measured_cpus, edges).values()


def _slice_arrivals(flow: Flow, kept: Int64s | None, index: int, seconds: float) -> TimelineArrivals:
    """`kept`: how many kept the first objective, by slice."""
    within, offered = None if kept is None else int(kept[index]), int(flow.offered[index])
    wait_ns, service_ns = float(flow.wait_ns[index]), float(flow.service_ns[index])
    return TimelineArrivals(
        offered_per_s=offered / seconds,
        delivered_per_s=int(flow.delivered[index]) / seconds,
        backlog=int(flow.backlog[index]),
        wait_ms=None if math.isnan(wait_ns) else wait_ns / NS_PER_MS,
        service_ms=None if math.isnan(service_ns) else service_ns / NS_PER_MS,
        goodput_per_s=None if within is None else within / seconds,
        goodput_share=None if within is None or not offered else within / offered,
    )
