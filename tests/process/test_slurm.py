"""Supervisors on the nodes of a real Slurm, with a stand-in for the supervisor."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.island import files_with, until
from tests.process.driver import COORDINATOR
from tests.slurmcluster import NODES, SlurmCluster, cpusets, missing
from tests.standins import Launching, placed, seat, supervisor, told

MISSING: Final = missing()
pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(MISSING), reason=MISSING or "there is a Slurm")]

LIMIT_S: Final = 4.0
PATIENCE_S: Final = 30.0
LAUNCHING: Final = (sys.executable, "-m", "tests.standins", "slurm")
TWO_NODES: Final = "-N 2 --exclusive"

Launch = Callable[..., Launching]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    with SlurmCluster(tmp_path_factory.mktemp("slurm")) as some:
        yield some


@pytest.fixture
def launch(cluster: SlurmCluster, tmp_path: Path) -> Iterator[Launch]:
    """Starts a coordinator that only launches; `within`: a command of Slurm's that it is to run under."""
    started: list[Launching] = []

    def begin(options: str = "", python: str | None = None, within: str = "") -> Launching:
        words = (*shlex.split(within), *LAUNCHING, options, python or supervisor(tmp_path))
        started.append(Launching(cluster.start(*words)))
        return started[-1]

    yield begin
    for launching in started:
        launching.process.kill()
        launching.process.communicate()
    cluster.run("scancel", "--user=root")
    cluster.await_idle()


def up(launching: Launching, folder: Path) -> None:
    launching.expect("up")
    until(lambda: len(told(folder)) == len(NODES))


def nothing_left(cluster: SlurmCluster, folder: Path) -> bool:
    """Neither of supervisors and agents, nor of what started them, nor a job."""
    supervisors = [pid for words in (f"{folder}/supervisor -m", "sleep 600") for pid in cluster.pids(words)]
    return not (supervisors or cluster.pids("srun") or cluster.pids("salloc") or cluster.jobs())


def test_each_node_gets_its_own_secret_on_standard_input_alone_and_all_cpus(
    cluster: SlurmCluster, launch: Launch, tmp_path: Path
) -> None:
    launching = launch(TWO_NODES)
    assert launching.expect("hosts") == "a b"
    up(launching, tmp_path)
    for node, words in told(tmp_path).items():
        assert words["join"].encode() == seat(node).join
        assert words["argv"] == ["-m", "ovbench.agent.cli", "--host", "--join", "-"]
        assert "the secret" not in repr(words["environment"])
        assert words["environment"]["SLURMD_NODENAME"] == node
        assert words["cpus"] == sorted(os.sched_getaffinity(0))
    assert cluster.pids("the secret") == []
    assert files_with(b"the secret", cluster.folder) == []  # neither logs nor what is spooled
    assert launching.close() < LIMIT_S
    until(lambda: nothing_left(cluster, tmp_path), LIMIT_S)


def by_closing(cluster: SlurmCluster, launching: Launching, folder: Path) -> None:
    launching.say("close")


def by_killing_the_coordinator(cluster: SlurmCluster, launching: Launching, folder: Path) -> None:
    (pid,) = cluster.pids("tests.standins")
    os.kill(pid, signal.SIGKILL)


def by_cancelling_the_job(cluster: SlurmCluster, launching: Launching, folder: Path) -> None:
    cluster.run("scancel", cluster.jobs().split()[0])
    for _ in NODES:
        launching.expect("end")
    launching.say("close")


def by_killing_salloc(cluster: SlurmCluster, launching: Launching, folder: Path) -> None:
    for pid in cluster.pids("salloc"):
        os.kill(pid, signal.SIGKILL)
    launching.say("close")


def by_killing_srun_and_coordinator(cluster: SlurmCluster, launching: Launching, folder: Path) -> None:
    for pid in (*cluster.pids("srun"), *cluster.pids("tests.standins")):
        os.kill(pid, signal.SIGKILL)


def by_killing_slurmstepd(cluster: SlurmCluster, launching: Launching, folder: Path) -> None:
    for pid in cluster.pids("slurmstepd: ["):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not cluster.pids("sleep 600"), LIMIT_S)  # before the launcher does anything
    launching.say("close")


