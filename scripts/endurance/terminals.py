"""A terminal that is closed under a shell loses no report, nohup is respected, and Ctrl-S loses no agent."""

import json
import shlex
import time
from pathlib import Path
from typing import Any, Final

from .screens import COORDINATOR, Screen

RUNS = 12
MOST_START_S: Final = 60.0
STOPPED_S: Final = 14.0
"""Longer than the lease of a local agent, which is 10 s."""

_CTRL_S, _CTRL_Q, _CTRL_C = b"\x13", b"\x11", b"\x03"
_LOAD: Final = (COORDINATOR, "--backend", "null:1000", "-api", "sync", "--agents", "2", "--warmup", "0.2")


def attempt(number: int, folder: Path) -> str:
    case = (_closed, _nohup, _stopped, _left_while_stopped)[number % 4]
    problem = case(folder)
    return problem and f"{case.__name__.strip('_').replace('_', ' ')}: {problem}"


def _words(seconds: int) -> tuple[str, ...]:
    return (*_LOAD, "-t", str(seconds), "--report-folder", "report")


def _closed(folder: Path) -> str:
    """bash passes the hang-up on, and the kernel sends another when bash ends."""
    return _hung_up(folder, "", 600, ("PARTIAL",))


def _nohup(folder: Path) -> str:
    return _hung_up(folder, "nohup ", 4, ("VALID", "SUSPECT"))


def _hung_up(folder: Path, before: str, seconds: int, wanted: tuple[str, ...]) -> str:
    screen = Screen(("bash", "--norc", "-i"), folder)
    try:
        screen.press(f"{before}{shlex.join(_words(seconds))}\n".encode())
        shown = folder / "nohup.out"
        deadline = time.monotonic() + MOST_START_S
        while b" left" not in screen.shown + (shown.read_bytes() if shown.exists() else b""):
            if time.monotonic() > deadline:
                return f"it did not begin: {screen.shown[-300:]!r}"
            screen.read(0.1)
        screen.hang_up()
        if left := screen.left(MOST_START_S):
            return f"processes are left: {left}"
        return _not(wanted, folder)
    finally:
        screen.close()


def _stopped(folder: Path) -> str:
    screen = Screen(_words(round(STOPPED_S) + 4), folder)
    try:
        if not screen.show(b" left", MOST_START_S):
            return "it did not begin"
        screen.press(_CTRL_S)
        screen.read(STOPPED_S)
        screen.press(_CTRL_Q)
        if not screen.wait(MOST_START_S):
            return "it did not end"
        return _not(("VALID", "SUSPECT"), folder) or screen.restored()
    finally:
        screen.close()


def _left_while_stopped(folder: Path) -> str:
    screen = Screen(_words(600), folder)
    try:
        if not screen.show(b" left", MOST_START_S):
            return "it did not begin"
        screen.press(_CTRL_S)
        screen.read(1.0)
        for _ in range(2):
            screen.press(_CTRL_C)
            screen.read(0.3)
        if not screen.wait(MOST_START_S):
            return "it did not end"
        return screen.restored() or (f"processes are left: {left}" if (left := screen.left(5.0)) else "")
    finally:
        screen.close()


def _not(wanted: tuple[str, ...], folder: Path) -> str:
    try:
        report: dict[str, Any] = json.loads((folder / "report" / "report.json").read_text())
    except FileNotFoundError:
        return "there is no report"
    status: str = report["validity"]["status"]
    return "" if status in wanted else f"{status}: {report['validity']['findings']}"
