"""What is shown while other hosts are awaited."""

import io

import pytest

from ovbench.coordinator.report.console import SteadyConsole
from ovbench.coordinator.report.joining import JoinScreen
from ovbench.coordinator.session.events import HostsAwaited
from tests.builders import seconds


def shown(terminal: bool, *events: HostsAwaited, width: int = 80) -> str:
    written = io.StringIO()
    screen = JoinScreen(SteadyConsole(file=written, width=width, force_terminal=terminal, color_system=None))
    for event in events:
        screen.handle(event)
    screen.close()
    return written.getvalue()


def awaited(at_s: float, *missing: str) -> HostsAwaited:
    return HostsAwaited(seconds(100 + at_s), 4, missing)


def test_off_a_terminal_who_is_missing_is_shown_when_it_takes_long_and_then_now_and_then() -> None:
    events = [awaited(quarter / 4, "b", "c") for quarter in range(60)]
    lines = shown(False, *events).splitlines()
    assert 2 <= len(lines) <= 4
    assert set(lines) == {"2 of 4 hosts have joined; missing: b, c"}


def test_hosts_that_come_at_once_are_not_worth_a_line() -> None:
    assert shown(False, awaited(0.0, "b"), awaited(0.4)) == ""


def test_on_a_terminal_the_line_is_renewed_and_gone_when_all_are_there() -> None:
    written = shown(True, awaited(0.0, "b", "c"), awaited(0.2, "c"), awaited(0.4))
    assert "missing: b, c" in written or "missing: c" in written
    assert "\x1b[2K" in written, "it was taken away"


def test_on_a_terminal_a_long_line_stays_one_line() -> None:
    names = [f"a-host-with-a-name-of-its-own-{number}" for number in range(8)]
    screen = shown(True, awaited(0.0, *names), width=40)
    assert "a-host-with" not in screen or max(map(len, screen.split("\x1b")[0].splitlines() or [""])) <= 40


@pytest.mark.parametrize("terminal", [False, True])
def test_what_launchers_say_is_a_line_of_its_own_without_orders_to_the_terminal(terminal: bool) -> None:
    written = io.StringIO()
    screen = JoinScreen(SteadyConsole(file=written, width=80, force_terminal=terminal, color_system=None))
    screen.say("on b:\x1b[2J start it")
    screen.close()
    assert written.getvalue().startswith("on b:")
    assert "\x1b[2J" not in written.getvalue()