ENDINGS: Final = (
    by_closing,
    by_killing_the_coordinator,
    by_cancelling_the_job,
    by_killing_salloc,
    by_killing_srun_and_coordinator,
    by_killing_slurmstepd,
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_however_it_ends(
    cluster: SlurmCluster, launch: Launch, tmp_path: Path, ending: Callable[[SlurmCluster, Launching, Path], None]
) -> None:
    launching = launch(TWO_NODES)
    up(launching, tmp_path)
    ending(cluster, launching, tmp_path)
    until(lambda: nothing_left(cluster, tmp_path), LIMIT_S)


@pytest.mark.parametrize(
    ("python", "how"),
    [
        ("/no/such/python", "there is no such Python: /no/such/python; name a Python there"),
        (
            "/usr/bin/python3",
            "/usr/bin/python3 has no ovbench; name one that has it with --remote-python, or put it in",
        ),
        ("/bin/false", "its supervisor ended with exit code 1"),
    ],
)
def test_a_node_where_no_supervisor_can_run_says_why(launch: Launch, python: str, how: str) -> None:
    launching = launch(TWO_NODES, python)
    ends = sorted(launching.expect("end") for _ in NODES)
    assert [end.split()[0] for end in ends] == ["a", "b"]
    assert [end for end in ends if how not in end] == []
    assert launching.close() < LIMIT_S


def test_a_supervisor_that_is_killed_is_named_and_the_other_one_stays(launch: Launch, tmp_path: Path) -> None:
    python = supervisor(tmp_path, "if host == 'b': os.kill(os.getpid(), 9)")
    launching = launch(TWO_NODES, python)
    assert launching.expect("end") == "b its supervisor was ended there by a signal (Killed)"
    launching.say("end a")
    assert launching.expect("end") == "a it was ended from here"


def test_a_job_that_is_cancelled_says_so(cluster: SlurmCluster, launch: Launch, tmp_path: Path) -> None:
    launching = launch(TWO_NODES)
    up(launching, tmp_path)
    cluster.run("scancel", cluster.jobs().split()[0])
    assert [launching.expect("end")[2:] for _ in NODES] == [
        "its Slurm job, or the step in it, was cancelled (scancel)"
    ] * 2


def test_a_node_that_goes_down_is_named_and_the_job_goes_on(
    cluster: SlurmCluster, launch: Launch, tmp_path: Path
) -> None:
    launching = launch(TWO_NODES)
    up(launching, tmp_path)
    cluster.run("scontrol", "update", "nodename=b", "state=down", "reason=test")
    try:
        assert launching.expect("end") == "b Slurm says that it is down; see: scontrol show node b"
        assert cluster.jobs().split()[1] == "RUNNING"
        assert cluster.pids("sleep 600") != []
    finally:
        cluster.run("scontrol", "update", "nodename=b", "state=idle")


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ("", "this runs in no job of Slurm; run it under salloc or sbatch, or give --slurm-options"),
        ("-p nowhere", "Slurm refused the allocation: Invalid partition name specified; see: sinfo"),
        ("-N x", 'salloc gave no allocation: "x" is not a valid node count'),
        ("--bogus", "salloc knows no option --bogus; see: man salloc"),
    ],
)
def test_an_allocation_that_cannot_be_is_refused_in_a_sentence(launch: Launch, options: str, refusal: str) -> None:
    assert refusal in launch(options).expect("refused")


def test_an_allocation_that_is_waited_for_is_given_up_by_an_interrupt(
    cluster: SlurmCluster, launch: Launch, tmp_path: Path
) -> None:
    launching = launch("-N 5")
    while "queued and waiting" not in launching.expect("said"):
        pass
    (pid,) = cluster.pids("tests.standins")
    os.kill(pid, signal.SIGINT)
    launching.expect("interrupted")
    until(lambda: nothing_left(cluster, tmp_path), LIMIT_S)


def test_in_a_job_it_takes_its_nodes_and_leaves_the_job_to_its_owner(
    cluster: SlurmCluster, launch: Launch, tmp_path: Path
) -> None:
    launching = launch(within="salloc -N 2 --exclusive")
    assert launching.expect("hosts") == "a b"
    up(launching, tmp_path)
    assert launching.close() < LIMIT_S
    assert launching.process.wait(PATIENCE_S) == 0


def test_in_a_job_options_for_another_are_refused(launch: Launch) -> None:
    assert "this runs in Slurm's job" in launch("-N 1", within="salloc -N 2 --exclusive").expect("refused")


@pytest.mark.skipif(
    not cpusets(), reason="Slurm cannot confine jobs here, for want of a cpuset controller of version 1"
)
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one CPU cannot be a part of two")
@pytest.mark.parametrize(("options", "cpus"), [("-n 4 -c 1 --ntasks-per-node=2", 2), ("-c 1 --ntasks-per-node=1", 1)])
def test_a_supervisor_has_the_cpus_that_the_job_has_on_its_node_no_fewer_and_no_more(
    launch: Launch, tmp_path: Path, options: str, cpus: int
) -> None:
    """Also where the job's options for its tasks would have a step take fewer."""
    launching = launch(within=f"salloc -N 2 {options}")
    up(launching, tmp_path)
    assert [len(words["cpus"]) for words in told(tmp_path).values()] == [cpus, cpus]
    assert launching.close() < LIMIT_S


def test_a_run_has_the_agents_of_both_nodes_where_the_plan_has_them(cluster: SlurmCluster, tmp_path: Path) -> None:
    """With real supervisors: coordinator, Slurm, agents and back."""
    report = tmp_path / "report"
    words = (
        *(COORDINATOR, "--launcher", "slurm", "--slurm-options", TWO_NODES, "--bind", "tcp://127.0.0.1:0"),
        *("--backend", "null:2000", "-api", "sync", "--agents", "2", "-t", "1", "--warmup", "0.2"),
        *("--report-folder", str(report)),
    )
    ran = subprocess.run(cluster.inside(*words), env=cluster.environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "Granted job allocation" in ran.stderr
    assert {host: len(masks) for host, masks in placed(report).items()} == dict.fromkeys(NODES, 2)
    until(lambda: nothing_left(cluster, tmp_path), LIMIT_S)


def test_cpus_that_the_job_does_not_have_are_refused_by_the_name_of_the_node(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    words = (COORDINATOR, "--launcher", "slurm", "--slurm-options", TWO_NODES, "--bind", "tcp://127.0.0.1:0")
    ran = subprocess.run(
        cluster.inside(*words, "--cpus", "4000"), env=cluster.environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.returncode == 2
    assert "host a: --cpus 4000" in ran.stderr
    until(lambda: nothing_left(cluster, tmp_path), LIMIT_S)
