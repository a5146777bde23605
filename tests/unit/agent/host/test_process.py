"""A process that stands in for its child in a session of its own: signals, stops and ends pass between the two."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ovbench.agent.host.process import run_module, wake_on_time

PATIENCE_S = 60
PR_GET_PDEATHSIG = 2
PR_GET_TIMERSLACK = 30  # linux/prctl.h
CHILD = """
import os, signal, sys, time
from ovbench.agent.host.process import run_in_own_session
run_in_own_session()
print(os.getpid(), os.getsid(0), os.getppid(), flush=True)
{then}
"""


class StandIn:
    def __init__(self, then: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD.format(then=then)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdout is not None
        self.child, self.session, self.parent = map(int, self.process.stdout.readline().split())

    def end(self) -> int:
        return self.process.wait(PATIENCE_S)

    def await_handlers(self) -> None:
        """The child speaks before its stand-in listens to signals; the last that it does is SIGCONT."""
        status, bit = Path(f"/proc/{self.process.pid}/status"), 1 << (signal.SIGCONT - 1)
        deadline = time.monotonic() + PATIENCE_S
        while not int(status.read_text().partition("SigCgt:")[2].split()[0], 16) & bit:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def await_status(self, status: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        for pid in (self.process.pid, self.child):
            while psutil.Process(pid).status() != status:
                assert time.monotonic() < deadline
                time.sleep(0.001)


@pytest.fixture
def waiting() -> Iterator[StandIn]:
    stand_in = StandIn(f"time.sleep({PATIENCE_S})")
    stand_in.await_handlers()
    yield stand_in
    stand_in.process.kill()
    stand_in.process.wait()


def test_the_child_leads_a_session_and_its_exit_code_is_passed_on() -> None:
    stand_in = StandIn("sys.exit(3)")
    assert stand_in.child == stand_in.session != stand_in.process.pid == stand_in.parent
    assert stand_in.end() == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_child_and_its_death_by_it_is_seen(waiting: StandIn, number: signal.Signals) -> None:
    waiting.process.send_signal(number)
    assert waiting.end() == -number


def test_a_child_that_is_killed_is_seen_as_killed(waiting: StandIn) -> None:
    os.kill(waiting.child, signal.SIGKILL)
    assert waiting.end() == -signal.SIGKILL


def test_a_child_dies_with_its_stand_in(waiting: StandIn) -> None:
    child = psutil.Process(waiting.child)
    waiting.process.kill()
    child.wait(PATIENCE_S)


def test_both_stop_and_go_on_together(waiting: StandIn) -> None:
    waiting.process.send_signal(signal.SIGTSTP)
    waiting.await_status(psutil.STATUS_STOPPED)
    waiting.process.send_signal(signal.SIGCONT)
    waiting.await_status(psutil.STATUS_SLEEPING)


def test_one_that_leads_a_session_already_needs_no_stand_in() -> None:
    words = [sys.executable, "-c", CHILD.format(then="")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert out.split()[:2] == [str(process.pid)] * 2


def test_a_module_that_is_run_apart_is_known_by_its_exit_code_and_its_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "apart.py").write_text("import sys; print('unseen'); print(sys.argv[1:], file=sys.stderr); sys.exit(5)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run_module("apart", "a b", "c") == (5, "['a b', 'c']\n")
    assert capfd.readouterr() == ("", "")


def test_a_module_that_is_run_apart_and_killed_has_minus_its_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apart.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run_module("apart") == (-signal.SIGKILL, "")


def test_a_module_that_is_run_apart_ends_with_its_parent_and_after_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apart.py").write_text(
        "import ctypes, os, signal, sys\n"
        "from ovbench.agent.host.process import end_with\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "end_with(int(sys.argv[1]), 1000)\n"
        "death = ctypes.c_int()\n"
        f"ctypes.CDLL(None).prctl({PR_GET_PDEATHSIG}, ctypes.byref(death), 0, 0, 0)\n"
        "print(death.value, 900 < signal.alarm(0) <= 1000, file=sys.stderr, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGALRM)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run_module("apart", str(os.getpid())) == (-signal.SIGALRM, f"{int(signal.SIGKILL)} True\n")
    assert run_module("apart", str(os.getppid())) == (1, "")


def test_timers_of_a_thread_that_is_to_wake_on_time_and_of_those_it_starts_have_no_slack() -> None:
    def slack_ns() -> int:
        return int(ctypes.CDLL(None).prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0))

    def measure() -> None:
        wake_on_time()
        slacks.append(slack_ns())
        child = threading.Thread(target=lambda: slacks.append(slack_ns()))
        child.start()
        child.join()

    slacks: list[int] = []
    thread = threading.Thread(target=measure)  # not this one, whose slack is pytest's
    thread.start()
    thread.join()
    assert slacks == [1, 1]
