"""Supervisors of hosts as real processes, two of them on this machine, with a stand-in for their coordinator."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from msgspec import structs

from ovbench.common.clock import monotonic_ns
from ovbench.common.hostmessages import (
    CpuReading,
    Died,
    Disband,
    Disbanded,
    Dismiss,
    EndAgent,
    EndObserving,
    HostFailed,
    Muster,
    NeighbourTime,
    ObserveLoad,
    Present,
    Refuse,
    Surveyed,
)
from ovbench.common.job import Data, InputFiles, Job, NullService
from ovbench.common.join import Join, join_bytes
from ovbench.common.keys import new_keys
from ovbench.common.topology import read_topology
from tests import spawned
from tests.builders import job, seconds
from tests.leftovers import MARK, running
from tests.process.byhand import convoy
from tests.process.driver import AGENT, COORDINATOR, PATIENCE_S
from tests.process.hostbed import LEASE_S, Bed, Host, kill

GONE_WITHIN_S = 4.0
NOISE = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
while True:
    pass
"""
LONG_S = 600.0


def null_job(duration_s: float | None = 0.5, iterations: int | None = None) -> Job:
    return job(duration_s=duration_s, iterations=iterations, warmup_s=0.1, null=NullService(1_000_000))


def counting(agent: int) -> Job:
    """200 inferences of a millisecond each, on the first CPU there is."""
    return null_job(None, 200)


def lasting(agent: int) -> Job:
    return null_job(LONG_S)


Beds = Callable[[Callable[[int], Job]], Bed]


@pytest.fixture
def made() -> Iterator[Beds]:
    beds: list[Bed] = []

    def make(job_of: Callable[[int], Job]) -> Bed:
        beds.append(Bed(job_of))
        return beds[-1]

    yield make
    for one in beds:
        one.close()


def joined(of: Bed, host: Host) -> Present:
    of.until(lambda: bool(host.all(Present)))
    return host.present


def under_load(of: Bed, *names: str) -> list[Host]:
    """Hosts whose two agents each are in the middle of it."""
    hosts = [of.start(name) for name in names]
    for number, host in enumerate(hosts):
        joined(of, host)
        of.muster(host, 2 * number, 2 * number + 1)
    of.until(lambda: all(len(host.agents) == 2 for host in hosts))
    of.until(lambda: all(agent.ready for host in hosts for agent in host.agents.values()))
    of.for_s(0.5)
    return hosts


def assert_gone(within_s: float = GONE_WITHIN_S, turn: Callable[[], None] = lambda: None) -> None:
    """No process that descends from this test is left, at the latest after so long."""
    deadline = time.monotonic() + within_s
    while left := running(os.environ[MARK]):
        assert time.monotonic() < deadline, left
        turn()
        time.sleep(0.01)


def test_agents_of_two_hosts_run_a_load_and_deliver(made: Beds) -> None:
    stage = made(counting)
    hosts = [stage.start(name) for name in ("a", "b")]
    for number, host in enumerate(hosts):
        told = joined(stage, host)
        assert told.hostname
        assert told.topology.allowed == tuple(sorted(read_topology().allowed))
        assert told.libraries["ovbench"]
        stage.muster(host, 2 * number, 2 * number + 1)
    stage.until(lambda: all(host.done for host in hosts))
    assert {agent.hello.agent for host in hosts for agent in host.agents.values()} == {0, 1, 2, 3}
    assert [agent.count for host in hosts for agent in host.agents.values()] == [200] * 4
    stage.release()
    stage.until(lambda: all(len(host.all(Died)) == 2 for host in hosts))
    assert all("exit code 0" in one.how for host in hosts for one in host.all(Died) if isinstance(one, Died))
    for host in hosts:
        stage.send(host, Dismiss())
    stage.until(lambda: all(host.process.poll() is not None for host in hosts))
    assert [host.process.returncode for host in hosts] == [0, 0]
    assert_gone(0.5)


def test_a_supervisor_serves_one_epoch_after_the_other(made: Beds) -> None:
    stage = made(counting)
    host = stage.start("a")
    joined(stage, host)
    for stage.epoch in (1, 2):
        host.agents.clear()
        stage.muster(host, 7)
        stage.until(lambda: host.done)
        stage.send(host, Disband(stage.epoch))
        stage.until(lambda: Disbanded(stage.epoch) in host.told)
        assert host.pids == {}
    died = [one.epoch for one in host.all(Died) if isinstance(one, Died)]
    assert died == [1, 2]


def test_an_agent_that_is_to_end_ends_at_once_and_its_end_is_told(made: Beds) -> None:
    stage = made(lasting)
    (host,) = under_load(stage, "a")
    stage.send(host, EndAgent(1, 1))
    stage.until(lambda: bool(host.all(Died)))
    assert host.all(Died) == [Died(1, 1, "killed by SIGKILL")]
    assert list(host.pids) == [0]


