"""Machines whose capacity is known in closed form, which answer the trials of a search for it, with noise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp
from random import Random
from typing import Literal

import numpy as np

from ovbench.common.clock import NS_PER_MS, NS_PER_S
from ovbench.common.histogram import Int64s, nearest_rank
from ovbench.coordinator.analysis.backlog import Backlog, overload_of
from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result.arrivals import ObjectivePart
from ovbench.coordinator.result.study import Outcome
from ovbench.coordinator.stats.queueing import ideal_starts
from ovbench.coordinator.study.search import Past, Search, Step, Terms
from scripts.bench.atrate import ideal_waits

from .closedforms import Law, p_of_latency, rate_at

SERVICE_MS = 10.0
Noise = Literal["machine", "latency"]
"""machine: it is slower or faster in each trial, all of it; latency: the percentile alone is off."""

_OVERLOADED = 0.99
"""The load from which on trials are."""

_LEAD_S = 1.0


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


@dataclass
class QueueMachine(Machine):
    """The same, but what a trial of so many seconds shows is measured: of arrivals of its own, in an ideal queue, which
    is empty a second before the window."""

    seconds: float = 20.0

    def answer(self, step: Step, objectives: tuple[Objective, ...], trial: str = "0001") -> Outcome:
        if step.rate is None:
            return super().answer(step, objectives, trial)
        slower = exp(self.draw.gauss(0, self.noise))
        services_ns = round(SERVICE_MS * NS_PER_MS * slower)
        stop_ns = round((_LEAD_S + self.seconds * step.longer) * NS_PER_S)
        dues, latencies = self._served(step.rate, services_ns, stop_ns)
        start_ns = round(_LEAD_S * NS_PER_S)
        backlog = Backlog(dues, np.sort(dues + latencies))
        found = overload_of(backlog, start_ns, stop_ns, self.servers)
        overloaded = found is not None and found.certain
        shown = np.sort(latencies[dues >= start_ns])
        parts = tuple(
            ObjectivePart(
                one.limit_ms, one.percent, float((shown <= one.limit_ms * NS_PER_MS).mean()), 1.0, None,
                float(shown[nearest_rank(len(shown), one.percent or 0.0)]) / NS_PER_MS,
            )
            for one in objectives
        )  # fmt: skip
        saturation = 1000 * self.servers / SERVICE_MS
        services = closed_loop(self.law, self.servers, saturation / slower).latency_ms
        return at_rate(len(shown) / (self.seconds * step.longer), parts, overloaded, trial, services)

    def _served(self, rate: float, mean_ns: int, stop_ns: int) -> tuple[Int64s, Int64s]:
        """When each was due, up to `stop_ns`, and its latency."""
        random = np.random.default_rng(self.draw.getrandbits(64))
        count = round(1.2 * rate * stop_ns / NS_PER_S) + 100
        dues = np.cumsum(random.exponential(NS_PER_S / rate, count)).astype(np.int64)
        dues = dues[dues < stop_ns]
        if self.law == "deterministic":
            return dues, ideal_starts(dues, mean_ns, self.servers) - dues + mean_ns
        services = random.exponential(mean_ns, len(dues)).astype(np.int64)
        return dues, ideal_waits(dues, services, self.servers) + services


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


def searched(machine: Machine, terms: Terms, past: tuple[Past, ...] = ()) -> Search:
    """From its first trial, or those that have ended, to its end."""
    search = Search(terms, past)
    while (step := search.next()) is not None:
        outcome = machine.answer(step, terms.objectives, f"{len(search.past) + 1:04}")
        search = Search(terms, (*search.past, Past(step, outcome)))
    return search
