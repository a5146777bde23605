"""Ctrl-C on a real terminal: once for what was measured so far, twice to leave."""

import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.process.driver import COORDINATOR, gone_within

pytestmark = pytest.mark.alone

CTRL_C = b"\x03"
ENDLESS = ("--backend", "null:60000000", "-api", "sync", "--agents", "1", "-t", "60", "--warmup", "0")


class Terminal:
    """A coordinator on a pseudo-terminal of its own, as the foreground job that Ctrl-C reaches."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder / "report"
        self._master, terminal = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", COORDINATOR, *options, "--report-folder", str(self.folder)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        )
        os.close(terminal)
        self.shown = ""

    def read_until(self, pattern: str, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not re.search(pattern, self.shown):
            left = deadline - time.monotonic()
            assert left > 0, f"no '{pattern}' in {self.shown}"
            if select.select([self._master], [], [], left)[0]:
                self.shown += os.read(self._master, 65536).decode(errors="replace")

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def wait(self, timeout_s: float) -> int:
        """Its exit code; reads on meanwhile, as a terminal would."""
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._master], [], [], 0.05)[0]:
                try:
                    self.shown += os.read(self._master, 65536).decode(errors="replace")
                except OSError:
                    break
        return self.process.wait(timeout_s)

    def descendants(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            for process in self.descendants():
                process.kill()
            self.process.kill()
            self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path, "--backend", "null:1000", "-api", "sync", "--agents", "2", "-t", "60", "--warmup", "0")
    yield opened
    opened.close()


def test_ctrl_c_yields_what_was_measured_so_far(terminal: Terminal) -> None:
    terminal.read_until("FPS")
    processes = terminal.descendants()
    terminal.press(CTRL_C)
    assert terminal.wait(5) == 130
    report = json.loads((terminal.folder / "report.json").read_text())
    assert report["validity"]["status"] == "PARTIAL"
    assert "interrupted" in {finding["code"] for finding in report["validity"]["findings"]}
    assert report["throughput"]["count"] > 500
    assert report["window"]["duration_s"] < 30
    assert report["throughput"]["count"] == pytest.approx(2000 * report["window"]["duration_s"], rel=0.3)
    assert gone_within(processes, 1)


def test_ctrl_c_before_anything_was_measured_says_so(terminal: Terminal) -> None:
    terminal.read_until("Step 1/11")
    terminal.press(CTRL_C)
    assert terminal.wait(5) == 130
    assert "nothing was measured" in terminal.shown


def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path) -> None:
    """Inferences of a minute cannot be stopped in between, so the first Ctrl-C waits."""
    opened = Terminal(tmp_path, *ENDLESS)
    try:
        opened.read_until("Step 10/11")
        processes = opened.descendants()
        opened.press(CTRL_C)
        opened.read_until("press Ctrl-C again")
        opened.press(CTRL_C)
        assert opened.wait(1) == 130
        assert gone_within(processes, 1)
    finally:
        opened.close()


def test_an_inference_that_never_ends_does_not_keep_ctrl_c_waiting(tmp_path: Path) -> None:
    opened = Terminal(tmp_path, *ENDLESS)
    try:
        opened.read_until("Step 10/11")
        opened.press(CTRL_C)
        assert opened.wait(5) == 130
        assert "nothing was measured" in opened.shown
    finally:
        opened.close()