def test_the_load_of_a_host_is_observed(made: Beds) -> None:
    stage = made(lasting)
    host = stage.start("a")
    joined(stage, host)
    cpu = min(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, {cpu})
    ) as noise:
        stage.muster(host, 0, measured=(cpu,))
        stage.for_s(1.5)
        begin_ns = monotonic_ns() + seconds(0.2)
        stage.send(host, ObserveLoad(1, begin_ns, begin_ns, 1.5))
        stage.for_s(2.0)
        stage.send(host, EndObserving(1))
        stage.until(lambda: bool(host.all(Surveyed)))
        noise.kill()
    readings = [one for one in host.all(CpuReading) if isinstance(one, CpuReading)]
    assert len(readings) >= 4
    assert readings[0].host_ns < begin_ns <= readings[1].host_ns
    assert cpu in readings[0].cpus
    neighbours = [one for one in host.all(NeighbourTime) if isinstance(one, NeighbourTime)]
    assert any(one.pid == noise.pid and one.cpu == cpu for one in neighbours)


def test_it_stays_off_the_measured_cpus_where_there_are_others(made: Beds) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("there is one CPU")
    stage = made(lasting)
    host = stage.start("a")
    joined(stage, host)
    stage.send(host, Muster(1, (0,), (cpus[0],), (cpus[1],)))
    stage.until(lambda: bool(host.pids))
    tasks = [int(name) for name in os.listdir(f"/proc/{host.process.pid}/task")]
    assert {frozenset(os.sched_getaffinity(task)) for task in tasks} == {frozenset({cpus[1]})}


# However it ends


def test_a_host_whose_supervisor_is_killed_has_no_process_left(made: Beds) -> None:
    under_load(made(lasting), "a")[0].process.kill()
    assert_gone()


def test_a_host_whose_fork_server_is_killed_loses_its_agents_and_is_asked_in_vain_for_more(made: Beds) -> None:
    stage = made(lasting)
    (host,) = under_load(stage, "a")
    (server,) = psutil.Process(host.process.pid).children()
    kill(server.pid)
    stage.until(lambda: len(host.all(Died)) == 2)
    assert all("was killed by SIGKILL" in one.how for one in host.all(Died) if isinstance(one, Died))
    assert not psutil.Process(host.process.pid).children(recursive=True)
    stage.send(host, Dismiss())
    stage.until(lambda: host.process.poll() is not None)


def test_a_host_whose_coordinator_says_nothing_any_more_has_no_process_left(made: Beds) -> None:
    """As when the network is cut: nobody closes anything."""
    stage = made(lasting)
    (host,) = under_load(stage, "a")
    stage.silent = True
    assert_gone(GONE_WITHIN_S, stage.turn)
    assert host.process.returncode is None or host.process.returncode == 3
    assert host.process.stderr is not None
    assert b"nothing was heard from the coordinator for too long" in host.process.stderr.read()


def test_a_host_whose_coordinator_has_ended_has_no_process_left(made: Beds) -> None:
    stage = made(lasting)
    under_load(stage, "a")
    stage.hub.close()
    assert_gone()


def test_a_host_has_no_process_left_when_whoever_started_it_has_gone(made: Beds) -> None:
    stage = made(lasting)
    (host,) = under_load(stage, "a")
    assert host.process.stdin is not None
    host.process.stdin.close()
    assert_gone()
    assert host.process.wait(PATIENCE_S) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_supervisor_that_is_asked_to_end_takes_its_agents_along(made: Beds, number: signal.Signals) -> None:
    (host,) = under_load(made(lasting), "a")
    host.process.send_signal(number)
    assert_gone(1.5)
    assert host.process.wait(PATIENCE_S) == 130


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_it_leaves_nothing_behind_whenever_it_is_killed(made: Beds, after_s: float) -> None:
    """Also while it starts, connects, has agents forked."""
    stage = made(lasting)
    host = stage.start("a")
    deadline = time.monotonic() + after_s
    mustered = False
    while time.monotonic() < deadline:
        stage.turn()
        if host.all(Present) and not mustered:
            mustered = True
            stage.muster(host, *range(8))
    host.process.kill()
    assert_gone()


def test_a_partition_that_heals_within_the_lease_loses_nothing(made: Beds) -> None:
    """The coordinator hears and says nothing for a while: what agents send meanwhile waits."""
    stage = made(counting)
    host = stage.start("a")
    joined(stage, host)
    stage.muster(host, 0)
    stage.until(lambda: any(agent.ready for agent in host.agents.values()))
    time.sleep(LEASE_S * 0.7)
    stage.until(lambda: host.done)
    assert [agent.count for agent in host.agents.values()] == [200]


# What it refuses


def test_it_opens_no_file_that_its_owner_did_not_name(made: Beds, tmp_path: Path) -> None:
    (tmp_path / "a.npy").touch()
    files = Data((InputFiles("data", (str(tmp_path / "a.npy"),)),))
    stage = made(lambda agent: structs.replace(null_job(), data=files))
    host = stage.start("a")
    joined(stage, host)
    stage.muster(host, 0)
    stage.until(lambda: host.done)
    (agent,) = host.agents.values()
    assert agent.failed is not None
    assert "start its supervisor with --root DIR" in agent.failed.message


