import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ovbench.coordinator.launch.supervisorline import REACHED, script_bytes, script_line, supervisor_line

SHELLS = ("sh", "bash", "dash", "zsh", "fish", "tcsh")
"""What may be the login shell of a host, as far as it is installed here."""

shells = pytest.mark.parametrize("shell", [shell for shell in SHELLS if shutil.which(shell)])


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python whose path and folder no shell takes for one word by itself; it prints what it is given."""
    program = tmp_path / "it's $HOME" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf \'<%s>\' "$PYTHONSAFEPATH" "$@"\n')
    program.chmod(0o755)
    return program


def run(shell: str, line: str, given: bytes = b"", path: str | None = None) -> tuple[int, list[str], str]:
    environment = {"HOME": "/", "PATH": path or "/usr/bin:/bin"}
    ran = subprocess.run([shutil.which(shell) or shell, "-c", line], input=given, capture_output=True, env=environment)
    return ran.returncode, ran.stdout.decode().split("\n"), ran.stderr.decode()


@shells
def test_any_login_shell_starts_the_python_that_is_named(shell: str, python: Path) -> None:
    arguments = "<1><-m><ovbench.agent.cli><--host><--join><-><--model-cache></a b/it's>"
    for named in (python, python.parents[1]):
        line = supervisor_line(str(named), "/nowhere", ("--model-cache", "/a b/it's"))
        assert run(shell, line) == (0, ["", REACHED, arguments], "")


@shells
def test_a_python_that_is_not_there_is_said_before_the_mark(shell: str) -> None:
    code, said, why = run(shell, supervisor_line("/no/such", "/nowhere"))
    assert (code, said, why) == (127, [""], "no such Python: /no/such\n")


def test_a_tilde_is_the_home_there(python: Path) -> None:
    code, said, _ = run("sh", supervisor_line(f"~{python}", "/nowhere"))
    assert (code, said[1]) == (0, REACHED)


def test_without_a_name_the_coordinators_own_folder_comes_first(python: Path) -> None:
    (python.parent / "ovbench-agent").symlink_to(python)
    _, said, _ = run("sh", supervisor_line(None, str(python.parent)))
    assert said[-1] == "<1><-m><ovbench.agent.cli><--host><--join><->"


def test_then_comes_what_the_path_has(python: Path) -> None:
    (python.parent / "env").symlink_to("/usr/bin/env")
    (python.parent / "sh").symlink_to("/bin/sh")
    (python.parent / "ovbench-agent").symlink_to(python)
    line = supervisor_line(None, "/nowhere")
    assert run("sh", line, path=str(python.parent))[1][-1] == "<1><--host><--join><->"
    (python.parent / "ovbench-agent").rename(python.parent / "python3")
    assert run("sh", line, path=str(python.parent))[1][-1] == "<1><-m><ovbench.agent.cli><--host><--join><->"
    (python.parent / "python3").unlink()
    assert run("sh", line, path=str(python.parent))[::2] == (127, "no such Python: python3\n")


@shells
def test_a_script_is_run_from_standard_input_and_reads_the_rest_of_it(shell: str) -> None:
    given = script_bytes("import sys\nprint('é', sys.stdin.buffer.read().decode())\n", b"one ", b"two")
    assert run(shell, script_line(sys.executable), given)[1] == ["", REACHED, "é one two", ""]


@shells
def test_a_python_that_is_too_old_for_a_script_is_said(shell: str, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    code, said, why = run(shell, script_line(str(tmp_path / "python")))
    assert (code, said, why) == (127, [""], f"too old a Python: {tmp_path}/python\n")
