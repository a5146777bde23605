"""A process that a test leaves running fails that very test, by name, and is ended.

Each test has a mark of its own in the environment. All that descends from it inherits the mark, in sessions of its own
and with other parents too, and the kernel shows it in /proc/PID/environ (proc(5)), so that tests which other workers
run at the same time are not confused with it.
"""

import itertools
import os
import secrets
import signal
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

MARK: Final = "OVBENCH_TEST"
PATIENCE_S: Final = 5.0
"""How long what ends may take for it: less than the lease of 10 s by which a lost agent ends itself."""
_LONGEST_DEATH_S: Final = 10.0

_numbers: Final = itertools.count(1)
_failed: Final = pytest.StashKey[bool]()


def running(mark: str, apart_from: Iterable[int] = ()) -> dict[int, str]:
    """Processes with this mark, or one that begins with it and a slash, and their command lines. Zombies have none."""
    exact, below = f"{MARK}={mark}".encode(), f"{MARK}={mark}/".encode()
    found: dict[int, str] = {}
    for pid in pids() - set(apart_from) - {os.getpid()}:
        with suppress(OSError):
            words = _environment(pid).split(b"\0")
            if any(word == exact or word.startswith(below) for word in words):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def _environment(pid: int) -> bytes:
    """Empty for a kernel thread and a zombie, which have no program, and for a moment after a program has begun."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := Path(f"/proc/{pid}/environ").read_bytes()) and time.monotonic() < deadline:
        os.readlink(f"/proc/{pid}/exe")  # raises OSError where there is none
        time.sleep(0.001)
    return found


def pids() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def end(processes: Iterable[int]) -> None:
    """And wait until they are no more than zombies, so that whoever looks next does not find them again."""
    killed = list(processes)
    for pid in killed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _LONGEST_DEATH_S
    for pid in killed:
        with suppress(OSError):  # where there is no program any more
            while time.monotonic() < deadline:
                os.readlink(f"/proc/{pid}/exe")
                time.sleep(0.001)


def left(mark: str, apart_from: Iterable[int] = ()) -> dict[int, str]:
    """What is still running when it has had time to end."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := running(mark, apart_from)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def complain(processes: dict[int, str], whose: str) -> None:
    end(processes)
    named = "".join(f"\n  pid {pid}: {command}" for pid, command in sorted(processes.items()))
    pytest.fail(f"{whose} left running, and this ended:{named}", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def _mark_of_session() -> Iterator[str]:
    """For what fixtures of a wider scope start; whatever is left in the end is an error of the last test."""
    session = os.environ[MARK] = secrets.token_hex(8)
    yield session
    if found := left(session):
        complain(found, "the tests or their fixtures")


@pytest.fixture(autouse=True)
def _leaves_no_process(request: pytest.FixtureRequest, _mark_of_session: str) -> Iterator[None]:
    """The first of a test's own fixtures, and so the last that ends."""
    mark = os.environ[MARK] = f"{_mark_of_session}/{next(_numbers)}"
    before = pids()
    yield
    os.environ[MARK] = _mark_of_session
    if request.node.stash.get(_failed, False):  # what it did not come to end is not news
        end(running(mark, before))
    elif found := left(mark, before):
        complain(found, "the test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report
