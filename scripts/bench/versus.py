"""Runs ovbench and what it is compared with, in turn, and says how the two compare.

A shared machine is noisy and drifts: the sides of a comparison run in turn, the order changes from turn to turn, a turn
that others disturbed is repeated, and the ratio of the medians is judged. Beside it stand the range and the median of
the ratios of each turn.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

import numpy as np

from ovbench.common.histogram import Int64s
from ovbench.coordinator.result.report import Report, from_json
from ovbench.coordinator.store.files import SAMPLES_FILE

from .foreign import adopt_orphans, foreign_share, read_account, wait_for_quiet

NO_LIMIT: Final = (
    "the physical limit is not measured: give the limit program with --limit PATH "
    "(it is built from a C++ program of the project's maintainers)"
)
_DISTURBED_SHARE: Final = 0.03
"""Of the machine's CPU time, taken by others while a side ran: beyond it a turn is repeated."""

_MOST_ATTEMPTS: Final = 3
_PATIENCE_S: Final = 5.0
MISSING: Final = 2
"""Exit code where something to compare with is missing."""
INVALID: Final = 4
"""Exit code of ovbench-coord."""


_Result = TypeVar("_Result")


class RunFailed(Exception):
    """A program that was to be measured did not do its work; the text has its last words."""


@dataclass(frozen=True)
class Settings:
    """Of a script. `limit`: the limit program, None where it is missing. `only`: measure the cases that have it in
    their names."""

    seconds: float
    runs: int
    limit: Path | None
    only: str = ""


@dataclass(frozen=True)
class Goal:
    """A figure to reach: the span it is to be in; without an end, one that is only stated."""

    low: float | None = None
    high: float | None = None
    unit: str = ""

    def reached(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}{self.unit}"
        if self.low is None and self.high is None:
            return "nothing"
        return f">= {self.low:g}{self.unit}" if self.low is not None else f"<= {self.high:g}{self.unit}"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, on either side, what came out and what was to."""

    what: str
    ours: str
    against: str
    outcome: str
    goal: str
    reached: bool

    def __str__(self) -> str:
        verdict = "reached" if self.reached else "NOT REACHED"
        return f"{self.what}: ovbench {self.ours}; {self.against}; {self.outcome}, to reach {self.goal}: {verdict}"


@dataclass(frozen=True)
class OvbenchRun:
    """`began_ns`, `ended_ns`: CLOCK_MONOTONIC at the process's start and end; `lines`: what it printed, and when;
    `samples`: the arrays of samples.npz where they were saved, else none."""

    report: Report
    began_ns: int
    ended_ns: int
    lines: tuple[tuple[int, str], ...]
    samples: Mapping[str, Int64s]

    @property
    def wall_s(self) -> float:
        return (self.ended_ns - self.began_ns) / 1e9


@dataclass(frozen=True)
class AppRun:
    """A run of benchmark_app, by its own report; `median_ms` is rounded there to 0.01."""

    fps: float
    median_ms: float
    duration_s: float
    wall_s: float


@dataclass(frozen=True)
class Workbench:
    """A temporary folder with the built-in models as files, and the programs to run."""

    folder: Path
    _models: dict[str, Path] = field(default_factory=dict)

    def model(self, name: str) -> Path:
        """The IR of `builtin:NAME`, as ovbench exports it."""
        if name not in self._models:
            file = self.folder / f"{name}.xml"
            run([program("ovbench-coord"), "export-model", f"builtin:{name}", str(file)])
            self._models[name] = file
        return self._models[name]

    def ovbench(self, *arguments: str, cpus: Sequence[int] | None = None, invalid: bool = False) -> OvbenchRun:
        """One run of ovbench-coord; `cpus`: its affinity, None for this process's own. `invalid`: one whose result is
        INVALID is a run, too."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            command = [program("ovbench-coord"), *arguments, "--report-folder", folder]
            began_ns = time.monotonic_ns()
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_pinned(cpus)
            )
            assert process.stdout is not None
            lines = tuple((time.monotonic_ns(), line.rstrip()) for line in process.stdout)
            code = process.wait()
            ended_ns = time.monotonic_ns()
            if code not in ((0, INVALID) if invalid else (0,)):
                raise RunFailed(f"{' '.join(command)} ended with {code}: " + " / ".join(text for _, text in lines[-8:]))
            result = from_json((Path(folder) / "report.json").read_bytes())
            return OvbenchRun(result, began_ns, ended_ns, lines, _arrays(Path(folder) / SAMPLES_FILE))

    def benchmark_app(self, model: str, *arguments: str, cpus: Sequence[int] | None = None) -> AppRun:
        """One run of OpenVINO's benchmark_app on the exported IR of a built-in model."""
        file = self.model(model)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            report = ["-report_type", "no_counters", "-json_stats", "-report_folder", folder]
            began = time.monotonic()
            run([program("benchmark_app"), "-m", str(file), *arguments, *report], cpus)
            wall_s = time.monotonic() - began
            figures = json.loads((Path(folder) / "benchmark_report.json").read_bytes())["execution_results"]
        return AppRun(
            fps=float(figures["throughput"]),
            median_ms=float(figures["latency (ms)"]),
            duration_s=float(figures["total execution time (ms)"]) / 1e3,
            wall_s=wall_s,
        )

    def limit(self, limit: Path, mode: str, model: str, *numbers: float, cpus: Sequence[int] | None = None) -> float:
        """FPS of the limit program; `numbers` are its STREAMS THREADS NIREQ SECONDS."""
        output = run([str(limit), mode, str(self.model(model)), *(f"{number:g}" for number in numbers)], cpus)
        return float(json.loads(output)["fps"])


