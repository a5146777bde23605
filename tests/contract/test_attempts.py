"""What tries disturbed tests again, and what finds processes left running: each in a small run of pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attempts import COUNTS, Attempts, Tried, undisturbed

ROOT = Path(__file__).parents[2]

FLAKY = """
import itertools
import pytest
from tests.attempts import undisturbed

numbers = {failures: itertools.count() for failures in range(9)}

def steady(failures):
    assert next(numbers[failures]) >= failures, f"{failures} are to fail"
"""


def pytest_run(folder: Path, text: str, *options: str, counts: Path | None = None) -> tuple[int, list[str]]:
    """Its exit code and what it prints, of a file with this text."""
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q --strict-markers -p no:cacheprovider")
    plugins = ("-p", "xdist", "-p", "tests.leftovers", "-p", "tests.attempts")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment[COUNTS] = str(counts or "")  # not that of the run which this is a test of
    for name in ("CI", "BUILD_NUMBER"):  # where they are set, pytest's summary repeats what failures say in full
        environment.pop(name, None)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, "test_it.py"],
        cwd=folder, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    return ran.returncode, (ran.stdout + ran.stderr).splitlines()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_attempts_are_counted_over_the_whole_run_and_those_that_failed_are_named(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    text = f"""{FLAKY}
@pytest.mark.parametrize("failures", [0, 0, 2, 0, 0])
@undisturbed("it is slow")
def test_measured(failures):
    steady(failures)

@undisturbed("nothing counts")
def test_skipped():
    pytest.skip("no CPU")

def test_computed():
    pass
"""
    code, lines = pytest_run(tmp_path, text, *workers)
    assert code == 0, lines
    assert "2 of 7 attempts at 5 tests failed" in lines
    assert [line for line in lines if "3 failed" in line] == [
        "2 of 3 failed: test_it.py::test_measured[2] (it is slow)"
    ]
    assert [line for line in lines if "attempt 1" in line] == ["    attempt 1: AssertionError: 2 are to fail"]


def test_a_run_fails_when_more_than_one_attempt_in_three_did(tmp_path: Path) -> None:
    text = f"""{FLAKY}
@pytest.mark.parametrize("failures", [2, 1, 0, 0])
@undisturbed("it is slow")
def test_measured(failures):
    steady(failures)
"""
    code, lines = pytest_run(tmp_path, text, "-n", "1")
    assert code == 1, lines
    assert "3 of 7 attempts at 4 tests failed" in lines
    assert any("more than one in three attempts failed" in line for line in lines)


def test_runs_that_belong_together_count_on(tmp_path: Path) -> None:
    text = f"""{FLAKY}
@pytest.mark.parametrize("failures", [1, 0])
@undisturbed("it is slow")
def test_measured(failures):
    steady(failures)
"""
    counts = tmp_path / "counts"
    counts.write_text("3 0")
    code, lines = pytest_run(tmp_path, text, counts=counts)
    assert code == 0, lines
    assert "1 of 3 attempts at 2 tests failed" in lines
    assert "1 of 6 in all, with those of the runs before" in lines
    assert counts.read_text() == "6 1"
    counts.write_text("3 2")
    assert pytest_run(tmp_path, text, counts=counts)[0] == 1


def test_one_attempt_in_three_may_fail() -> None:
    attempts = Attempts()
    assert not attempts.too_many_failed
    attempts.tried = [Tried("a", "it is slow", 2, ("late",)), Tried("b", "it is slow", 1, ())]
    assert not attempts.too_many_failed
    attempts.tried.append(Tried("c", "it is slow", 2, ("late",)))
    assert attempts.too_many_failed


def test_a_fault_that_is_always_there_fails_its_test_in_each_attempt(tmp_path: Path) -> None:
    text = f"""{FLAKY}
@undisturbed("it is slow")
def test_measured():
    steady(8)

@undisturbed("it is slow")
def test_broken():
    raise ValueError("not what was asserted")
