"""The figures of a result by name, one way to read them for comparisons, thresholds and tables. Pure.

A name ends in its unit (`_ms`, `_percent`, `_mb` for MiB, `_s`, `_j`); frames per second are `fps`. A figure that a
result lacks is not there: nothing was counted, or it comes from a version that did not measure it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct

from .result import Interval, LatencyPart, PhasesPart, Report
from .study.record import Outcome

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Figure:
    """`better`: which way it should go; None where neither is better. `aliases`: other names that people type."""

    name: str
    better: Better | None
    text: str
    aliases: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The last word of the name where that is one; empty for a rate."""
        word = self.name.rpartition("_")[2]
        return {"ms": "ms", "percent": "%", "mb": "MiB", "j": "J"}.get(word, "")


class Estimate(Struct, frozen=True):
    """A value, and where it lies with 95 % confidence; None where that is not known."""

    value: float
    ci95: Interval | None = None


def _latency(name: str, text: str, *aliases: str) -> Figure:
    return Figure(f"{name}_ms", "lower", text, (name, *aliases))


def _phase(name: str, text: str) -> Figure:
    return Figure(f"{name}_ms", "lower", f"{text}, on the slowest agent", (name,))


FIGURES: Final = (
    Figure("fps", "higher", "frames per second"),
    _latency("median", "median latency", "p50", "p50_ms"),
    _latency("mean", "mean latency"),
    _latency("min", "least latency"),
    _latency("p90", "90th percentile of the latency"),
    _latency("p95", "95th percentile of the latency"),
    _latency("p99", "99th percentile of the latency"),
    _latency("p99_9", "99.9th percentile of the latency", "p99.9", "p99.9_ms", "p999"),
    _latency("max", "greatest latency"),
    Figure("cpu_percent", None, "how busy the measured CPUs were", ("cpu",)),
    Figure("frames_per_cpu_s", "higher", "frames for each second of CPU time of the agents"),
    Figure("energy_per_inference_j", "lower", "energy of the packages for each inference"),
    Figure("spread_percent", "lower", "how far apart the agents' throughput is", ("spread",)),
    Figure("memory_mb", "lower", "private memory of all agents", ("memory",)),
    _phase("load_runtime", "time to load OpenVINO"),
    _phase("read_model", "time to read the model"),
    _phase("reshape", "time to reshape it"),
    _phase("compile", "time to compile it"),
    _phase("import_model", "time to import a compiled one"),
    _phase("create_requests", "time to create the requests"),
    _phase("first_inference", "time of the first inference"),
)

BY_NAME: Final = {name: figure for figure in FIGURES for name in (figure.name, *figure.aliases)}
"""Aliases, too."""

_PERCENTILES: Final = ("median", "p90", "p95", "p99", "p99_9")


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
        found["fps"] = Estimate(outcome.fps, outcome.fps_ci95)
    return {figure.name: found[figure.name] for figure in FIGURES if figure.name in found}


def _of_run(report: Report) -> Iterator[tuple[str, Estimate]]:
    if report.throughput.count:
        yield "fps", Estimate(report.throughput.fps, report.throughput.fps_ci95)
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
    for name in _PERCENTILES:
        yield f"{name}_ms", Estimate(getattr(latency, name), latency.ci95.get(name))


def _of_phases(phases: PhasesPart) -> Iterator[tuple[str, Estimate]]:
    """Of what was done."""
    for name in phases.__struct_fields__:
        if getattr(phases, name) > 0:
            yield f"{name}_ms", Estimate(getattr(phases, name))
