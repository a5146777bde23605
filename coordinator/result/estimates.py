"""The figures of a run or a trial, with their intervals. Pure.

A figure that a result lacks is not there: nothing was counted, or it comes from a version that did not measure it. At a
rate it may also depend on arrivals that never completed: then what it cannot be below is among the bounds.
"""

from collections.abc import Iterator, Mapping

from ..stats.estimate import Estimate
from .arrivals import ArrivalsPart, LatenessPart, SlowdownPart
from .figures import FIGURES
from .hosts import HostPart
from .latency import NAMED_PERCENTILES, Interval, LatencyPart
from .report import EfficiencyPart, PhasesPart, Report
from .study import Outcome


def estimates_of_run(report: Report) -> dict[str, Estimate]:
    """By name, in the order of FIGURES."""
    found = dict(_of_run(report))
    return {figure.name: found[figure.name] for figure in FIGURES if figure.name in found}


def bounds_of_run(report: Report) -> dict[str, float]:
    """By name, of figures that are not known: what they cannot be below."""
    return _bounds(_latencies_of(report))


def _bounds(parts: Mapping[str, LatencyPart]) -> dict[str, float]:
    return {
        f"{part}{name}_ms": bound
        for part, latency in parts.items()
        for name, bound in latency.at_least.items()
        if getattr(latency, name, None) is None
    }


def estimates_of_trial(outcome: Outcome) -> dict[str, Estimate]:
    """By name, in the order of FIGURES; what `trials.jsonl` holds of a trial."""
    values = {f"{name}_ms": value for name, value in outcome.latency_ms.items()} | outcome.figures
    single = {"cpu_percent": outcome.busy_percent, "frames_per_cpu_s": outcome.frames_per_cpu_s}
    values |= {name: value for name, value in single.items() if value is not None}
    found = {name: Estimate(value) for name, value in values.items()}
    if outcome.fps is not None:
        found["fps"] = _within(outcome.fps, outcome.fps_ci95)
    return {figure.name: found[figure.name] for figure in FIGURES if figure.name in found}


def estimates_of_host(host: HostPart) -> dict[str, Estimate]:
    """The same of one host of several, in the window of all."""
    found: dict[str, Estimate] = {}
    if host.throughput is not None and host.latency_ms is not None:
        found["fps"] = _within(host.throughput.fps, host.throughput.fps_ci95)
    if host.cpu is not None:
        found["cpu_percent"] = Estimate(host.cpu.busy_percent)
    for part, latency in _latencies_of(host).items():
        found |= dict(_of_latency(part, latency))
    if host.efficiency is not None:
        found |= dict(_of_efficiency(host.efficiency))
    return {figure.name: found[figure.name] for figure in FIGURES if figure.name in found}


def bounds_of_host(host: HostPart) -> dict[str, float]:
    """The same of one host of several."""
    return _bounds(_latencies_of(host))


def _latencies_of(of: Report | HostPart) -> dict[str, LatencyPart]:
    parts = {"": of.latency_ms, "service_": of.service_ms, "wait_": of.wait_ms}
    return {part: latency for part, latency in parts.items() if latency is not None}


def _of_run(report: Report) -> Iterator[tuple[str, Estimate]]:
    if report.measured:
        yield "fps", _within(report.throughput.fps, report.throughput.fps_ci95)
        yield "cpu_percent", Estimate(report.cpu.busy_percent)
    for part, latency in _latencies_of(report).items():
        yield from _of_latency(part, latency)
    if report.goodput is not None:
        yield "goodput", Estimate(report.goodput.share)
        yield "goodput_per_s", Estimate(report.goodput.per_s)
    if report.arrivals is not None:
        yield from _of_arrivals(report.arrivals)
    if report.lateness_us is not None:
        yield from _of_lateness(report.lateness_us)
    if report.queueing is not None and report.queueing.slowdown is not None:
        yield from _of_slowdown(report.queueing.slowdown)
    if report.phases_ms is not None:
        yield from _of_phases(report.phases_ms)
    if report.efficiency is not None:
        yield from _of_efficiency(report.efficiency)
    if report.fairness is not None:
        yield "spread_percent", Estimate(report.fairness.spread_percent)
    memory = [agent.memory_mb.private if agent.memory_mb else None for agent in report.agents if agent.state == "ok"]
    known = [mb for mb in memory if mb is not None]
    if known and len(known) == len(memory):
        yield "memory_mb", Estimate(sum(known))


def _of_latency(part: str, latency: LatencyPart) -> Iterator[tuple[str, Estimate]]:
    """`part`: what its names begin with."""
    for name in ("min", "mean", *NAMED_PERCENTILES, "max"):
        value = getattr(latency, name)
        if value is not None:
            yield f"{part}{name}_ms", _within(value, latency.ci95.get(name))


def _of_efficiency(efficiency: EfficiencyPart) -> Iterator[tuple[str, Estimate]]:
    for name in ("frames_per_cpu_s", "energy_per_inference_j"):
        value = getattr(efficiency, name)
        if value is not None:
            yield name, Estimate(value)


def _of_arrivals(arrivals: ArrivalsPart) -> Iterator[tuple[str, Estimate]]:
    for name in ("offered_per_s", "delivered_per_s", "unfinished", "dropped"):
        yield name, Estimate(getattr(arrivals, name))


def _of_lateness(lateness: LatenessPart) -> Iterator[tuple[str, Estimate]]:
    for name in ("median", "p99", "max"):
        yield f"lateness_{name}_us", Estimate(getattr(lateness, name))


def _of_slowdown(slowdown: SlowdownPart) -> Iterator[tuple[str, Estimate]]:
    yield "service_alone_ms", Estimate(slowdown.alone_ms)
    yield "contention_percent", _within(slowdown.percent, slowdown.ci95)


def _of_phases(phases: PhasesPart) -> Iterator[tuple[str, Estimate]]:
    """Of what was done."""
    for name in phases.__struct_fields__:
        if getattr(phases, name) > 0:
            yield f"{name}_ms", Estimate(getattr(phases, name))


def _within(value: float, interval: Interval | None) -> Estimate:
    return Estimate(value) if interval is None else Estimate(value, interval.low, interval.high)