def test_it_starts_no_agents_in_a_python_that_its_owner_did_not_name(made: Beds) -> None:
    stage = made(lasting)
    host = stage.start("a")
    joined(stage, host)
    stage.muster(host, 0, python="/tmp/python")
    stage.until(lambda: bool(host.all(HostFailed)))
    (failed,) = host.all(HostFailed)
    assert isinstance(failed, HostFailed)
    assert "start its supervisor with --agent-python /tmp/python" in failed.message


def test_it_starts_agents_in_a_python_that_its_owner_named(made: Beds) -> None:
    python = str(Path(sys.executable).with_name("python3"))
    stage = made(counting)
    host = stage.start("a", "--agent-python", python)
    joined(stage, host)
    stage.muster(host, 0, python=python)
    stage.until(lambda: host.done)
    assert [agent.count for agent in host.agents.values()] == [200]


def test_one_that_is_refused_says_why_in_a_sentence(made: Beds) -> None:
    stage = made(lasting)
    host = stage.start("a")
    joined(stage, host)
    stage.send(host, Refuse("its ovbench speaks another protocol; install the same ovbench on both"))
    stage.until(lambda: host.process.poll() is not None)
    assert host.process.stderr is not None
    said = host.process.stderr.read().decode()
    assert said == "ovbench-agent: its ovbench speaks another protocol; install the same ovbench on both\n"
    assert host.process.returncode == 2


def ended(*options: str, given: bytes = b"") -> tuple[int, str]:
    done = subprocess.run(
        [AGENT, "--host", *options], input=given, capture_output=True, timeout=PATIENCE_S, check=False
    )
    return done.returncode, done.stderr.decode()


def test_a_join_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keys = new_keys()
    file = tmp_path / "b.join"
    file.write_bytes(join_bytes(Join("tcp://127.0.0.1:9", "b", keys.public, keys.public, keys.secret)))
    file.chmod(0o644)
    code, said = ended("--join", str(file))
    assert code == 2
    assert said == f"ovbench-agent: --join {file}: others can read it, and it holds a key; run: chmod 600 {file}\n"


@pytest.mark.parametrize("given", [b"", b"hello\n", b'{"endpoint": "x"}\n'])
def test_what_is_no_join_is_refused(given: bytes) -> None:
    code, said = ended("--join", "-", given=given)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("ovbench-agent: --join -: ")


def test_who_starts_it_at_a_terminal_is_told_that_it_has_joined(made: Beds) -> None:
    stage = made(lasting)
    ours, theirs = os.openpty()
    host = stage.start("a", stdout=theirs)
    os.close(theirs)
    joined(stage, host)
    stage.for_s(0.2)
    assert b"ovbench-agent: host a has joined" in os.read(ours, 1_000)
    os.close(ours)


def test_without_standard_input_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {AGENT} --host --join - <&-"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "ovbench-agent: --join -: standard input cannot be read: Bad file descriptor\n"


def test_one_to_whom_nobody_listens_any_more_ends_all_the_same(made: Beds) -> None:
    """As when ssh is killed: its input ends, and what it says goes nowhere."""
    stage = made(lasting)
    (host,) = under_load(stage, "a")
    assert host.process.stderr is not None
    assert host.process.stdin is not None
    host.process.stderr.close()
    host.process.stdin.close()
    assert_gone(1.5)
    assert host.process.wait(PATIENCE_S) == 3


def test_without_a_coordinator_it_gives_up(tmp_path: Path) -> None:
    keys = new_keys()
    file = tmp_path / "b.join"
    file.touch(0o600)
    file.write_bytes(join_bytes(Join("tcp://127.0.0.1:9", "b", new_keys().public, keys.public, keys.secret)))
    code, said = ended("--join", str(file), "--wait", "0.5")
    assert (code, said) == (3, "ovbench-agent: no coordinator answered within 0.5 s\n")


def test_a_model_that_the_coordinator_sends_is_loaded_where_it_was_kept(tmp_path: Path) -> None:
    """And the second time nothing is sent."""
    model = tmp_path / "tiny.xml"
    spawned.run([COORDINATOR, "export-model", "tiny", str(model)], check=True, capture_output=True)
    options = ("-m", str(model), "-niter", "20", "--agents", "1", "--warmup", "0.1")
    for _ in range(2):
        found = convoy(tmp_path, *options, hosts="a", together=False)
        found.join("a", "--model-cache", str(tmp_path / "cache"))
        ran = found.finish()
        assert ran.code in (0, 4), ran.err
        shutil.rmtree(ran.folder)
    assert [one.name for one in (tmp_path / "cache").glob("sets/*/files/*.xml")] == ["tiny.xml"]
