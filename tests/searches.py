"""Machines whose capacity is known in closed form, which answer the trials of a search for it, with noise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp
from random import Random
from typing import Literal

import numpy as np

from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result.arrivals import ObjectivePart
from ovbench.coordinator.result.study import Outcome
from ovbench.coordinator.study.search import Past, Search, Step, Terms

from .closedforms import Law, p_of_latency, rate_at

SERVICE_MS = 10.0
Noise = Literal["machine", "latency"]
"""machine: it is slower or faster in each trial, all of it; latency: the percentile alone is off."""

_OVERLOADED = 0.99
"""The load from which on trials are."""


@dataclass
class Machine:
    """Of so many servers. `noise`: the standard deviation from trial to trial, a share."""

    law: Law
    servers: int
    noise: float = 0.03
    kind: Noise = "machine"
    draw: Random = field(default_factory=Random)

    def capacity(self, objective: Objective) -> float:
        """A second, in closed form."""
        percent = objective.percent or 0.0
        return rate_at(self.law, self.servers, SERVICE_MS / 1000, objective.limit_ms / 1000, percent)

    def limit_at(self, load: float, percent: float = 99.0) -> Objective:
        """The limit that holds up to that load."""
        return Objective(percentile_ms(self.law, self.servers, load, percent), percent)

    def answer(self, step: Step, objectives: tuple[Objective, ...], trial: str = "0001") -> Outcome:
        off = exp(self.draw.gauss(0, self.noise))
        slower = off if self.kind == "machine" else 1.0
        saturation = 1000 * self.servers / SERVICE_MS
        if step.rate is None:
            return closed_loop(self.law, self.servers, saturation / off, trial)
        load = step.rate * slower / saturation
        overloaded = load >= _OVERLOADED
        percentiles = [
            None if overloaded else percentile_ms(self.law, self.servers, load, one.percent or 0.0) * off
            for one in objectives
        ]
        parts = tuple(
            ObjectivePart(one.limit_ms, one.percent, 0.99, 1.0, None, latency_ms)
            for one, latency_ms in zip(objectives, percentiles, strict=True)
        )
        services = closed_loop(self.law, self.servers, saturation / off).latency_ms
        return at_rate(step.rate, parts, overloaded, trial, services)


@lru_cache(maxsize=64)
def _curve(law: Law, servers: int, percent: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    loads = [*np.linspace(0.01, 0.9, 120), *np.linspace(0.9025, 0.99, 60)]
    saturation = 1000 * servers / SERVICE_MS
    return tuple(map(float, loads)), tuple(
        1000 * p_of_latency(law, servers, SERVICE_MS / 1000, float(load) * saturation, percent) for load in loads
    )


def percentile_ms(law: Law, servers: int, load: float, percent: float) -> float:
    """Interpolated between loads that are at most 0.75 % apart."""
    loads, latencies = _curve(law, servers, percent)
    return float(np.exp(np.interp(load, loads, np.log(latencies))))


def closed_loop(law: Law, servers: int, per_s: float, trial: str = "0001") -> Outcome:
    service_ms = 1000 * servers / per_s
    times = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
    spread = {
        name: service_ms * (1.0 if law == "deterministic" else float(-np.log1p(-share)))
        for name, share in times.items()
    }
    least = service_ms if law == "deterministic" else service_ms / 1000
    return Outcome(
        trial, {}, 0, "", 1.0, 0, "VALID", fps=per_s, streams=servers, agents=servers,
        latency_ms={**spread, "min": least, "mean": service_ms},
    )  # fmt: skip


def at_rate(
    rate: float,
    parts: tuple[ObjectivePart, ...],
    overloaded: bool = False,
    trial: str = "0002",
    services: Mapping[str, float] | None = None,
) -> Outcome:
    figures = {"offered_per_s": rate, **{f"service_{name}_ms": value for name, value in (services or {}).items()}}
    return Outcome(
        trial, {"--rate": f"{rate:g}"}, 0, "", 1.0, 4 if overloaded else 0, "INVALID" if overloaded else "VALID",
        fps=rate, objectives=parts, findings=("overloaded",) if overloaded else (), figures=figures,
    )  # fmt: skip


def searched(machine: Machine, terms: Terms) -> Search:
    """From its first trial to its end."""
    search = Search(terms)
    while (step := search.next()) is not None:
        outcome = machine.answer(step, terms.objectives, f"{len(search.past) + 1:04}")
        search = Search(terms, (*search.past, Past(step, outcome)))
    return search
