"""What a handler of signals does: note, kill, leave."""

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from ovbench.coordinator.session.interrupts import Interrupts

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Left(BaseException):
    """Instead of the end of this process."""


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def leave(code: int) -> None:
        raise Left(code)

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setenv("TERM", "dumb")
    before = {number: signal.getsignal(number) for number in HEARD}
    hook = sys.unraisablehook
    yield
    sys.unraisablehook = hook
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def killed() -> list[str]:
    return []


@pytest.fixture
def attended(killed: list[str]) -> Interrupts:
    attended = Interrupts()
    attended.attend(lambda: killed.append("all"))
    return attended


def test_ctrl_c_ends_a_command_that_has_nothing_to_lose() -> None:
    Interrupts().listen()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(Left):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_where_python_cannot_raise_it_ends_the_command_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    Interrupts().listen()
    dying = Dying()
    del dying
    assert left == [130]


@pytest.mark.parametrize("number", HEARD)
def test_the_first_signal_of_a_run_is_only_noted(attended: Interrupts, killed: list[str], number: int) -> None:
    signal.raise_signal(number)
    assert attended.asked
    assert os.read(attended.fd, 16) == bytes([number])
    assert killed == []


@pytest.mark.parametrize("first", HEARD)
def test_a_ctrl_c_after_that_kills_and_leaves(attended: Interrupts, killed: list[str], first: int) -> None:
    signal.raise_signal(first)
    with pytest.raises(Left) as left:
        signal.raise_signal(signal.SIGINT)
    assert left.value.args == (130,)
    assert killed == ["all"]


def test_hang_ups_of_a_terminal_that_closes_never_lose_the_report(attended: Interrupts, killed: list[str]) -> None:
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGHUP):
        signal.raise_signal(number)
    assert attended.asked
    assert killed == []


def test_sigterm_to_a_process_and_to_its_group_is_one_wish(
    attended: Interrupts, killed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    signal.raise_signal(signal.SIGTERM)
    now_s += 0.5
    signal.raise_signal(signal.SIGTERM)
    assert killed == []
    now_s += 1.0
    with pytest.raises(Left):
        signal.raise_signal(signal.SIGTERM)


def test_a_hang_up_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    attended = Interrupts()
    attended.attend(lambda: None)
    signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert not attended.asked
