"""The figures of a result by name, as comparisons, limits and tables have them. Pure.

A name ends in its unit (`_ms`, `_percent`, `_mb` for MiB, `_s`, `_j`); frames per second are `fps`.
"""

from dataclasses import dataclass
from typing import Final, Literal

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
