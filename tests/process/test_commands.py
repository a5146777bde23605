"""The two commands themselves: what comes before any work, and Ctrl-C while they load."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ovbench.coordinator.entry import VERBS
from tests.process.driver import AGENT, COORDINATOR, PATIENCE_S


def call(*command: str, without: str | None = None, folder: Path) -> subprocess.CompletedProcess[str]:
    """`without`: a package whose import ends in Ctrl-C."""
    environment = dict(os.environ)
    if without is not None:
        (folder / f"{without}.py").write_text("raise KeyboardInterrupt")
        environment["PYTHONPATH"] = str(folder)
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=PATIENCE_S)


@pytest.mark.parametrize(
    ("command", "package"),
    [((COORDINATOR, "--dry-run"), "msgspec"), ((AGENT, "--connect", "ipc:///bus"), "numpy")],
    ids=["coordinator", "agent"],
)
def test_ctrl_c_while_a_command_loads_ends_it_without_a_word(
    command: tuple[str, ...], package: str, tmp_path: Path
) -> None:
    ended = call(*command, without=package, folder=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_an_agent_limits_the_threads_of_blas_before_numpy_loads() -> None:
    loaded = "import sys, ovbench.agent.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], timeout=PATIENCE_S).returncode == 0


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_no_verb_loads_numpy_to_read_its_words(verb: str) -> None:
    """It takes longer than all the rest of what --help, or a mistake, waits for."""
    words = [verb] if verb else []
    loaded = f"import sys; from ovbench.coordinator.entry import understood; understood({words})"
    loaded += "; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], timeout=PATIENCE_S).returncode == 0


def test_a_plan_is_shown_without_numpy() -> None:
    """And so without what a run is judged by, most of which takes arrays."""
    loaded = "import sys; from ovbench.coordinator.entry import execute; " + (
        "sys.exit = lambda code: None; execute(['--dry-run', '--json']); raise SystemExit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", loaded], timeout=PATIENCE_S, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "--connect"),
        (["--connect", "nowhere"], "--connect nowhere"),
        (["--connect", "ipc://"], "--connect ipc://"),
        (["--connect", "ipc:///tmp/bus"], "others may write to /tmp"),
        (["--connect", "ipc:///nowhere/bus"], "mkdir -m 700"),
        (["--connect", "tcp://127.0.0.1:5555"], "use ipc:///path/to/socket"),
        (["--connect", "ipc:///bus", "--root", "nowhere"], "--root nowhere"),
        (["--connect", "ipc:///tmp/bus", "--wait", "nan"], "'nan'"),
        (["--connect", "ipc:///tmp/bus", "--wait", "-1"], "'-1'"),
        (["--connect", "ipc:///tmp/bus", "--agent", "1.5"], "'1.5'"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_of_an_agent_gets_one_sentence(options: list[str], says: str, tmp_path: Path) -> None:
    ended = call(AGENT, *options, folder=tmp_path)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ended.stderr.startswith("ovbench-agent: ")
    assert says in ended.stderr


FAST = ("--backend", "null:1000", "-api", "sync", "--agents", "1", "-niter", "100", "--warmup", "0")


def into_a_full_disk(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    with open("/dev/full", "w") as full:
        return subprocess.run(
            [COORDINATOR, *options], stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder, timeout=PATIENCE_S
        )


FULL = "ovbench-coord: what it prints cannot be written: No space left on device\n"


@pytest.mark.parametrize("options", ["topology", "topology --json", "--dry-run", "--dry-run --json"])
def test_a_full_disk_under_stdout_gets_one_sentence(options: str, tmp_path: Path) -> None:
    ended = into_a_full_disk(*options.split(), folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (5, FULL)


def test_a_run_is_not_lost_for_a_full_disk_under_stdout(tmp_path: Path) -> None:
    ended = into_a_full_disk(*FAST, "--report-folder", "report", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, FULL)
    assert json.loads((tmp_path / "report/report.json").read_text())["throughput"]["count"] > 0


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_run_whose_streams_are_closed_is_a_run(closed: str, tmp_path: Path) -> None:
    line = f"{shlex.join([COORDINATOR, *FAST, '--json', '--report-folder', 'report'])} {closed}"
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_S)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "Traceback" not in ended.stderr
    assert json.loads((tmp_path / "report/report.json").read_text())["throughput"]["count"] > 0
