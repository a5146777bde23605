"""What dies, hangs or never comes: it is named in time, the others' results are kept, and nothing is left running."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests import spawned
from tests.attempts import undisturbed
from tests.process.driver import AGENT, ENDLESS, PATIENCE_S, Start, gone

NULL = ("--backend", "null:1000", "-api", "sync", "--warmup", "0.2")
UNDER_WAY = " left"
AT_ONCE_S = 8.0
"""Before the lease of a local agent ends, which is of 10 s: by the kernel's hand."""


@pytest.mark.parametrize(("blow", "seconds"), [(signal.SIGKILL, "3"), (signal.SIGSTOP, "6"), (signal.SIGSEGV, "3")])
@undisturbed("a test that is held up strikes when the load is over, and the coordinator notes it late")
def test_an_agent_that_dies_or_hangs_is_named_and_the_others_are_kept(
    start: Start, blow: signal.Signals, seconds: str
) -> None:
    coordinator = start(*NULL, "--agents", "3", "-t", seconds)
    coordinator.wait_for(UNDER_WAY)
    agents = coordinator.agents()
    victim = agents[1]
    victim.send_signal(blow)
    struck = time.monotonic()
    coordinator.wait_for("is lost")
    named_after_s = time.monotonic() - struck
    ran = coordinator.finish()
    assert named_after_s < 10  # 3 s of silence by the rules, and what a busy machine adds to it
    assert ran.code == 3
    report = ran.report
    assert report["validity"]["status"] == "PARTIAL"
    states = {agent["pid"]: agent["state"] for agent in report["agents"]}
    assert states == {agent.pid: "lost" if agent.pid == victim.pid else "ok" for agent in agents}
    assert all(agent["throughput"]["count"] > 100 for agent in report["agents"] if agent["state"] == "ok")
    assert report["throughput"]["count"] == sum(a["throughput"]["count"] for a in report["agents"] if a["throughput"])
    (finding,) = [f for f in report["validity"]["findings"] if f["code"] == "agent_lost"]
    assert f"pid {victim.pid}" in finding["message"]
    assert gone(agents)


def test_no_process_outlives_a_coordinator_that_is_killed(start: Start) -> None:
    coordinator = start(*NULL, "--agents", "2", *ENDLESS)
    coordinator.wait_for(UNDER_WAY)
    processes = coordinator.descendants()
    assert len(processes) == 3  # the fork server and two agents
    # The kernel shares CPUs out by session: two agents in one were seen to keep all others off them.
    sessions = {os.getsid(process.pid) for process in processes}
    assert sessions == {process.pid for process in processes}
    # Where memory runs out, an agent is killed and not the process that starts them, or the coordinator.
    *parents, first, second = (
        Path(f"/proc/{p.pid}/oom_score_adj").read_text() for p in (coordinator.process, *processes)
    )
    assert int(first) == int(second) > max(map(int, parents))
    coordinator.process.kill()
    assert gone(processes, AT_ONCE_S)


def test_no_process_outlives_a_fork_server_that_is_killed(start: Start) -> None:
    coordinator = start(*NULL, "--agents", "2", *ENDLESS)
    coordinator.wait_for(UNDER_WAY)
    server, *agents = coordinator.descendants()
    server.kill()
    ran = coordinator.finish()
    assert gone(agents, AT_ONCE_S)
    assert ran.code == 3
    assert "nothing was measured" in ran.out


