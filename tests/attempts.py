"""Tests that the load of others can spoil are tried again, and how often that was needed is counted and shown.

A fault of ovbench is there in each attempt, or, if it is a race, in many. So the whole run fails when more than one in
three of all attempts did. Where it takes several runs of pytest, as in `scripts/test`, they count on in a file.

There is no such limit for a single test: one run tries it too few times. Where others disturb one attempt in 20, which
a busy machine does, about 30 tests of which none may fail twice in a row would fail 7 runs of 100 without any fault. A
race of one test that hits half of its attempts is therefore seen in the summary, in every other run: it names each test
that was tried again, with what it said.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pytest

from tests import leftovers

MOST_ATTEMPTS: Final = 4
"""Attempts at one test."""
LIMIT: Final = 1 / 3
"""The share of all attempts that may fail."""

COUNTS: Final = "OVBENCH_TEST_ATTEMPTS"
"""The environment's variable for the file in which the runs of pytest that belong together count on."""
PROPERTY: Final = "failed attempts"
"""Of a report: how many attempts there were, and what those that failed said. It comes from xdist's workers, too."""


def undisturbed(why: str) -> pytest.MarkDecorator:
    """A test that whatever else runs on the machine can make fail, and cannot make pass: it may be tried again.

    `why` says what others' load does to what is asserted. A figure that is computed again from the same samples is not
    of that kind, however busy the machine is.
    """
    if not (isinstance(why, str) and why):  # also where it is put on a test as it is
        raise TypeError("undisturbed needs a sentence that says why")
    return pytest.mark.undisturbed(why)


@dataclass(frozen=True)
class Tried:
    """`attempts`: how many there were. `failures`: what each that failed said."""

    test: str
    why: str
    attempts: int
    failures: tuple[str, ...]

    def lines(self) -> list[str]:
        first = f"{len(self.failures)} of {self.attempts} failed: {self.test} ({self.why})"
        return [first, *(f"    attempt {number}: {said}" for number, said in enumerate(self.failures, 1))]


class Attempts:
    """Of a whole run: a worker's are added where its reports come in.

    `counts`: the file, if any, that has two numbers: how many attempts former runs made, and how many of them failed.
    """

    def __init__(self, counts: Path | None = None) -> None:
        self.tried: list[Tried] = []
        self._counts = counts
        known = counts.read_text().split() if counts is not None and counts.exists() else []
        self._former, self._former_failed = map(int, known or (0, 0))

    @property
    def failed(self) -> int:
        return self._former_failed + sum(len(one.failures) for one in self.tried)

    @property
    def all(self) -> int:
        return self._former + sum(one.attempts for one in self.tried)

    @property
    def too_many_failed(self) -> bool:
        return self.failed > LIMIT * self.all

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":  # a report of another phase has the same properties again
            return
        for name, value in cast("list[tuple[str, Any]]", report.user_properties):
            if name == PROPERTY:
                why, attempts, failures = value
                self.tried.append(Tried(report.nodeid, why, attempts, tuple(failures)))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._counts is not None:
            self._counts.write_text(f"{self.all} {self.failed}")
        if self.too_many_failed and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.tried:
            return
        terminalreporter.section("attempts at tests that others' load can spoil")
        attempts, failed = self.all - self._former, self.failed - self._former_failed
        terminalreporter.line(f"{failed} of {attempts} attempts at {len(self.tried)} tests failed")
        if self._former:
            terminalreporter.line(f"{self.failed} of {self.all} in all, with those of the runs before")
        for one in self.tried:
            for line in one.lines() if one.failures else ():
                terminalreporter.line(line)
        if self.too_many_failed:
            text = "FAILED: more than one in three attempts failed, which is a fault of ovbench or a busier machine"
            terminalreporter.line(f"{text} than these tests are made for", red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "undisturbed(why): others' load can make it fail, so it may be tried again")
    if not hasattr(config, "workerinput"):  # one of xdist's workers leaves the counting to the process that started it
        counts = os.environ.get(COUNTS)
        config.pluginmanager.register(Attempts(Path(counts) if counts else None), "attempts")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Only puts the attempts in place of the test: pytest calls it, with what fixtures made once."""
    marker = pyfuncitem.get_closest_marker("undisturbed")
    if marker is not None:
        pyfuncitem.obj = _tried(pyfuncitem, marker.args[0], pyfuncitem.obj)


def _tried(item: pytest.Function, why: str, test: Callable[..., None]) -> Callable[..., None]:
    def attempts(**arguments: Any) -> None:
        failures: list[str] = []
        try:
            while not _passes(test, arguments, failures):
                pass
        except pytest.skip.Exception:
            raise
        except BaseException:
            item.user_properties.append((PROPERTY, [why, len(failures), failures]))
            raise
        item.user_properties.append((PROPERTY, [why, len(failures) + 1, failures]))

    return attempts


def _passes(test: Callable[..., None], arguments: dict[str, Any], failures: list[str]) -> bool:
    """Whether an attempt does. What one that does not has left running is ended, so that it disturbs no other."""
    mark = os.environ[leftovers.MARK]
    before = leftovers.pids()
    try:
        test(**arguments)
    except pytest.skip.Exception:
        raise
    except BaseException as error:
        failures.append(f"{type(error).__name__}: {error}".splitlines()[0][:200])
        if not isinstance(error, AssertionError) or len(failures) == MOST_ATTEMPTS:
            raise
        leftovers.end(leftovers.running(mark, before))
        return False
    return True
