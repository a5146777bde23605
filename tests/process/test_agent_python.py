"""Agents in a Python of their own, so that builds can be compared: it is that one that runs, and the report says so."""

import json
import os
import select
import signal
import sys
import sysconfig
import venv
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ovbench.coordinator.launch.local import LocalLauncher
from tests import spawned
from tests.process.driver import COORDINATOR, PATIENCE_S, Start

pytestmark = pytest.mark.usefixtures("without_pictures")

QUICK = ("--backend", "null:500", "-api", "sync", "--agents", "1", "--warmup", "0")
BALLAST_MB = 64


def make_python(folder: Path, *on_start: str) -> Path:
    """A virtual environment's, which runs lines of Python whenever it starts."""
    venv.create(folder, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "on_start.pth").write_text("".join(f"{line}\n" for line in on_start))
    return folder / "bin" / "python"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """One that has what ours has, and holds so much memory that its agents differ from others."""
    shared = sysconfig.get_path("purelib")
    heavy = f"import sys; sys.ballast = b'x' * ({BALLAST_MB} << 20)"
    return make_python(tmp_path / "other", f"import site; site.addsitedir({shared!r})", heavy)


def test_agents_run_in_the_python_that_is_named(start: Start, other: Path) -> None:
    coordinator = start(*QUICK, "-t", "60", "--agent-python", os.path.relpath(other, coordinator_folder(other)))
    coordinator.wait_for("[Step 10/11]")
    (server,) = psutil.Process(coordinator.process.pid).children()
    assert server.cmdline()[0] == str(other)
    coordinator.process.send_signal(signal.SIGINT)
    ran = coordinator.finish()
    told = ran.report["environment"]["agent_python"]
    assert told["path"] == str(other)
    assert (told["python"], told["libraries"]) == (
        ran.report["environment"]["python"],
        ran.report["environment"]["libraries"],
    )


def coordinator_folder(python: Path) -> Path:
    """The working directory of what `start` starts."""
    return python.parents[2]


def test_the_trials_of_each_side_run_in_its_own_python(tmp_path: Path, other: Path) -> None:
    sides = ("--a", "", "--b", f"--agent-python {other}")
    words = (*QUICK, "-niter", "200", "--repetitions", "2", "--report-folder", "s")
    done = spawned.run(
        [COORDINATOR, "study", "ab", *sides, *words, "--retry-suspect", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode in (0, 4), done.stderr  # a busy machine makes a trial INVALID
    memory_mb: dict[str, list[float]] = {"A": [], "B": []}
    for line in (tmp_path / "s" / "trials.jsonl").read_text().splitlines():
        trial = json.loads(line)
        report = json.loads((tmp_path / "s" / "trials" / trial["trial"] / "report.json").read_text())
        memory_mb[trial["point"]["side"]].append(report["agents"][0]["memory_mb"]["peak_rss"])
    assert list(map(len, memory_mb.values())) == [4, 4]
    assert min(memory_mb["B"]) - max(memory_mb["A"]) > BALLAST_MB / 2
    study = json.loads((tmp_path / "s" / "study.json").read_text())
    assert "openvino" in study["fingerprint"]["machine"][f"agents in {other}"]


def script(file: Path, text: str) -> Path:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def complaint(python: Path, *more: str) -> str:
    done = spawned.run(
        [COORDINATOR, *more, *QUICK, "-t", "1", "--agent-python", str(python)],
        cwd=python.parent, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert f"--agent-python {python}: " in line
    return str(line)


def test_a_python_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    assert "No such file" in complaint(tmp_path / "nowhere")


def test_of_a_folder_the_python_in_it_is_proposed(tmp_path: Path) -> None:
    inside = make_python(tmp_path / "bare")
    assert f"did you mean {inside}?" in complaint(tmp_path / "bare")


def test_a_python_without_ovbench_is_an_error(tmp_path: Path) -> None:
    assert "No module named 'ovbench'; install ovbench there" in complaint(make_python(tmp_path / "bare"))


def test_a_study_with_such_a_python_does_not_begin(tmp_path: Path) -> None:
    bare = make_python(tmp_path / "bare")
    assert "No module named 'ovbench'" in complaint(bare, "study", "-max_irate", "100,200")


def test_a_program_that_is_no_python_is_an_error(tmp_path: Path) -> None:
    assert "no Python" in complaint(script(tmp_path / "echo", "echo hello"))


def test_an_ovbench_that_speaks_another_protocol_is_an_error(tmp_path: Path) -> None:
    answer = json.dumps([99, "3.11.7", {"openvino": "2026.4.0", "ovbench": "9.9"}])
    assert "its ovbench 9.9 speaks protocol 99" in complaint(script(tmp_path / "python", f"echo '{answer}'"))


def servers() -> dict[str, psutil.Process]:
    """The fork servers that this process has, by their Python."""
    found: dict[str, psutil.Process] = {}
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # one that has ended
            command = child.cmdline()
            found |= {command[0]: child} if "ovbench.agent.forkserver" in command else {}
    return found


def test_a_fork_server_that_ends_while_another_serves_is_not_missed(tmp_path: Path, other: Path) -> None:
    launcher = LocalLauncher()
    try:
        launcher.start(1, f"ipc://{tmp_path}/nobody", tmp_path, str(other))
        idle = servers()[sys.executable]
        idle.kill()
        while psutil.pid_exists(idle.pid):  # until the launcher has seen its end
            assert select.select([launcher.fd], [], [], PATIENCE_S)[0]
            assert list(launcher.deaths()) == []
        assert launcher.ended == ""
        launcher.start(0, f"ipc://{tmp_path}/nobody", tmp_path)
        assert servers()[sys.executable].pid != idle.pid
    finally:
        launcher.close()
    assert servers() == {}
