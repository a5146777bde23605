"""What a load did, of the run or of one agent, as the report has it: throughput, latencies and their course. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from ovbench.common.clock import NS_PER_S, NS_PER_US
from ovbench.common.effective import Effective

from ..analysis.latency import Latency
from ..analysis.merge import Merged, Slice
from ..analysis.progress import Work
from ..analysis.recording import Window
from ..machine.utilization import busy_between
from ..result import report as result
from ..session.record import RunRecord
from ..stats.distribution import percents_of
from ..stats.estimate import plain_mean

_MOST_DISTRIBUTIONS: Final = 64
"""Of agents; with more they would be most of the report."""


def window_part(window: Window, warmup_s: float) -> result.WindowPart:
    return result.WindowPart(
        duration_s=window.duration_s,
        warmup_s=warmup_s,
        start_skew_us=window.start_skew_ns / NS_PER_US,
        stop_skew_us=window.stop_skew_ns / NS_PER_US,
        start_ns=window.start_ns,
        stop_ns=window.stop_ns,
    )


def throughput_part(
    count: int, frames: int, work: Work, completed: int, window: Window, batch: int, fps_ci95: result.Interval | None
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


def latency_part(latency: Latency | None, chosen: int) -> result.LatencyPart | None:
    if latency is None:
        return None
    median, p90, p95, p99, p99_9 = latency.percentiles
    return result.LatencyPart(
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
    )


def group_parts(latencies: Sequence[Latency | None], effective: Effective, chosen: int) -> Iterator[result.GroupPart]:
    names = [port.name for port in effective.inputs]
    for group, latency in zip(effective.groups, latencies, strict=False):
        yield result.GroupPart(
            shapes=dict(zip(names, group.shapes, strict=False)),
            batch=group.batch,
            count=latency.count if latency is not None else 0,
            latency_ms=latency_part(latency, chosen),
        )


def distribution_part(merged: Merged) -> result.DistributionPart | None:
    if merged.latency is None:
        return None
    agents = merged.agent_latencies if len(merged.agent_latencies) <= _MOST_DISTRIBUTIONS else {}
    return result.DistributionPart(
        percents=percents_of(merged.latency.count),
        merged=merged.latency.distribution,
        agents={str(agent): latency.distribution for agent, latency in agents.items() if latency is not None},
    )


def timeline_parts(record: RunRecord, slices: Sequence[Slice], window: Window) -> Iterator[result.TimelinePart]:
    edges = [part.start_ns for part in slices[:1]] + [part.stop_ns for part in slices]
    busy = busy_between(record.readings, record.plan.measured_cpus, edges)
    for index, part in enumerate(slices):
        seconds = (part.stop_ns - part.start_ns) / NS_PER_S
        yield result.TimelinePart(
            t_s=(part.stop_ns - window.start_ns) / NS_PER_S,
            fps=part.frames / seconds if seconds > 0 else 0.0,
            p99_ms=part.p99_ms,
            busy_percent=plain_mean(shares[index] for shares in busy.values()),
        )
