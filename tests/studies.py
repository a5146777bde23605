"""Studies and their outcomes for tests: planned and run in memory, with figures that a test chooses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Literal

import numpy as np
from msgspec import structs

from ovbench.coordinator.result.effective import InEffect
from ovbench.coordinator.result.study import Fingerprint, KindName, Outcome, Point, Study, Trial
from ovbench.coordinator.study.answer import Answer
from ovbench.coordinator.study.design import Design
from ovbench.coordinator.study.kinds.registry import KINDS, kind_of
from ovbench.coordinator.study.summary import Setting

Status = Literal["VALID", "SUSPECT", "INVALID", "PARTIAL", "FAILED"]


def study(
    axes: Mapping[str, Sequence[str]],
    kind: KindName = "sweep",
    repetitions: int = 3,
    *,
    p99_limit_ms: float | None = None,
    machine: Mapping[str, str] | None = None,
    model: str = "builtin:tiny",
) -> Study:
    """Every combination of the axes' values, repetition by repetition; in an A/B study a block ABBA each."""
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    order = [*points, *reversed(points)] if kind == "ab" else points
    trials = [
        Trial(
            f"{number:04}",
            point,
            number // len(order),
            (*(() if "-m" in axes else ("-m", model)), *(part for item in point.items() for part in item)),
        )
        for number, point in enumerate(order * repetitions)
    ]
    return Study(
        ovbench="0.1.0",
        kind=kind,
        created_at="2026-01-01T00:00:00Z",
        command=("ovbench-coord", "study"),
        seed=1,
        repetitions=repetitions,
        axes={axis: tuple(values) for axis, values in axes.items()},
        trials=tuple(trials),
        fingerprint=Fingerprint({}, dict(machine or {})),
        p99_limit_ms=p99_limit_ms,
        slo="p99:20" if kind == "capacity" else "",
    )


def outcome(
    trial: Trial,
    fps: float | None,
    p99_ms: float | None = None,
    *,
    status: Status = "VALID",
    agents: int | None = None,
    cores: int | None = None,
    why: str = "",
    findings: tuple[str, ...] = (),
    in_effect: InEffect | None = None,
    attempt: int = 0,
    figures: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
) -> Outcome:
    return Outcome(
        trial=trial.id,
        point=trial.point,
        repetition=trial.repetition,
        started_at="2026-01-01T00:00:00Z",
        seconds=3.0,
        exit_code=0 if status in ("VALID", "SUSPECT") else 4,
        status=status,
        fps=fps,
        latency_ms={} if p99_ms is None else {"median": p99_ms / 2, "p99": p99_ms},
        agents=agents if agents is not None else int(trial.point.get("--agents", "1")),
        cores=cores if cores is not None else int(trial.point.get("--agents", "1")),
        busy_percent=99.0,
        frames_per_cpu_s=None if fps is None else fps / 2,
        why=why,
        findings=findings,
        in_effect=in_effect,
        attempt=attempt,
        figures=dict(figures or {}),
        at_least=dict(at_least or {}),
    )


def of_streams(number: int, run: str = "") -> InEffect:
    """One agent on so many CPUs with so many streams; by default two of the same number are the same run."""
    return InEffect(run or f"{number} streams", "async", 1, number, number, number, number, "THROUGHPUT", "f32", 1)


def outcomes(
    of: Study,
    fps: Callable[[Point], float],
    p99_ms: Callable[[Point], float],
    *,
    noise: float = 0.0,
    seed: int = 0,
    in_effect: Callable[[Point], InEffect | None] = lambda point: None,
) -> list[Outcome]:
    """All trials VALID; both figures scatter by `noise`, a share of them."""
    draw = np.random.default_rng(seed)
    return [
        outcome(
            trial,
            fps(trial.point) * (1 + noise * float(draw.standard_normal())),
            p99_ms(trial.point) * (1 + noise * float(draw.standard_normal())),
            in_effect=in_effect(trial.point),
        )
        for trial in of.trials
    ]


AT_RATE = {"offered_per_s": 100.0, "delivered_per_s": 99.0, "wait_p99_ms": 1.5, "goodput": 0.98, "unfinished": 0.0}
"""Figures of a trial at a rate."""


def at_rate(trial: Trial, p99_ms: float | None, **figures: float) -> Outcome:
    """That did what was offered; p99 None: so much never completed that it is not known, nor is that of the wait."""
    if p99_ms is not None:
        return outcome(trial, 100.0, p99_ms, figures={**AT_RATE, **figures})
    known = {name: value for name, value in {**AT_RATE, **figures}.items() if name != "wait_p99_ms"}
    bounds = {"p99_ms": 12.0, "wait_p99_ms": 11.0}
    found = outcome(trial, 100.0, 12.0, figures={**known, "unfinished": 50.0}, at_least=bounds)
    return structs.replace(found, latency_ms={"median": 6.0})


def standing(of: Study, done: Iterable[Outcome]) -> tuple[Outcome, ...]:
    return kind_of(of).standing(of, done)


def settings_of(of: Study, done: Sequence[Outcome]) -> tuple[Setting, ...]:
    return kind_of(of).settings(of, done)


def answer(of: Study, done: Sequence[Outcome]) -> Answer:
    return kind_of(of).conclude(of, done)


def trials(made: Design, repetitions: int, seed: int) -> tuple[Trial, ...]:
    return KINDS[made.kind].trials(made, repetitions, seed)
