"""The figures of a run or a trial, with their intervals. Pure.

A figure that a result lacks is not there: nothing was counted, or it comes from a version that did not measure it.
"""

from collections.abc import Iterator

from ..stats.estimate import Estimate
from .figures import FIGURES
from .report import NAMED_PERCENTILES, Interval, LatencyPart, PhasesPart, Report
from .study import Outcome


def estimates_of_run(report: Report) -> dict[str, Estimate]:
    """By name, in the order of FIGURES."""
    found = dict(_of_run(report))
    return {figure.name: found[figure.name] for figure in FIGURES if figure.name in found}


def estimates_of_trial(outcome: Outcome) -> dict[str, Estimate]:
    """By name, in the order of FIGURES; what `trials.jsonl` holds of a trial."""
    values = {f"{name}_ms": value for name, value in outcome.latency_ms.items()}
    single = {"cpu_percent": outcome.busy_percent, "frames_per_cpu_s": outcome.frames_per_cpu_s}
    values |= {name: value for name, value in single.items() if value is not None}
    found = {name: Estimate(value) for name, value in values.items()}
    if outcome.fps is not None:
        found["fps"] = _within(outcome.fps, outcome.fps_ci95)
    return {figure.name: found[figure.name] for figure in FIGURES if figure.name in found}


def _of_run(report: Report) -> Iterator[tuple[str, Estimate]]:
    if report.throughput.count:
        yield "fps", _within(report.throughput.fps, report.throughput.fps_ci95)
        yield "cpu_percent", Estimate(report.cpu.busy_percent)
    if report.latency_ms is not None:
        yield from _of_latency(report.latency_ms)
    if report.phases_ms is not None:
        yield from _of_phases(report.phases_ms)
    if report.efficiency is not None:
        for name in ("frames_per_cpu_s", "energy_per_inference_j"):
            value = getattr(report.efficiency, name)
            if value is not None:
                yield name, Estimate(value)
    if report.fairness is not None:
        yield "spread_percent", Estimate(report.fairness.spread_percent)
    memory = [agent.memory_mb.private if agent.memory_mb else None for agent in report.agents if agent.state == "ok"]
    known = [mb for mb in memory if mb is not None]
    if known and len(known) == len(memory):
        yield "memory_mb", Estimate(sum(known))


def _of_latency(latency: LatencyPart) -> Iterator[tuple[str, Estimate]]:
    for name in ("min", "mean", "max"):
        yield f"{name}_ms", Estimate(getattr(latency, name))
    for name in NAMED_PERCENTILES:
        yield f"{name}_ms", _within(getattr(latency, name), latency.ci95.get(name))


def _of_phases(phases: PhasesPart) -> Iterator[tuple[str, Estimate]]:
    """Of what was done."""
    for name in phases.__struct_fields__:
        if getattr(phases, name) > 0:
            yield f"{name}_ms", Estimate(getattr(phases, name))


def _within(value: float, interval: Interval | None) -> Estimate:
    return Estimate(value) if interval is None else Estimate(value, interval.low, interval.high)
