"""With real processes of a shell, which stand for ssh and what it has reached."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovbench.coordinator.launch.couriers import Couriers, Ended

PATIENCE_S = 10.0


@pytest.fixture
def couriers() -> Iterator[Couriers]:
    some = Couriers()
    yield some
    some.close(0.0)


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def until_idle(couriers: Couriers) -> list[tuple[str, str | Ended]]:
    said: list[tuple[str, str | Ended]] = []
    deadline = time.monotonic() + PATIENCE_S
    while not couriers.idle:
        assert time.monotonic() < deadline
        said += couriers.turn(1.0)
    return said


def until_said(couriers: Couriers, line: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while line not in [news for _, news in couriers.turn(0.2)]:
        assert time.monotonic() < deadline


def test_what_it_carries_arrives_whole_and_its_input_stays_open(couriers: Couriers) -> None:
    couriers.add("a", sh("read one; echo got $one; read two || echo closed"), b"secret\n")
    until_said(couriers, "got secret")
    assert couriers.hang_up("a")
    assert until_idle(couriers) == [("a", "closed"), ("a", Ended(0, True, ("got secret", "closed")))]


def test_nothing_is_carried_before_the_mark(couriers: Couriers) -> None:
    script = "echo hello; read -t 0.2 early && echo stolen; echo MARK; read word; echo $word"
    couriers.add("a", ["bash", "-c", script], b"secret\n", "MARK")
    assert until_idle(couriers) == [("a", "hello"), ("a", "secret"), ("a", Ended(0, True, ("secret",)))]


def test_what_is_larger_than_a_pipe_is_carried_in_parts(couriers: Couriers) -> None:
    size = 1 << 20
    couriers.add("a", sh(f"echo MARK; head -c {size} | wc -c"), bytes(size), "MARK")
    assert until_idle(couriers)[-1] == ("a", Ended(0, True, (str(size),)))


def test_of_one_that_ends_without_its_mark_the_last_lines_are_kept_printable(couriers: Couriers) -> None:
    couriers.add("a", sh("printf 'one\\ntwo \\033[31m\\n' >&2; seq 100; printf last; exit 7"), b"secret\n", "MARK")
    name, ended = until_idle(couriers)[-1]
    assert name == "a"
    assert isinstance(ended, Ended)
    assert (ended.status, ended.reached, ended.last(), len(ended.lines)) == (7, False, "last", 30)


def test_control_characters_are_shown_not_sent_to_the_terminal(couriers: Couriers) -> None:
    couriers.add("a", sh("printf 'red \\033[31m\\n'"), b"")
    assert until_idle(couriers)[0] == ("a", "red \\x1b[31m")


def test_the_signal_that_ended_one_is_named(couriers: Couriers) -> None:
    couriers.add("a", sh("kill -9 $$"), b"")
    assert until_idle(couriers) == [("a", Ended(0, True, (), "SIGKILL"))]


def test_a_command_that_is_not_there_says_so(couriers: Couriers) -> None:
    couriers.add("a", ["/no/such/program"], b"")
    assert until_idle(couriers)[-1] == ("a", Ended(127, True, ("/no/such/program: No such file or directory",)))


def test_one_that_has_reached_nothing_is_killed_when_it_is_hung_up(couriers: Couriers) -> None:
    couriers.add("a", sh("sleep 60"), b"", "MARK")
    couriers.hang_up("a")
    assert until_idle(couriers) == [("a", Ended(0, False, (), "SIGKILL"))]
    assert not couriers.hang_up("a")


def test_the_next_for_a_host_begins_when_the_one_before_has_ended(couriers: Couriers) -> None:
    couriers.add("a", sh("echo first; read word || echo bye"), b"")
    until_said(couriers, "first")
    couriers.hang_up("a")
    couriers.add("a", sh("echo second"), b"")
    news = [one for _, one in until_idle(couriers)]
    assert [one if isinstance(one, str) else one.last() for one in news] == ["bye", "bye", "second", "second"]


@pytest.mark.parametrize("how", ["it is ended", "it ends"])
def test_what_it_has_started_here_does_not_outlive_it(how: str, couriers: Couriers) -> None:
    couriers.add("a", sh("sleep 60 & echo $!; " + ("exec sleep 60" if how == "it is ended" else "exit 3")), b"", "MARK")
    said: list[str | Ended] = []
    while not said:
        said += [news for _, news in couriers.turn(1.0)]
    couriers.hang_up("a")
    until_idle(couriers)
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{said[0]}/exe").exists():  # a zombie has none
        assert time.monotonic() < deadline


def test_closing_waits_for_those_that_end_and_kills_those_that_do_not(tmp_path: Path) -> None:
    some = Couriers()
    some.add("mild", sh(f"echo up; read word; echo bye > {tmp_path}/mild"), b"")
    some.add("deaf", sh("echo up; exec sleep 60"), b"")
    up: list[str | Ended] = []
    while len(up) < 2:
        up += [news for _, news in some.turn(1.0)]
    pids = [courier.pid for courier in some.running.values()]
    some.close(0.5)
    assert (tmp_path / "mild").read_text() == "bye\n"
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_one_that_is_ended_by_another_signal_has_time_for_what_it_has_to_end(tmp_path: Path) -> None:
    some = Couriers(signal.SIGTERM, PATIENCE_S)
    some.add("a", sh(f"trap 'echo ended > {tmp_path}/a; exit' TERM; echo up; while :; do sleep 0.01; done"), b"")
    until_said(some, "up")
    some.close(0.0)
    assert (tmp_path / "a").read_text() == "ended\n"


def test_one_that_does_not_hear_that_signal_is_killed() -> None:
    some = Couriers(signal.SIGTERM, 0.1)
    some.add("a", sh("trap '' TERM; echo up; exec sleep 60"), b"")
    until_said(some, "up")
    pid = some.running["a"].pid
    some.close(0.0)
    assert not Path(f"/proc/{pid}").exists()


def test_at_most_32_are_on_their_way_and_all_come_to_their_turn(couriers: Couriers) -> None:
    for number in range(40):
        couriers.add(str(number), sh("echo MARK; read word"), b"", "MARK")
    assert len(couriers.running) == 32
    deadline = time.monotonic() + PATIENCE_S
    while len(couriers.running) < 40 or not all(courier.reached for courier in couriers.running.values()):
        assert time.monotonic() < deadline
        assert list(couriers.turn(0.1)) == []


@pytest.mark.parametrize("ending", ["SIGKILL", "SIGTERM"])
def test_they_end_with_the_process_that_started_them(ending: str) -> None:
    script = (
        "import os, signal, time\n"
        "from ovbench.coordinator.launch.couriers import Couriers\n"
        f"some = Couriers(signal.{ending})\n"
        "some.add('a', ['sleep', '60'], b'', 'MARK')\n"
        "print(some.running['a'].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    descriptor = os.pidfd_open(pid)
    starter.kill()
    starter.wait()
    assert select.select([descriptor], [], [], PATIENCE_S)[0] == [descriptor]
    os.close(descriptor)
