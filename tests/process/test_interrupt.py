"""Ctrl-C on a real terminal: once for what was measured so far, twice to leave."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.attempts import undisturbed
from tests.process.driver import COORDINATOR, ENDLESS, PATIENCE_S, gone

CTRL_C = b"\x03"
SHORT = ("--backend", "null:1000", "-api", "sync", "--agents", "2", *ENDLESS)
"""In inferences of a millisecond."""
STUCK = ("--backend", "null:600000000", "-api", "sync", "--agents", "1", *ENDLESS, "--warmup", "0")
"""In an inference of ten minutes."""


class Terminal:
    """A coordinator on a pseudo-terminal of its own, as the foreground job that Ctrl-C reaches."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder / "report"
        shutil.rmtree(self.folder, ignore_errors=True)  # of an attempt before
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

    def read_until(self, pattern: str, timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not re.search(pattern, self.shown):
            left = deadline - time.monotonic()
            assert left > 0, f"no '{pattern}' in {self.shown}"
            if select.select([self._master], [], [], left)[0]:
                self.shown += os.read(self._master, 65536).decode(errors="replace")

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
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
        os.close(self._master)


@contextmanager
def opened(folder: Path, *options: str) -> Iterator[Terminal]:
    terminal = Terminal(folder, *options)
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with opened(tmp_path, *SHORT, "--warmup", "0") as terminal:
        yield terminal


def test_ctrl_c_yields_what_was_measured_so_far(terminal: Terminal) -> None:
    terminal.read_until("FPS")
    processes = terminal.descendants()
    terminal.press(CTRL_C)
    assert terminal.wait() == 130
    report = json.loads((terminal.folder / "report.json").read_text())
    assert report["validity"]["status"] == "PARTIAL"
    assert "interrupted" in {finding["code"] for finding in report["validity"]["findings"]}
    assert report["window"]["duration_s"] < 600
    assert 0 < report["throughput"]["count"] <= 2000 * report["window"]["duration_s"] + 2
    assert gone(processes)


def test_ctrl_c_before_anything_was_measured_says_so(tmp_path: Path) -> None:
    assert_that_ctrl_c_ends_it_with_nothing(tmp_path, "Step 1/11", *SHORT, "--warmup", "600")


def assert_that_ctrl_c_ends_it_with_nothing(folder: Path, when: str, *options: str) -> None:
    with opened(folder, *options) as terminal:
        terminal.read_until(when)
        terminal.press(CTRL_C)
        assert terminal.wait() == 130
        assert "nothing was measured" in terminal.shown


@undisturbed("a test that is held up for 2 s presses the second Ctrl-C too late")
def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path) -> None:
    """Such inferences cannot be stopped in between, so the first Ctrl-C waits 2 s, and then there is a report."""
    with opened(tmp_path, *STUCK) as terminal:
        terminal.read_until("Step 10/11")
        processes = terminal.descendants()
        terminal.press(CTRL_C)
        terminal.read_until("press Ctrl-C again")
        terminal.press(CTRL_C)
        assert terminal.wait() == 130
        assert "nothing was measured" not in terminal.shown
        assert not (terminal.folder / "report.json").exists()
        assert gone(processes)


def test_an_inference_that_never_ends_does_not_keep_ctrl_c_waiting(tmp_path: Path) -> None:
    assert_that_ctrl_c_ends_it_with_nothing(tmp_path, "Step 10/11", *STUCK)
