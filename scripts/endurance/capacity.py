"""Searches for a capacity that are killed at random moments: each goes on by --resume and ends whole.

SIGKILL to the coordinator, once or twice, then --resume to the end. Whole is a verdict that ends a search, every trial
of the plan with one line and its report, and no process left.
"""

import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.coordinator.store.saved import SavedStudy, read_saved
from ovbench.coordinator.study.kinds.registry import KINDS
from tests.leftovers import MARK, left

RUNS = 20
_COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))
_DEVICE: Final = ("--backend", "null:2000", "-api", "sync", "--agents", "2", "--warmup", "0.1", "-t", "0.6")
_TERMS: Final = ("--slo", "p90:6", "--within", "15", "--repetitions", "10")
_LONGEST_S: Final = 12.0
"""About the time of such a search."""

_PATIENCE_S: Final = 300.0
_ENDED: Final = frozenset({0, 4})


def attempt(number: int, folder: Path) -> str:
    chance, mark, study = random.Random(number), secrets.token_hex(8), folder / "study"
    environment = {**os.environ, MARK: mark}
    words = (_COORDINATOR, "study", "capacity", *_DEVICE, *_TERMS, "--report-folder", str(study))
    again = (_COORDINATOR, "study", "--resume", str(study))
    for _ in range(chance.choice((1, 1, 2))):
        now = again if (study / "study.json").exists() else words
        with subprocess.Popen(now, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as search:
            time.sleep(chance.uniform(0.3, _LONGEST_S))
            search.kill()
        if left(mark):
            return f"processes are left: {left(mark)}"
    if not (study / "study.json").exists():
        # It was killed before it began.
        return "there are trials without a plan" if (study / "trials.jsonl").exists() else ""
    done = subprocess.run(again, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    if done.returncode not in _ENDED or "Traceback" in done.stderr:
        return f"--resume ended with {done.returncode}: {done.stderr.strip()[-300:]}"
    return _problem(study) or (f"processes are left: {left(mark)}" if left(mark) else "")


def _problem(study: Path) -> str:
    try:
        saved = read_saved(str(study))
    except UsageError as problem:
        return str(problem)
    if not isinstance(saved, SavedStudy):
        return "it is no study"
    lines = [json.loads(line) for line in (study / "trials.jsonl").read_text().splitlines()]
    times = Counter((line["trial"], line.get("attempt", 0)) for line in lines)
    planned = {trial.id for trial in saved.study.trials}
    if twice := [trial for trial, count in times.items() if count > 1]:
        return f"trials with several lines: {twice}"
    if {trial for trial, _ in times} != planned:
        return f"planned are {sorted(planned)}, with a line {sorted(times)}"
    reports = sum(1 for _ in (study / "trials").glob("*/report.json"))
    if reports < len(planned):
        return f"{reports} reports of {len(planned)} trials"
    (capacity,) = KINDS["capacity"].conclude(saved.study, saved.outcomes).capacities
    return "" if capacity.verdict not in ("not finished", "not measured") else f"the verdict is {capacity.verdict}"
