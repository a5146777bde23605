"""The page of a study with 200 trials, 40 settings five times each: its size and the time that it takes to make.

In a process of its own, the answer included, and with nothing kept from before: the first page of a user.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import product

import numpy as np

from ovbench.coordinator.report.html.studypage import study_page
from ovbench.coordinator.result.study import Fingerprint, Outcome, Study, Trial

from .versus import Goal, Row, Settings, in_own_process, in_turn, parse, report, value_row

SECONDS = 1.0
RUNS = 5
REPETITIONS = 5
AXES = {"--agents": ("1", "2", "4", "8"), "-nstreams": ("1", "2", "4", "8", "16"), "-api": ("sync", "async")}
MOST_SECONDS = Goal(high=5.0, unit=" s")
MOST_MB = Goal(high=2.0, unit=" MB")


def measure(settings: Settings) -> Iterator[Row]:
    (runs,) = in_turn(settings.runs, lambda: in_own_process(_work))
    yield value_row("page of a study with 200 trials: time", [run[0] for run in runs], "s", MOST_SECONDS)
    yield value_row("page of a study with 200 trials: size", [run[1] for run in runs], "MB", MOST_MB)


def _work() -> tuple[float, float]:
    """Seconds and MB."""
    with tempfile.TemporaryDirectory() as empty:
        os.environ["XDG_CACHE_HOME"] = empty
        study, outcomes = _study()
        began = time.perf_counter()
        page = study_page(study, outcomes, {})
        return time.perf_counter() - began, len(page) / 1e6


def _study() -> tuple[Study, list[Outcome]]:
    random = np.random.default_rng(1)
    points = [dict(zip(AXES, values, strict=True)) for values in product(*AXES.values())]
    trials = [
        Trial(
            f"{number:04d}", point, repetition, ("-m", "model.xml", *(word for pair in point.items() for word in pair))
        )
        for number, (repetition, point) in enumerate(product(range(REPETITIONS), points), 1)
    ]
    outcomes = [_outcome(trial, float(random.normal(1, 0.03))) for trial in trials]
    fingerprint = Fingerprint({"model.xml": "0"}, {"cpu": "A CPU"})
    command = ("ovbench-coord", "study", "scaling")
    made = "2026-01-02T03:04:05Z"
    return Study("0.1.0", "scaling", made, command, 1, REPETITIONS, AXES, tuple(trials), fingerprint), outcomes


def _outcome(trial: Trial, noise: float) -> Outcome:
    agents, streams = int(trial.point["--agents"]), int(trial.point["-nstreams"])
    fps = noise * 100 * agents * streams**0.5 / (1 + 0.05 * (agents - 1))
    p99 = 1000 * agents * streams / fps
    return Outcome(
        trial=trial.id, point=trial.point, repetition=trial.repetition, started_at="2026-01-02T03:04:05Z", seconds=12.0,
        exit_code=0, status="VALID", fps=fps, latency_ms={"median": 0.7 * p99, "p99": p99}, agents=agents, cores=agents,
        streams=streams, requests=streams, busy_percent=97.0, frames_per_cpu_s=fps / agents,
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
