"""A run over the two nodes of a cluster, ended in each way: what it leaves, how soon, and where its agents were."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.island import Island, until

from .launches import verdict, wrong

ENDS: Final = ("its own", "Ctrl-C", "Ctrl-C twice", "coordinator killed", "supervisor killed", "engine killed")
GONE_WITHIN_S: Final = 4.0
_PATIENCE_S: Final = 90.0
_LOST_WITHIN_S: Final = 6.0
_BETWEEN_S: Final = 0.05
_LOAD: Final = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--bind", "tcp://127.0.0.1:0")
_SHORT, _ENDLESS = ("-t", "3", "--warmup", "0.5"), ("-t", "600", "--warmup", "0.5")


@dataclass(frozen=True)
class Engine:
    """`coordinator`: the command with the flags of its launcher. `holds`: words of a process that holds a supervisor on
    a node. `stays`: whether a process is the engine's own, whatever runs. `jobs`: what the engine has of ours."""

    island: Island
    coordinator: Sequence[str]
    holds: str
    stays: Callable[[str], bool]
    jobs: Callable[[], str]


def attempt(engine: Engine, how: str, folder: Path) -> str:
    problem = _run(engine, how, folder)
    return problem and f"{how}: {problem}"


def _run(engine: Engine, how: str, folder: Path) -> str:
    island, report = engine.island, folder / "report"
    before = set(island.processes())
    length = _SHORT if how == "its own" else _ENDLESS
    words = [*engine.coordinator, *_LOAD, *length, "--report-folder", str(report)]
    with open(folder / "out", "wb") as out:
        entered = subprocess.Popen(island.inside(*words), env=island.environment, stdout=out, stderr=out)

    def said() -> str:
        return (folder / "out").read_text(errors="replace")

    def left() -> list[str]:
        return [line for pid, line in island.processes().items() if pid not in before and not engine.stays(line)]

    try:
        until(lambda: "so far about" in said() or entered.poll() is not None, _PATIENCE_S)
        pid = next(iter(island.pids(str(report))), None)
        if how != "its own" and pid is None:
            return f"it did not begin: {said()[-600:]}"
        if how == "coordinator killed":
            os.kill(pid or 0, signal.SIGKILL)
        elif how != "its own":
            if how in ("supervisor killed", "engine killed"):
                os.kill(max(island.pids(engine.holds if how == "engine killed" else _SUPERVISOR)), signal.SIGKILL)
                until(lambda: "is lost" in said(), _LOST_WITHIN_S)  # the other one goes on
            os.kill(pid or 0, signal.SIGINT)
        if how == "Ctrl-C twice":
            time.sleep(_BETWEEN_S)
            with suppress(ProcessLookupError):
                os.kill(pid or 0, signal.SIGINT)
        entered.wait(_PATIENCE_S)
        gone_s = until(lambda: not left() and not engine.jobs(), GONE_WITHIN_S)
    except (TimeoutError, subprocess.TimeoutExpired):
        return f"left: {left()}, jobs: {engine.jobs()!r}, said: {said()[-600:]}"
    finally:
        for number in set(island.processes()) & set(island.pids(str(report))):
            os.kill(number, signal.SIGKILL)
        entered.wait()
    if how == "Ctrl-C twice":  # there may be no report
        problem = "" if entered.returncode == 130 else f"exit code {entered.returncode}"
    else:
        problem = wrong(how, entered.returncode, report)
    if problem:
        return f"{problem}: {said()[-600:]}"
    _note(how, gone_s, report)
    return ""


_SUPERVISOR: Final = "-m ovbench.agent.cli --host"


def _note(how: str, gone_s: float, report: Path) -> None:
    said = f", {verdict(report)}" if how == "its own" else ""
    print(f"  {how}: nothing left {gone_s:.1f} s after its end{said}", file=sys.stderr, flush=True)