@contextmanager
def workbench() -> Iterator[Workbench]:
    with tempfile.TemporaryDirectory(prefix="ovbench-bench-") as folder:
        yield Workbench(Path(folder))


def _arrays(file: Path) -> Mapping[str, Int64s]:
    if not file.exists():
        return {}
    with np.load(file) as arrays:
        return dict(arrays)


def program(name: str) -> str:
    """A program that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def run(command: Sequence[str], cpus: Sequence[int] | None = None) -> str:
    """Its stdout. Raises RunFailed."""
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=_pinned(cpus))
    if done.returncode != 0:
        last = " / ".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise RunFailed(f"{' '.join(command)} ended with {done.returncode}: {last}")
    return done.stdout


def _pinned(cpus: Sequence[int] | None) -> Callable[[], None] | None:
    return None if cpus is None else lambda: os.sched_setaffinity(0, cpus)


def allowed_cpus() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def in_turn(runs: int, *sides: Callable[[], _Result]) -> list[list[_Result]]:
    """Run every side `runs` times, in turn, backwards every other time; the results by side.

    A turn in which others used the machine is repeated, within reason; the least disturbed ones count.
    """
    adopt_orphans()
    turns: list[tuple[float, list[_Result]]] = []
    for attempt in range(_MOST_ATTEMPTS * runs):
        if sum(share <= _DISTURBED_SHARE for share, _ in turns) >= runs:
            break
        turns.append(_turn(sides, backwards=attempt % 2 == 1))
    least_disturbed = sorted(range(len(turns)), key=lambda turn: max(turns[turn][0], _DISTURBED_SHARE))[:runs]
    worst = max(turns[turn][0] for turn in least_disturbed)
    if len(turns) > runs or worst > _DISTURBED_SHARE:
        repeated = len(turns) - runs
        say(f"others used the machine: {repeated} turns repeated; they had up to {worst:.0%} of it in those that count")
    return [[turns[turn][1][side] for turn in sorted(least_disturbed)] for side in range(len(sides))]


def _turn(sides: Sequence[Callable[[], _Result]], backwards: bool) -> tuple[float, list[_Result]]:
    """The largest share of the machine that others took while a side ran, and the result of each side."""
    results: dict[int, _Result] = {}
    disturbed = 0.0
    for side in reversed(range(len(sides))) if backwards else range(len(sides)):
        wait_for_quiet(_PATIENCE_S)
        before = read_account()
        results[side] = sides[side]()
        disturbed = max(disturbed, foreign_share(before))
    return disturbed, [results[side] for side in range(len(sides))]


def in_own_process(work: Callable[..., _Result], *arguments: object) -> _Result:
    """What a function at the top of a module gives in a process that has done nothing else. Raises what that raises,
    and RunFailed where the process ended before it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        try:
            return process.submit(work, *arguments).result()
        except BrokenProcessPool:
            raise RunFailed("the process that measures ended early") from None


