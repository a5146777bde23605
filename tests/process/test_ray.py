"""Supervisors on the nodes of a real Ray cluster, with a stand-in for the supervisor."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.island import ADDRESSES, files_with, until
from tests.raycluster import PYTHON, RayCluster, missing
from tests.standins import Launching, placed, seat, supervisor, told

MISSING: Final = missing()
pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(MISSING), reason=MISSING or "there is a Ray")]

LIMIT_S: Final = 4.0

Launch = Callable[..., Launching]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster() as some:
        yield some


@pytest.fixture
def launch(cluster: RayCluster, tmp_path: Path) -> Iterator[Launch]:
    """Starts a coordinator that only launches."""
    started: list[Launching] = []

    def begin(address: str = "auto", python: str | None = None) -> Launching:
        words = (PYTHON, "-m", "tests.standins", "ray", address, python or supervisor(tmp_path))
        started.append(Launching(cluster.start(*words)))
        return started[-1]

    yield begin
    for launching in started:
        launching.process.kill()
        launching.process.communicate()
    until(lambda: nothing_left(cluster))


def up(launching: Launching, folder: Path) -> None:
    launching.expect("up")
    until(lambda: len(told(folder)) == len(ADDRESSES))


def nothing_left(cluster: RayCluster) -> bool:
    """Neither of supervisors and agents, nor of what held them."""
    return not any(map(cluster.pids, ("supervisor -m", "sleep 600", "raydriver", "ray::Guard")))


def test_each_node_gets_its_own_secret_as_an_argument_of_an_actor_and_all_cpus(
    cluster: RayCluster, launch: Launch, tmp_path: Path
) -> None:
    launching = launch()
    assert launching.expect("hosts").split() == list(ADDRESSES)  # as all are one host, names would not do
    up(launching, tmp_path)
    for node, words in told(tmp_path).items():
        assert words["join"].encode() == seat(node).join
        assert words["argv"] == ["-m", "ovbench.agent.cli", "--host", "--join", "-"]
        assert "the secret" not in repr(words["environment"])
        assert words["cpus"] == sorted(os.sched_getaffinity(0))
    assert cluster.pids("the secret") == []
    assert files_with(b"the secret", cluster.folder) == []  # neither logs nor what is spooled
    assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in cluster.pids("supervisor -m")] == [0, 0]
    assert launching.close() < LIMIT_S
    until(lambda: nothing_left(cluster), LIMIT_S)


def by_killing_the_coordinator(cluster: RayCluster, launching: Launching) -> None:
    (pid,) = cluster.pids("tests.standins")
    os.kill(pid, signal.SIGKILL)


def by_killing_what_talks_to_ray(cluster: RayCluster, launching: Launching) -> None:
    (pid,) = cluster.pids("raydriver")
    os.kill(pid, signal.SIGKILL)
    ends = [launching.expect("end").split(" ", 1)[1] for _ in ADDRESSES]
    assert ends == ["the process that talks to Ray has ended (by SIGKILL)"] * 2


def by_killing_the_actors(cluster: RayCluster, launching: Launching) -> None:
    for pid in cluster.pids("ray::Guard"):
        os.kill(pid, signal.SIGKILL)
    ends = [launching.expect("end").split(" ", 1)[1] for _ in ADDRESSES]
    assert ends == ["its Ray actor was killed there"] * 2
    until(lambda: not cluster.pids("supervisor -m"), LIMIT_S)  # before the launcher does anything
    launching.say("close")


def by_killing_the_supervisors(cluster: RayCluster, launching: Launching) -> None:
    for pid in cluster.pids("supervisor -m"):
        os.kill(pid, signal.SIGKILL)
    ends = [launching.expect("end").split(" ", 1)[1] for _ in ADDRESSES]
    assert ends == ["its supervisor was killed there by SIGKILL"] * 2
    launching.say("close")


ENDINGS: Final = (
    by_killing_the_coordinator,
    by_killing_what_talks_to_ray,
    by_killing_the_actors,
    by_killing_the_supervisors,
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_however_it_ends(
    cluster: RayCluster, launch: Launch, tmp_path: Path, ending: Callable[[RayCluster, Launching], None]
) -> None:
    launching = launch()
    up(launching, tmp_path)
    ending(cluster, launching)
    until(lambda: nothing_left(cluster), LIMIT_S)


def test_a_host_that_is_ended_from_here_says_so_and_the_other_one_stays(
    cluster: RayCluster, launch: Launch, tmp_path: Path
) -> None:
    launching = launch()
    up(launching, tmp_path)
    launching.say(f"end {ADDRESSES[0]}")
    assert launching.expect("end") == f"{ADDRESSES[0]} it was ended from here"
    until(lambda: len(cluster.pids("supervisor -m")) == 1, LIMIT_S)


def test_a_node_where_no_supervisor_can_run_says_why(launch: Launch) -> None:
    launching = launch(python="/no/such/python")
    for end in sorted(launching.expect("end") for _ in ADDRESSES):
        assert "there is no such Python: /no/such/python; name a Python there" in end


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_a_cluster_that_is_not_there_is_refused_in_a_sentence(launch: Launch, address: str) -> None:
    refusal = launch(address).expect("refused")
    assert refusal.startswith(f"--ray-address {address}: ")
    assert "; " in refusal


def test_cpus_that_others_use_are_waited_for(cluster: RayCluster, launch: Launch, tmp_path: Path) -> None:
    first = launch()
    up(first, tmp_path)
    second = launch()
    assert second.expect("said") == "waiting for all CPUs of 2 Ray nodes, some of which are in use"
    first.close()
    assert second.expect("hosts").split() == list(ADDRESSES)
    second.close()


def test_a_run_has_the_agents_of_both_nodes_where_the_plan_has_them(cluster: RayCluster, tmp_path: Path) -> None:
    """With real supervisors: coordinator, Ray, agents and back."""
    report = tmp_path / "report"
    words = (
        *(PYTHON, "-m", "ovbench.coordinator.entry", "--launcher", "ray", "--bind", "tcp://127.0.0.1:0"),
        *("--backend", "null:2000", "-api", "sync", "--agents", "2", "-t", "1", "--warmup", "0.2"),
        *("--report-folder", str(report)),
    )
    ran = subprocess.run(cluster.inside(*words), env=cluster.environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert {host: len(masks) for host, masks in placed(report).items()} == dict.fromkeys(ADDRESSES, 2)
    until(lambda: nothing_left(cluster), LIMIT_S)


def test_a_node_that_is_killed_takes_its_supervisor_along(launch: Launch, tmp_path: Path) -> None:
    """In a cluster of its own, which it leaves with one node."""
    with RayCluster() as cluster:
        words = (PYTHON, "-m", "tests.standins", "ray", "auto", supervisor(tmp_path))
        launching = Launching(cluster.start(*words))
        up(launching, tmp_path)
        cluster.kill_node(ADDRESSES[1])
        until(lambda: len(cluster.pids("supervisor -m")) == 1, LIMIT_S)
        assert launching.expect("end").split()[0] == ADDRESSES[1]
        assert launching.close() < LIMIT_S
        launching.process.communicate()
