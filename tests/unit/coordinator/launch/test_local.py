"""The launcher beside fork servers that die, flood it, or answer late: small scripts stand in for the real one."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovbench.coordinator.launch import Death
from ovbench.coordinator.launch.local import LocalLauncher

MANY = 3_000
"""Agents whose orders are more than a pipe holds, and so are the words about them."""

FLOODING = f"""
for number in range(200_000):
    print("exited", 10**6 + number, 0)
for number in range({MANY}):
    ticket, agent, endpoint, log = json.loads(sys.stdin.readline())
    print("started", ticket, 10**8 + agent, flush=False)
    print("exited", ticket, 0, flush=False)
sys.stdout.flush()
time.sleep(600)
"""
ENDING = """
sys.stdin.readline()
sys.exit("it was too much")
"""
LATE = """
first = json.loads(sys.stdin.readline())[0]
print("failed", first, "no room", flush=True)
second = json.loads(sys.stdin.readline())[0]
print("exited", first, 9, flush=True)
print("exited", second, 9, flush=True)
time.sleep(600)
"""
SILENT = "time.sleep(600)"
BORN_LATE = """
import os, signal
ticket, _, _, log = json.loads(sys.stdin.readline())
while not os.path.exists(os.path.join(os.path.dirname(log), "go")):
    time.sleep(0.001)
pid = os.fork()
if pid == 0:
    time.sleep(600)
print("started", ticket, pid, flush=True)
print("exited", ticket, os.waitpid(pid, 0)[1], flush=True)
time.sleep(600)
"""

KILLED = """
for agent in range(3):
    ticket = json.loads(sys.stdin.readline())[0]
    print("exited", ticket, 9, flush=True)
time.sleep(600)
"""
KILLING_ITSELF = """
import os
sys.stdin.readline()
os.kill(os.getpid(), 9)
"""
REFUSING = """
print("a word of a library's\\nNo agent can run here; try elsewhere", file=sys.stderr)
sys.exit(2)
"""
SPEECHLESS = "sys.exit(2)"
OUT_OF_MEMORY = " for lack of memory, by the kernel: start fewer agents, or allow more memory"

Launch = Callable[..., LocalLauncher]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    started = []

    def begin(script: str, oom_kills: Callable[[], int | None] = lambda: None) -> LocalLauncher:
        path = tmp_path / "server"
        path.write_text(f"#!{sys.executable} -IS\nimport json, sys, time\n{script}")
        path.chmod(0o700)
        started.append(LocalLauncher(str(path), oom_kills))
        return started[-1]

    yield begin
    for launcher in started:
        launcher.close()


def start(launcher: LocalLauncher, agents: int, folder: Path) -> None:
    launcher.start(agents, f"ipc://{folder}/a folder with a very long name, so that orders are long, too/bus", folder,
                   str(folder / "server"))  # fmt: skip


def await_deaths(launcher: LocalLauncher, count: int) -> list[Death]:
    deaths: list[Death] = []
    while len(deaths) < count:
        os.sched_yield()
        deaths += launcher.deaths()
    return deaths


def test_thousands_of_agents_that_end_at_once_do_not_stop_the_rest_from_being_asked_for(
    launch: Launch, tmp_path: Path
) -> None:
    launcher = launch(FLOODING)
    start(launcher, MANY, tmp_path)
    deaths = await_deaths(launcher, MANY)
    assert sorted(death.agent for death in deaths) == list(range(MANY))


def test_a_server_that_has_died_since_is_named_for_every_agent_that_is_wanted_of_it(
    launch: Launch, tmp_path: Path
) -> None:
    launcher = launch(ENDING)
    start(launcher, 2, tmp_path)
    launcher.await_ends(60.0)
    assert "it was too much" in launcher.ended
    start(launcher, 3, tmp_path)
    deaths = list(launcher.deaths())
    assert [death.agent for death in deaths] == [0, 1, 2]
    assert all("it was too much" in death.how for death in deaths)


def test_late_words_of_an_agent_are_not_for_the_one_that_has_its_place_now(launch: Launch, tmp_path: Path) -> None:
    launcher = launch(LATE)
    start(launcher, 1, tmp_path)
    assert await_deaths(launcher, 1) == [Death(0, "its process could not be started: no room")]
    start(launcher, 1, tmp_path)
    assert await_deaths(launcher, 1) == [Death(0, "killed by SIGKILL")]
    assert list(launcher.deaths()) == []


def test_what_is_abandoned_is_killed_at_once(launch: Launch) -> None:
    launcher = launch(SILENT)
    launcher.abandon()
    ended = os.waitid(os.P_PID, launcher._serving.pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    assert (ended.si_code, ended.si_status) == (os.CLD_KILLED, signal.SIGKILL)


def test_an_agent_that_is_to_end_before_it_was_started_ends_when_it_is(launch: Launch, tmp_path: Path) -> None:
    launcher = launch(BORN_LATE)
    start(launcher, 1, tmp_path)
    launcher.kill(0)
    (tmp_path / "go").touch()
    assert await_deaths(launcher, 1) == [Death(0, "killed by SIGKILL")]
    assert launcher.empty


def test_what_this_process_was_started_with_is_not_kept_open_by_the_fork_server(launch: Launch, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    launch(SILENT)
    os.close(write)
    assert os.read(read, 1) == b"", "it would wait for ever"
    os.close(read)


def counting(*counts: int) -> Callable[[], int]:
    """As they rise; the last one stays."""
    left = list(counts)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_as_many_agents_are_named_killed_for_lack_of_memory_as_the_kernel_has_counted(
    launch: Launch, tmp_path: Path
) -> None:
    launcher = launch(KILLED, counting(5, 5, 6, 7))
    start(launcher, 3, tmp_path)
    hows = [death.how for death in await_deaths(launcher, 3)]
    assert hows == ["killed by SIGKILL" + OUT_OF_MEMORY] * 2 + ["killed by SIGKILL"]


@pytest.mark.parametrize(("after", "more"), [(5, ""), (6, OUT_OF_MEMORY)])
def test_a_server_that_was_killed_is_named_so(launch: Launch, tmp_path: Path, after: int, more: str) -> None:
    launcher = launch(KILLING_ITSELF, counting(5, 5, after))
    start(launcher, 1, tmp_path)
    how = "the process that starts agents was killed by SIGKILL" + more
    assert await_deaths(launcher, 1) == [Death(0, how)]
    assert launcher.ended == how


def test_a_server_that_says_that_no_agent_can_run_here_is_known_by_its_sentence(launch: Launch, tmp_path: Path) -> None:
    launcher = launch(REFUSING)
    start(launcher, 2, tmp_path)
    how = "No agent can run here; try elsewhere"
    assert await_deaths(launcher, 2) == [Death(agent, how, refused=True) for agent in range(2)]
    assert launcher.ended == how


def test_a_server_that_ends_without_a_word_refuses_nothing(launch: Launch, tmp_path: Path) -> None:
    launcher = launch(SPEECHLESS)
    start(launcher, 1, tmp_path)
    assert await_deaths(launcher, 1) == [Death(0, "the process that starts agents has ended: it gave no reason")]