def ratio_row(
    what: str, ours: Sequence[float], theirs: Sequence[float], than: str, goal: Goal, unit: str = "FPS"
) -> Row:
    """Ours in proportion to theirs, run by run in the same order."""
    ratio = median(ours) / median(theirs)
    paired = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return Row(
        what=what,
        ours=quantity(median(ours), unit),
        against=f"{than} {quantity(median(theirs), unit)}",
        outcome=f"ratio {ratio:.3f} ({len(paired)} runs: {paired[0]:.3f} to {paired[-1]:.3f}, "
        f"median {median(paired):.3f})",
        goal=str(goal),
        reached=goal.reached(ratio),
    )


def value_row(what: str, values: Sequence[float], unit: str, goal: Goal, against: str = "-") -> Row:
    """The median of a figure that is judged by itself."""
    middle = median(values)
    spread = f"{quantity(min(values), unit)} to {quantity(max(values), unit)}"
    return Row(
        what=what,
        ours=quantity(middle, unit),
        against=against,
        outcome=f"{len(values)} runs: {spread}",
        goal=str(goal),
        reached=goal.reached(middle),
    )


def quantity(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f} {unit}".strip()


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| figure | ovbench | against | outcome | to reach | reached |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row.what, row.ours, row.against, row.outcome, row.goal, "yes" if row.reached else "**no**")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def say(text: str) -> None:
    """Progress and detail, beside the rows."""
    print(f"  {text}", flush=True)


def parse(description: str | None, seconds: float, runs: int, cases: Sequence[str] = ()) -> Settings:
    """The command line that all scripts share, with a script's own defaults; `cases`: the names to choose among."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=seconds, help=f"of each measured window; default {seconds:g}")
    parser.add_argument("--runs", type=int, default=runs, help=f"of each side, in turn; default {runs}")
    parser.add_argument("--limit", metavar="PATH", help="the limit program; that part is left out without it")
    if cases:
        parser.add_argument("--only", default="", metavar="TEXT", help="measure the cases that have it in their names")
    raw = parser.parse_args()
    if raw.seconds <= 0 or raw.runs < 1:
        parser.error("--seconds and --runs must be above 0")
    only = raw.only if cases else ""
    if cases and not any(only in case for case in cases):
        parser.error(f"--only '{only}' is in none of: {'; '.join(cases)}")
    return Settings(raw.seconds, raw.runs, limit_program(raw.limit), only)


def limit_program(path: str | None) -> Path | None:
    """The value of --limit; None, and a word of why, where there is no such program."""
    if path is not None and not os.access(path, os.X_OK):
        print(f"--limit {path}: there is no such program", file=sys.stderr)
        return None
    return Path(path).absolute() if path is not None else None


def report(rows: Iterator[Row]) -> int:
    """Print each row as it comes; the exit code (0: all was measured, whatever came out)."""
    try:
        for row in rows:
            print(row, flush=True)
    except RunFailed as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def report_with_limit(rows: Iterator[Row], settings: Settings) -> int:
    """The same for a script that compares with the limit program."""
    code = report(rows)
    if settings.limit is None:
        print(NO_LIMIT, file=sys.stderr)
        return code or MISSING
    return code
