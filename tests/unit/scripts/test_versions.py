"""Commands that are bounded in time, and environments that belong to one Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.endurance import versions
from scripts.endurance.versions import environment, run_bounded


def test_what_a_command_has_started_ends_with_it_where_it_takes_too_long(tmp_path: Path) -> None:
    """All that have the pipe open are gone when its end is read."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
        with pytest.raises(subprocess.TimeoutExpired):
            run_bounded(["sh", "-c", f"exec 3>{pipe}; sleep 1000 & sleep 1000"], 0.5)
        os.set_blocking(stream.fileno(), True)
        assert stream.read() == b""


def test_a_command_that_ends_has_its_output_and_its_code(tmp_path: Path) -> None:
    done = run_bounded(["sh", "-c", "pwd; echo no >&2; exit 3"], 60, tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (f"{tmp_path}\n", "no\n", 3)


def test_another_python_has_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def made() -> Path:
        return environment("2026.4", fresh=False)

    def do(*command: str) -> None:
        if "venv" in command:
            (Path(command[-1]) / "lib" / "python3" / "site-packages").mkdir(parents=True)
            (Path(command[-1]) / "bin").mkdir()

    monkeypatch.setattr(versions, "_do", do)
    first = made()
    assert made() == first
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    second = made()
    monkeypatch.setattr(sys, "version", "3.99.0")
    assert len({first, second, made()}) == 3