"""
    code, lines = pytest_run(tmp_path, text)
    assert code == 1
    assert "5 of 5 attempts at 2 tests failed" in lines
    assert any(line.startswith("2 failed") for line in lines)


def test_to_be_tried_again_a_test_has_to_say_why() -> None:
    def test() -> None: ...

    nothing: list[Any] = ["", test]
    for why in nothing:
        with pytest.raises(TypeError, match="says why"):
            undisturbed(why)


def test_what_runs_alone_is_where_it_is_looked_for() -> None:
    """`scripts/test` has pytest read these files only for it."""
    mark = "pytest.mark." + "alone"
    marked = {file.parent for file in (ROOT / "tests").rglob("*.py") if mark in file.read_text()}
    assert marked == {ROOT / "tests/process"}
    assert "-m alone tests/process" in (ROOT / "scripts/test").read_text()


LEAVING = """
import subprocess, sys, time
import pytest
from tests import leftovers

def sleeping(seconds=60, **more):
    return subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})", "a-sleeper"], **more)
"""


def test_a_process_that_is_left_running_fails_the_test_that_left_it_and_is_ended(tmp_path: Path) -> None:
    text = f"""{LEAVING}
@pytest.fixture(autouse=True)
def patience(request):
    leftovers.PATIENCE_S = 0.0 if "leaves" in request.node.name else 60.0

@pytest.fixture(scope="module")
def wider():
    process = sleeping()
    yield process
    process.kill()
    process.wait()

def test_that_leaves_a_child():
    sleeping()

def test_that_leaves_an_orphan():
    script = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
    orphan = [sys.executable, "-c", "import time; time.sleep(60)", "an-orphan"]
    subprocess.run([sys.executable, "-c", script, *orphan], check=True)

def test_that_waits(wider):
    sleeping(0).wait()

def test_whose_child_ends_a_little_later(wider):
    sleeping(0.5)

def test_that_is_busy_meanwhile(wider):
    time.sleep(2)
    assert wider.poll() is None
"""
    code, lines = pytest_run(tmp_path, text, "-n", "2")
    assert code == 1
    errors = [line for line in lines if line.startswith("ERROR ")]
    assert [line.split()[1] for line in sorted(errors)] == [
        "test_it.py::test_that_leaves_a_child",
        "test_it.py::test_that_leaves_an_orphan",
    ]
    assert lines[-1].startswith("5 passed, 2 errors")
    assert sum("a-sleeper" in line for line in lines if line.startswith("  pid ")) == 1
    (orphan,) = [line for line in lines if line.startswith("  pid ") and "an-orphan" in line]
    assert not Path(f"/proc/{orphan.split()[1].rstrip(':')}/environ").exists()


def test_what_a_wider_fixture_leaves_is_found_in_the_end(tmp_path: Path) -> None:
    text = f"""{LEAVING}
@pytest.fixture(scope="module")
def wider():
    return sleeping()

def test_with_it(wider):
    leftovers.PATIENCE_S = 0.0
"""
    code, lines = pytest_run(tmp_path, text)
    assert code == 1
    assert "the tests or their fixtures left running, and this ended:" in lines


def test_what_a_failed_attempt_leaves_is_ended_before_the_next_and_is_no_error(tmp_path: Path) -> None:
    text = f"""{LEAVING}
from tests.attempts import undisturbed

@pytest.fixture
def neighbour():
    process = sleeping()
    yield process
    process.kill()
    process.wait()

started = []

@undisturbed("it is slow")
def test_measured(neighbour):
    assert neighbour.poll() is None
    if started:
        assert started[0].wait(5) == -9
    else:
        started.append(sleeping())
        assert False

@pytest.mark.parametrize("number", range(3))
@undisturbed("it is slow")
def test_more(number):
    pass

def test_that_fails():
    started.append(sleeping())
    assert False

def test_after_it():
    assert started[1].wait(5) == -9
"""
    code, lines = pytest_run(tmp_path, text)
    assert code == 1
    assert lines[-1].startswith("1 failed, 5 passed")
    assert "1 of 5 attempts at 4 tests failed" in lines
