"""Real coordinators and agents as processes, driven as a user would."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from tests import spawned

COORDINATOR = str(Path(sys.executable).with_name("ovbench-coord"))
AGENT = str(Path(sys.executable).with_name("ovbench-agent"))

PATIENCE_S: Final = 180
"""How long to wait for what must come. Only a test that fails waits so long."""

ENDLESS: Final = ("-t", "600")
"""A load that is still running whenever a test gets round to it; `Coordinator.interrupt` ends it."""


@dataclass
class Ran:
    """A run that has ended."""

    code: int
    out: str
    err: str
    seconds: float
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return report


def into(folder: Path, options: Sequence[str]) -> tuple[str, ...]:
    """Flags for a report in a folder, also where a test that is tried again has left one. A study has no such flag."""
    return ("--report-folder", str(folder), *(() if "study" in options else ("--overwrite",)))


class Coordinator:
    """One ovbench-coord process, and what descends from it."""

    def __init__(self, folder: Path, *options: str, **more: Any) -> None:
        self.folder = folder / "report"
        self.began = time.monotonic()
        self.process = spawned.Popen(
            [COORDINATOR, *options, *into(self.folder, options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            **more,
        )
        self._lines: list[str] = []

    def wait_for(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Read what it prints until a line holds `text`."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + timeout_s
        for line in self.process.stdout:
            self._lines.append(line)
            if text in line:
                return
            assert time.monotonic() < deadline, f"no '{text}' in {self._lines}"
        raise AssertionError(f"it ended without '{text}': {self._lines} {self.errors()}")

    def errors(self) -> str:
        assert self.process.stderr is not None
        errors: str = self.process.stderr.read()
        return errors

    def interrupt(self) -> Ran:
        """As Ctrl-C does; its end, with what was measured so far."""
        self.process.send_signal(signal.SIGINT)
        return self.finish()

    def finish(self, timeout_s: float = PATIENCE_S) -> Ran:
        out, err = self.process.communicate(timeout=timeout_s)
        code = self.process.returncode
        return Ran(code, "".join(self._lines) + out, err, time.monotonic() - self.began, self.folder)

    def descendants(self) -> list[psutil.Process]:
        try:
            found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return found

    def agents(self) -> list[psutil.Process]:
        """The agents: children of the fork server."""
        servers = psutil.Process(self.process.pid).children()
        return [agent for server in servers for agent in server.children()]


Start = Callable[..., Coordinator]
Run = Callable[..., Ran]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie that nobody has reaped yet does not."""

    def runs(process: psutil.Process) -> bool:
        try:
            return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    return [process for process in processes if runs(process)]


def gone(processes: list[psutil.Process], seconds: float = PATIENCE_S) -> bool:
    """Whether all end, or have ended."""
    deadline = time.monotonic() + seconds
    while alive(processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def cpus() -> int:
    return len(os.sched_getaffinity(0))