def test_agents_started_by_hand_run_and_end_with_the_run(start: Start, tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    coordinator = start(*NULL, "--launcher", "external", "--bind", endpoint, "--agents", "2", "-t", "2")
    agents = [psutil.Popen([AGENT, "--connect", endpoint]) for _ in range(2)]
    coordinator.wait_for(UNDER_WAY)
    children = [child for agent in agents for child in agent.children()]
    sessions = {os.getsid(child.pid) for child in children}
    ran = coordinator.finish()
    assert ran.code == 0
    # Each is the child, in a session of its own, of the process that was started, which stands in for it.
    assert {agent["pid"] for agent in ran.report["agents"]} == {child.pid for child in children}
    assert sessions == {child.pid for child in children}
    assert [agent.wait(PATIENCE_S) for agent in agents] == [0, 0]


def test_an_agent_that_never_comes_is_named_and_the_run_goes_on_without_it(start: Start, tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    coordinator = start(
        *NULL, "--launcher", "external", "--bind", endpoint, "--agents", "2", "-niter", "400", "--join-timeout", "3"
    )  # fmt: skip
    agent = spawned.Popen([AGENT, "--connect", endpoint])
    coordinator.wait_for("missing: ")
    coordinator.wait_for("agent 1 is lost: it never came")
    ran = coordinator.finish()
    assert ran.code == 3
    assert [a["state"] for a in ran.report["agents"]] == ["ok", "lost"]
    assert agent.wait(PATIENCE_S) == 0


def test_agents_started_by_hand_end_when_their_coordinator_is_killed(start: Start, tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    coordinator = start(*NULL, "--launcher", "external", "--bind", endpoint, "--agents", "2", *ENDLESS)
    agents = [psutil.Popen([AGENT, "--connect", endpoint], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    coordinator.wait_for(UNDER_WAY)
    coordinator.process.kill()
    # By the connection that closed, not by the lease.
    assert all("the coordinator has gone" in agent.communicate(timeout=PATIENCE_S)[1] for agent in agents)
    assert [agent.returncode for agent in agents] == [3, 3]


def test_agents_started_by_hand_end_when_their_coordinator_hangs(start: Start, tmp_path: Path) -> None:
    """A stopped coordinator keeps its connections: only the lease can tell."""
    endpoint = f"ipc://{tmp_path}/bus"
    coordinator = start(*NULL, "--launcher", "external", "--bind", endpoint, "--agents", "1", *ENDLESS)
    agent = psutil.Popen([AGENT, "--connect", endpoint], stderr=subprocess.PIPE, text=True)
    coordinator.wait_for(UNDER_WAY)
    coordinator.process.send_signal(signal.SIGSTOP)
    _, errors = agent.communicate(timeout=PATIENCE_S)
    assert "nothing was heard from the coordinator" in errors
    coordinator.process.kill()


def test_an_agent_without_a_coordinator_gives_up(tmp_path: Path) -> None:
    done = spawned.run(
        [AGENT, "--connect", f"ipc://{tmp_path}/nobody", "--wait", "0.3"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 3
    assert done.stderr == "ovbench-agent: no coordinator answered within 0.3 s\n"


def test_an_agent_that_is_not_wanted_is_refused_with_the_reason(start: Start, tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    coordinator = start(*NULL, "--launcher", "external", "--bind", endpoint, "--agents", "1", *ENDLESS)
    wanted = spawned.Popen([AGENT, "--connect", endpoint])
    coordinator.wait_for(UNDER_WAY)
    surplus = spawned.run([AGENT, "--connect", endpoint], capture_output=True, text=True, timeout=PATIENCE_S)
    assert surplus.returncode == 2
    assert "no place is free" in surplus.stderr
    coordinator.process.terminate()
    assert coordinator.finish().code == 130
    assert wanted.wait(PATIENCE_S) == 0


MDWE: Final = (65, 1, 0, 0, 0)
"""PR_SET_MDWE and PR_MDWE_REFUSE_EXEC_GAIN: no memory may become executable (prctl(2), since Linux 6.3)."""


def protects_memory() -> bool:
    return os.waitstatus_to_exitcode(os.system(f"{sys.executable} -c '{_PROTECT}'")) == 0


_PROTECT: Final = f"import ctypes, sys; sys.exit(-ctypes.CDLL(None).prctl{MDWE})"


@pytest.mark.skipif(not protects_memory(), reason="this kernel does not forbid memory to become executable")
def test_where_no_memory_may_be_executable_a_run_and_a_study_are_refused_before_anything_is_measured(
    start: Start,
) -> None:
    for words in (NULL, ("study", "batch", *NULL, "-b", "1,2")):
        coordinator = start(*words, preexec_fn=lambda: ctypes.CDLL(None).prctl(*MDWE))
        ran = coordinator.finish()
        assert ran.code == 2
        assert ran.err.startswith("ovbench-coord: No memory can be made executable here")
        assert len(ran.err.splitlines()) == 1


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder with a name that is short enough for a socket in it, unlike pytest's, and not just letters."""
    with tempfile.TemporaryDirectory(prefix="ovb один ", dir="/tmp") as folder:
        yield Path(folder)


def test_nothing_is_left_in_the_temporary_folder(start: Start, place: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(place)}
    coordinator = start(*NULL, "--agents", "1", *ENDLESS, env=environment)
    coordinator.wait_for("Step 10/11")
    assert [folder.name[:12] for folder in place.iterdir()] == ["ovbench-run-"]
    assert coordinator.interrupt().code == 130
    assert list(place.iterdir()) == []


def test_what_a_killed_coordinator_left_behind_is_removed_by_the_next(start: Start, place: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(place)}
    killed = start(*NULL, "--agents", "1", *ENDLESS, env=environment)
    killed.wait_for("Step 10/11")
    other = start(*NULL, "--agents", "1", *ENDLESS, env=environment)
    other.wait_for("Step 10/11")
    assert len(list(place.iterdir())) == 2  # one that runs is left alone
    for coordinator in (killed, other):
        coordinator.process.kill()
        coordinator.process.wait()
    assert start(*NULL, "--agents", "1", "-niter", "100", env=environment).finish().code == 0
    assert list(place.iterdir()) == []
