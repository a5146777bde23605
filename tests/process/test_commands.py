"""The two commands themselves: what comes before any work, and Ctrl-C while they load."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.driver import AGENT, COORDINATOR


def call(*command: str, without: str | None = None, folder: Path) -> subprocess.CompletedProcess[str]:
    """`without`: a package whose import ends in Ctrl-C."""
    environment = dict(os.environ)
    if without is not None:
        (folder / f"{without}.py").write_text("raise KeyboardInterrupt")
        environment["PYTHONPATH"] = str(folder)
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=30)


@pytest.mark.parametrize(
    ("command", "package"),
    [((COORDINATOR, "--dry-run"), "msgspec"), ((AGENT, "--connect", "ipc:///nonexistent/bus"), "numpy")],
    ids=["coordinator", "agent"],
)
def test_ctrl_c_while_a_command_loads_ends_it_without_a_word(
    command: tuple[str, ...], package: str, tmp_path: Path
) -> None:
    ended = call(*command, without=package, folder=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_an_agent_limits_the_threads_of_blas_before_numpy_loads() -> None:
    loaded = "import sys, ovbench.agent.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], timeout=30).returncode == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "--connect"),
        (["--connect", "nowhere"], "--connect nowhere"),
        (["--connect", "ipc://"], "--connect ipc://"),
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
