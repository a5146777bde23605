"""Agents that use every CPU, for a minute: nobody else is kept off one, the run is whole, and Ctrl-C is heard at once.

Beside the load runs a process that sleeps 20 ms at a time and keeps the longest time that a sleep took. The loads take
turns: two fast asynchronous models on one core each, in a run and in a study, agents started by hand from one shell, 64
agents of the null device, and an interrupt at 3 s.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

RUNS = 6
SECONDS: Final = 60
NAP_S: Final = 0.02
MOST_GAP_S: Final = 0.5
MOST_DEAF_S: Final = 1.0
"""From the signal to the word that it was heard, which comes with the next wake of the coordinator."""

_COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))
_AGENT: Final = str(Path(sys.executable).with_name("ovbench-agent"))
_TWO_FAST: Final = ("--agents", "2", "-api", "async")
_WHOLE: Final = ("VALID", "SUSPECT")


def attempt(number: int, folder: Path) -> str:
    case = (_tiny, _study, _by_hand, _many, _interrupted, _mlp)[number % 6]
    with _napping() as longest:
        problem = case(folder)
    if not problem and longest.value > MOST_GAP_S:
        problem = f"a process that slept {NAP_S:g} s woke after {longest.value:.2f} s"
    return problem and f"{case.__name__.strip('_')}: {problem}"


def _tiny(folder: Path) -> str:
    return _run(folder, *_TWO_FAST, "-m", "builtin:tiny", "-t", str(SECONDS))


def _mlp(folder: Path) -> str:
    return _run(folder, *_TWO_FAST, "-m", "builtin:mlp", "-t", str(SECONDS))


def _many(folder: Path) -> str:
    return _run(folder, "--agents", "64", "--backend", "null:1000", "-api", "sync", "-t", str(SECONDS))


def _by_hand(folder: Path) -> str:
    endpoint = f"ipc://{folder}/bus"
    shell = f"for place in 0 1; do '{_AGENT}' --connect '{endpoint}' & done; wait"
    agents = subprocess.Popen(["sh", "-c", shell], stderr=subprocess.DEVNULL)
    try:
        fast = (*_TWO_FAST, "-m", "builtin:tiny", "-t", str(SECONDS))
        return _run(folder, *fast, "--launcher", "external", "--bind", endpoint)
    finally:
        agents.wait(60)


def _run(folder: Path, *load: str) -> str:
    ran = _coordinate(*load, "--report-folder", str(folder / "report"))
    if ran.returncode != 0:
        return f"exit code {ran.returncode}: {ran.stderr.strip()[-300:]}"
    status = json.loads((folder / "report" / "report.json").read_text())["validity"]["status"]
    return "" if status in _WHOLE else str(status)


def _study(folder: Path) -> str:
    load = (*_TWO_FAST, "-m", "builtin:tiny", "-nireq", "2,4", "-t", str(SECONDS // 4))
    ran = _coordinate(
        "study", *load, "--repetitions", "2", "--retry-suspect", "0", "--report-folder", str(folder / "study")
    )
    if ran.returncode != 0:
        return f"exit code {ran.returncode}: {ran.stderr.strip()[-300:]}"
    reports = list((folder / "study").rglob("report.json"))
    found = [json.loads(report.read_text())["validity"]["status"] for report in reports]
    return "" if len(found) == 4 and all(status in _WHOLE for status in found) else f"trials: {', '.join(found)}"


def _interrupted(folder: Path) -> str:
    words = [_COORDINATOR, *_TWO_FAST, "-m", "builtin:tiny", "-t", str(SECONDS), "--report-folder", str(folder / "r")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=_unbuffered()) as coordinator:
        assert coordinator.stdout is not None
        lines = iter(coordinator.stdout.readline, "")
        _await(lines, lambda line: "Step 10/11" in line)
        time.sleep(3)
        coordinator.send_signal(signal.SIGINT)
        pressed = time.monotonic()
        heard = _await(lines, lambda line: "stopping" in line)
        deaf_s = time.monotonic() - pressed
        _await(lines, lambda line: False)
    if not heard or coordinator.returncode != 130:
        return f"the interrupt was not heard; exit code {coordinator.returncode}"
    return f"the interrupt was heard after {deaf_s:.1f} s" if deaf_s > MOST_DEAF_S else ""


def _await(lines: Iterator[str], wanted: Callable[[str], bool]) -> bool:
    return any(wanted(line) for line in lines)


def _coordinate(*options: str) -> subprocess.CompletedProcess[str]:
    words = [_COORDINATOR, *options]
    return subprocess.run(words, capture_output=True, text=True, timeout=2 * SECONDS + 120, check=False)


def _unbuffered() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


@contextmanager
def _napping() -> "Iterator[Synchronized[float]]":
    """A process beside the load; yields the longest time that one of its sleeps took, in seconds."""
    context = multiprocessing.get_context("spawn")
    over, longest = context.Event(), context.Value("d", 0.0)
    watch = context.Process(target=_nap, args=(over, longest))
    watch.start()
    try:
        yield longest
    finally:
        over.set()
        watch.join()


def _nap(over: Event, longest: "Synchronized[float]") -> None:
    while not over.is_set():
        before = time.monotonic()
        time.sleep(NAP_S)
        longest.value = max(longest.value, time.monotonic() - before)
