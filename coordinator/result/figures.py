"""The figures of a result by name, as comparisons, limits and tables have them. Pure.

A name ends in its unit (`_ms`, `_us`, `_percent`, `_mb` for MiB, `_s`, `_j`); frames per second are `fps`.
"""

from dataclasses import dataclass
from typing import Final, Literal

Better = Literal["higher", "lower"]
Needed = Literal["rate", "limit"]
"""What only some runs have: a rate, whichever flag sets it, or a limit of the latency."""

_ADVICE: Final[dict[Needed, str]] = {
    "rate": "only a load at a rate has it; add --rate R",
    "limit": "it is by a limit of the latency; add --slo-ms X",
}


@dataclass(frozen=True)
class Figure:
    """`better`: which way it should go; None where neither is better. `aliases`: other names that people type.
    `needs`: what a run must have been given for it; None for a figure of any run."""

    name: str
    better: Better | None
    text: str
    aliases: tuple[str, ...] = ()
    needs: Needed | None = None

    @property
    def unit(self) -> str:
        """The last word of the name where that is one; empty for a rate, a number or a share."""
        word = self.name.rpartition("_")[2]
        return {"ms": "ms", "us": "us", "percent": "%", "mb": "MiB", "j": "J"}.get(word, "")

    @property
    def advice(self) -> str:
        """What to do where a run lacks it for want of a flag; empty where no flag would help."""
        return "" if self.needs is None else _ADVICE[self.needs]


def _latency(name: str, text: str, *aliases: str) -> Figure:
    return Figure(f"{name}_ms", "lower", text, (name, *aliases))


def _part(part: str, of: Figure) -> Figure:
    """Of a part of the latency, at a rate."""
    aliases = tuple(f"{part}_{alias}" for alias in of.aliases)
    return Figure(f"{part}_{of.name}", "lower", of.text.replace("latency", part), aliases, "rate")


def _arrivals(name: str, better: Better | None, text: str, *aliases: str) -> Figure:
    return Figure(name, better, text, aliases, "rate")


def _phase(name: str, text: str) -> Figure:
    return Figure(f"{name}_ms", "lower", f"{text}, on the slowest agent", (name,))


LATENCIES: Final = (
    _latency("median", "median latency", "p50", "p50_ms"),
    _latency("mean", "mean latency"),
    _latency("min", "least latency"),
    _latency("p90", "90th percentile of the latency"),
    _latency("p95", "95th percentile of the latency"),
    _latency("p99", "99th percentile of the latency"),
    _latency("p99_9", "99.9th percentile of the latency", "p99.9", "p99.9_ms", "p999"),
    _latency("max", "greatest latency"),
)
"""Of completions since they were due, in a closed loop since they started."""

FIGURES: Final = (
    Figure("fps", "higher", "frames per second"),
    *LATENCIES,
    *(_part("service", figure) for figure in LATENCIES),
    *(_part("wait", figure) for figure in LATENCIES),
    Figure("goodput", "higher", "share of the arrivals that completed within the first --slo-ms", (), "limit"),
    Figure("goodput_per_s", "higher", "completions within it per second", (), "limit"),
    _arrivals("offered_per_s", None, "arrivals per second", "offered"),
    _arrivals("delivered_per_s", "higher", "of these the completed ones, per second", "delivered"),
    _arrivals("unfinished", "lower", "arrivals that never completed"),
    _arrivals("dropped", "lower", "arrivals that --timeout-ms dropped"),
    _arrivals("lateness_median_us", "lower", "median of what the generator itself started late", "lateness_median"),
    _arrivals("lateness_p99_us", "lower", "99th percentile of that", "lateness_p99"),
    _arrivals("lateness_max_us", "lower", "greatest of that", "lateness_max"),
    _arrivals("service_alone_ms", "lower", "mean service, were nothing else under way", "service_alone"),
    _arrivals("contention_percent", "lower", "by how much inferences together take longer than alone", "contention"),
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
