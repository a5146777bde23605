"""Capacity studies that are run in memory, on machines whose capacity is known in closed form."""

from collections.abc import Mapping, Sequence
from random import Random

from msgspec import structs

from ovbench.coordinator.request.slo import Objective, form_objectives, parse_objectives
from ovbench.coordinator.result.effective import InEffect
from ovbench.coordinator.result.study import Fingerprint, Outcome, Study, Trial
from ovbench.coordinator.study.kinds.registry import kind_of
from ovbench.coordinator.study.search import Step
from ovbench.coordinator.study.searches import setting_of

from .searches import Machine

Machines = Mapping[str, Machine]
"""By the number of agents."""

COMMON = ("-m", "model.xml", "-t", "200")
"""So long that a percentile of a trial is that of the closed form, but for noise."""


def study(
    limits: Sequence[Objective], agents: Sequence[str] = ("4",), repetitions: int = 30, within_percent: float = 5.0
) -> Study:
    """As it is planned: the closed loops alone."""
    points = [{"--agents": number, "-nstreams": str(4 // int(number))} for number in agents]
    slo = form_objectives(limits) or ""
    return Study(
        ovbench="0.1.0", kind="capacity", created_at="2026-01-01T00:00:00Z",
        command=("ovbench-coord", "study", "capacity", "--slo", slo), seed=1, repetitions=repetitions,
        axes={"--agents": tuple(agents), "-nstreams": tuple(point["-nstreams"] for point in points)},
        trials=tuple(
            Trial(f"{number:04}", point, 0, (*COMMON, *(word for item in point.items() for word in item)))
            for number, point in enumerate(points, 1)
        ),
        fingerprint=Fingerprint({}, {}), slo=slo, at_rate=("--slo-ms", slo), within_percent=within_percent,
    )  # fmt: skip


def answered(of: Study, trial: Trial, machines: Machines) -> Outcome:
    """The same for the same trial, whenever it is run."""
    own = machines[trial.point["--agents"]]
    machine = Machine(own.law, own.servers, own.noise, own.kind, Random(f"{of.seed} {trial.id}"))
    rate = trial.point.get("--rate")
    found = machine.answer(Step("search", None if rate is None else float(rate)), parse_objectives(of.slo), trial.id)
    agents = int(trial.point["--agents"])
    effect = InEffect(
        str(setting_of(trial)), "async", agents, 4 // agents, 4 // agents, 1, 4 // agents, "THROUGHPUT", "f32", 1
    )
    return structs.replace(
        found, point=trial.point, repetition=trial.repetition, seconds=202.0, in_effect=effect, agents=agents,
        latency_ms={**found.latency_ms, **({"p99": found.objectives[0].latency_ms} if known(found) else {})},
    )  # fmt: skip


def known(found: Outcome) -> bool:
    return bool(found.objectives) and found.objectives[0].latency_ms is not None


def conducted(of: Study, machines: Machines, most_trials: int = 1000) -> tuple[Study, list[Outcome]]:
    """To its end, or so many trials."""
    outcomes: list[Outcome] = []
    return resumed(of, outcomes, machines, most_trials), outcomes


def resumed(of: Study, outcomes: list[Outcome], machines: Machines, most_trials: int = 1000) -> Study:
    """From what is on disk on: outcomes are added, and the study has the trials that were issued."""
    kind = kind_of(of)
    while len(outcomes) < most_trials and (now := kind.next(of, outcomes)) is not None:
        planned = {trial.id for trial in of.trials}
        of = structs.replace(of, trials=(*of.trials, *(one for one in now.trials if one.id not in planned)))
        outcomes += [answered(of, trial, machines) for trial in now.trials[: most_trials - len(outcomes)]]
    return of
