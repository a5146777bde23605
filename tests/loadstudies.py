"""Load studies for tests: planned as on the command line, and run in memory by a queue whose latencies are known."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from msgspec import structs

from ovbench.common.topology import Topology
from ovbench.coordinator.request.slo import parse_objectives
from ovbench.coordinator.result.arrivals import ObjectivePart
from ovbench.coordinator.result.study import Fingerprint, Outcome, Study, Trial
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.kinds.registry import KINDS
from tests.closedforms import Law, mean_wait_s, p_of_latency
from tests.studies import outcome

LOAD = KINDS["load"]
NOWHERE = Topology(cpus=(), allowed=frozenset())
Run = Callable[[Trial], Outcome]


def begun(*words: str, at: str = "10..90,95,105,110", slo: tuple[str, ...] = (), repetitions: int = 3) -> Study:
    own = {"at": at, **({"slo": list(slo)} if slo else {})}
    design = LOAD.design(parse_axes(words or ("-m", "a.xml")), NOWHERE, own)
    study = Study(
        ovbench="0.1.0", kind="load", created_at="2026-01-01T00:00:00Z", command=("ovbench-coord", "study", "load"),
        seed=5, repetitions=repetitions, axes=design.axes, trials=LOAD.trials(design, repetitions, 5),
        fingerprint=Fingerprint({}, {}), retry_suspect=1, at_rate=design.at_rate,
    )  # fmt: skip
    return LOAD.planned(study, own)


def conducted(study: Study, run: Run) -> tuple[Study, list[Outcome]]:
    """As the runner does: what is not in the plan yet is added to it."""
    done: list[Outcome] = []
    while (now := LOAD.next(study, done)) is not None:
        known = {trial.id for trial in study.trials}
        study = structs.replace(study, trials=(*study.trials, *(t for t in now.trials if t.id not in known)))
        done += [structs.replace(run(trial), attempt=now.attempt) for trial in now.trials]
    return study, done


@dataclass
class Queue:
    """A machine of so many servers; from trial to trial its services are longer or shorter by `noise`, a share. From
    saturation on trials are overloaded."""

    law: Law = "exponential"
    servers: int = 1
    service_ms: float = 2.0
    noise: float = 0.0
    seed: int = 1
    _draw: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._draw = np.random.default_rng(self.seed)

    def __call__(self, trial: Trial) -> Outcome:
        service_s = self.service_ms / 1000 * (1 + self.noise * float(self._draw.standard_normal()))
        if "--rate" not in trial.point:
            found = outcome(trial, self.servers / service_s, 1000 * service_s)
            # A closed loop's latencies are its services, which here are of one length or exponential.
            tail = {50: 0.6931, 90: 2.3026, 95: 2.9957, 99: 4.6052} if self.law == "exponential" else {}
            latency = {name: 1000 * service_s * tail.get(percent, 1.0) for name, percent in _NAMES.items()}
            return structs.replace(
                found, latency_ms={**latency, "mean": 1000 * service_s, "min": service_s}, streams=self.servers
            )
        rate = float(trial.point["--rate"])
        if rate * service_s >= 0.985 * self.servers:
            return self._overloaded(trial, rate, service_s)

        def at(percent: float) -> float:
            return 1000 * p_of_latency(self.law, self.servers, service_s, rate, percent)

        figures = {
            "offered_per_s": rate, "delivered_per_s": rate, "service_mean_ms": 1000 * service_s,
            "wait_mean_ms": 1000 * mean_wait_s(self.law, self.servers, service_s, rate),
        }  # fmt: skip
        found = outcome(trial, rate, at(99), figures=figures)
        return structs.replace(found, latency_ms={"median": at(50), "p99": at(99)}, objectives=_judged(trial, at))

    def _overloaded(self, trial: Trial, rate: float, service_s: float) -> Outcome:
        """Of ten seconds: the last has waited for what did not fit in them."""
        ms = 10_000 * (rate * service_s / self.servers - 0.9)
        figures = {
            "offered_per_s": rate, "delivered_per_s": self.servers / service_s, "service_mean_ms": 1000 * service_s,
            "wait_mean_ms": ms / 2,
        }  # fmt: skip
        found = outcome(
            trial, self.servers / service_s, ms, status="INVALID", findings=("overloaded",), figures=figures
        )
        return structs.replace(found, objectives=_judged(trial, lambda percent: ms * percent / 100))


_NAMES = {"median": 50, "p90": 90, "p95": 95, "p99": 99}


def _judged(trial: Trial, at: Callable[[float], float]) -> tuple[ObjectivePart, ...]:
    if "--slo-ms" not in trial.argv:
        return ()
    objectives = parse_objectives(trial.argv[trial.argv.index("--slo-ms") + 1])
    parts = []
    for one in objectives:
        assert one.percent is not None
        ms = at(one.percent)
        parts.append(ObjectivePart(one.limit_ms, one.percent, 0.99, 100.0, ms <= one.limit_ms, ms))
    return tuple(parts)
