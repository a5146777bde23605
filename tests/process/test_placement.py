"""Where agents and their memory really are, and faults planted in that: a mask narrowed, a cpuset, a quota."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.attempts import undisturbed
from tests.process.driver import AGENT, ENDLESS, PATIENCE_S, Coordinator, Run, Start, cpus

BUSY = ("--backend", "null:50", "-api", "sync", "--warmup", "0.2")
"""A device of 50 us spins all of its service time, so an agent keeps a CPU busy as an inference does."""

CGROUPS = Path("/sys/fs/cgroup")
CPUS = sorted(os.sched_getaffinity(0))
several_cpus = pytest.mark.skipif(cpus() < 2, reason="an agent of two CPUs needs them")


def findings(report: dict[str, Any]) -> set[tuple[str, str]]:
    """Codes and severities; the runs here are short."""
    return {(one["code"], one["severity"]) for one in report["validity"]["findings"]} - {("too_short", "warning")}


def measuring(start: Start, *argv: str) -> tuple[Coordinator, int]:
    """A run of one agent on two CPUs, half a second into its load; and the agent's process."""
    coordinator = start("--agents", "1", "--cpus", f"{CPUS[0]},{CPUS[1]}", "--warmup", "0.2", "-t", "2", *argv)
    coordinator.wait_for("[Step 10/11]")
    time.sleep(0.7)
    (agent,) = coordinator.agents()
    return coordinator, agent.pid


@several_cpus
@pytest.mark.parametrize(
    "load",
    [
        ("--backend", "null:1000", "-nstreams", "2", "-nireq", "2"),
        ("-m", "builtin:squeezenet1.1", "-pin", "YES"),
    ],
    ids=["null", "pinned"],
)
@undisturbed("a test that is held up may touch the agent when the load is over")
def test_a_mask_that_is_narrowed_during_the_run_is_found(start: Start, load: tuple[str, ...]) -> None:
    coordinator, pid = measuring(start, *load)
    for thread in os.listdir(f"/proc/{pid}/task"):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), {CPUS[1]})
    ran = coordinator.finish()
    assert ran.code == 4, ran.out + ran.err
    assert {("mask_changed", "error"), ("mask_changed", "warning")} <= findings(ran.report)
    changes = ran.report["agents"][0]["placement"]["changes"]
    told = {(tuple(change["before"]), tuple(change["after"])) for change in changes}
    assert told == {(tuple(CPUS[:2]), (CPUS[1],))}
    assert {change["control"] for change in changes} == {True, False}


@several_cpus
@undisturbed("a test that is held up may touch the agent when the load is over")
def test_a_process_that_is_moved_by_its_number_moves_only_its_control_thread(start: Start) -> None:
    coordinator, pid = measuring(start, *BUSY)
    os.sched_setaffinity(pid, {CPUS[0]})
    ran = coordinator.finish()
    assert ran.code == 0
    assert ("mask_changed", "warning") in findings(ran.report)
    assert ("mask_changed", "error") not in findings(ran.report)
    (change,) = ran.report["agents"][0]["placement"]["changes"]
    assert change == {"thread": pid, "control": True, "before": CPUS[:2], "after": [CPUS[0]]}


@several_cpus
@pytest.mark.parametrize("load", [("-api", "sync"), ("-api", "async", "-nstreams", "2", "-pin", "YES")], ids=" ".join)
def test_what_openvino_pins_itself_is_no_change(run: Run, load: tuple[str, ...]) -> None:
    report = run("--agents", "1", *load, "--warmup", "0.2", "-t", "0.6").report
    (agent,) = report["agents"]
    assert agent["placement"]["changes"] == []
    assert agent["placement"]["mask"] == agent["cpus"] == CPUS
    assert set(agent["placement"]["seen"]) <= set(CPUS)
    assert not {code for code, _ in findings(report)} & {"mask_changed", "wrong_cpus", "cpu_collision"}


def resident_mb(pid: int) -> float:
    """Of all nodes, from numa_maps, whose pages are of 4 KiB where nothing else is said."""
    pages = 0.0
    for line in Path(f"/proc/{pid}/numa_maps").read_text().splitlines():
        words = [word.split("=") for word in line.split() if "=" in word]
        size = next((int(value) for name, value in words if name == "kernelpagesize_kB"), 4)
        pages += sum(int(value) * size for name, value in words if name[0] == "N" and name[1:].isdigit())
    return pages / 1024


@pytest.mark.skipif(not Path("/proc/self/numa_maps").exists(), reason="a kernel without NUMA")
@pytest.mark.parametrize(("asked", "policy"), [("local", "local"), ("0", "bind:0")])
def test_memory_is_where_numa_maps_has_it_under_the_policy_asked_for(start: Start, asked: str, policy: str) -> None:
    coordinator = start("--agents", "1", "--warmup", "0.2", *ENDLESS, "--memory", asked)
    coordinator.wait_for(" left")
    (agent,) = coordinator.agents()
    tasks = Path(f"/proc/{agent.pid}/task")
    shown = {task: (tasks / task / "numa_maps").read_text().split()[1] for task in os.listdir(tasks)}
    expected_mb, private_mb = resident_mb(agent.pid), agent.memory_full_info().uss / 2**20
    report = coordinator.interrupt().report
    placement = report["agents"][0]["placement"]
    assert (placement["memory_policy"], report["requested"]["memory"]) == (policy, asked)
    nodes = placement["memory_mb_by_node"].values()
    assert sum(node["total"] for node in nodes) == pytest.approx(expected_mb, rel=0.05)
    assert 0 < sum(node["own"] for node in nodes) <= private_mb * 1.05 + 10  # with the weights, which agents share
    assert placement["remote_memory_percent"] is not None
    # A mapping without a policy of its own is shown with that of the thread whose maps are read.
    assert (shown.pop(str(agent.pid)), policy in shown.values()) == ("default", True)


@contextmanager
def control_group(controller: str, **values: str) -> Iterator[Path]:
    """A group of cgroup v1 with these files written; without the rights for it the test is skipped."""
    group = CGROUPS / controller / f"ovbench-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        try:
            for name, value in values.items():
                (group / f"{controller}.{name}").write_text(value)
        except OSError as error:
            pytest.skip(f"a control group cannot be set up: {error}")
        yield group
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Its processes, which end now, go to the group above."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        for pid in (group / "cgroup.procs").read_text().split():
            with suppress(OSError):
                (group.parent / "cgroup.procs").write_text(pid)
        try:
            group.rmdir()
            return
        except OSError:
            assert time.monotonic() < deadline, f"{group} is still in use"
            time.sleep(0.02)


def joining(group: Path) -> dict[str, Any]:
    """What starts a process in a group."""
    return {"preexec_fn": lambda: (group / "cgroup.procs").write_text(str(os.getpid()))}


def cpu_stat(group: Path) -> dict[str, int]:
    """What the kernel counted of a group: periods, and nanoseconds of waiting."""
    return {name: int(value) for name, value in map(str.split, (group / "cpu.stat").read_text().splitlines())}


def await_throttled(group: Path, periods: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while cpu_stat(group)["nr_throttled"] < periods:
        assert time.monotonic() < deadline
        time.sleep(0.02)


ACCOUNT = """
import os, sys, time
from pathlib import Path
from ovbench.agent.host.usage import Account
Path(sys.argv[1]).write_text(str(os.getpid()))
account = Account(frozenset())
account.begin()
stat, end = Path(sys.argv[2]), time.monotonic() + 120
while int(stat.read_text().split()[3]) < 3 and time.monotonic() < end:
    pass
account.end()
first, last = account.readings
print(first.throttled_periods, first.throttled_s, last.throttled_periods, last.throttled_s)
"""


def test_how_often_and_how_long_a_quota_was_used_up_is_what_the_group_says() -> None:
    with control_group("cpu", cfs_period_us="100000", cfs_quota_us="20000") as group:
        command = [sys.executable, "-c", ACCOUNT, str(group / "cgroup.procs"), str(group / "cpu.stat")]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        stat = cpu_stat(group)
    before_periods, before_s, periods, throttled_s = map(float, ran.stdout.split())
    assert (before_periods, before_s) == (0, 0)
    assert 3 <= periods <= stat["nr_throttled"]
    assert 0 < throttled_s <= stat["throttled_time"] / 1e9


@undisturbed("others leave the load too little CPU to use its quota up before it ends")
def test_a_quota_that_is_used_up_makes_a_run_invalid(start: Start) -> None:
    load = ("-m", "builtin:mlp", "-api", "sync", "--agents", "1", "-t", "1.5", "--warmup", "0")
    with control_group("cpu", cfs_period_us="100000", cfs_quota_us="-1") as group:
        coordinator = start(*load, **joining(group))
        coordinator.wait_for("[Step 10/11]")
        # So little that it is used up also where others leave the load but a fraction of a CPU.
        (group / "cpu.cfs_quota_us").write_text("5000")
        await_throttled(group, 8)
        (group / "cpu.cfs_quota_us").write_text("-1")
        ran = coordinator.finish()
        stat = cpu_stat(group)
    assert ran.code == 4
    (finding,) = [
        f for f in ran.report["validity"]["findings"] if f["code"] == "cpu_quota" and f["severity"] == "error"
    ]
    cpu = ran.report["agents"][0]["cpu"]
    # The group's own count is of the whole run; the window's is a part of it.
    assert 1 <= cpu["throttled_periods"] <= stat["nr_throttled"]
    assert f"in {cpu['throttled_periods']} period" in finding["message"]
    assert 0 < cpu["throttled_s"] <= stat["throttled_time"] / 1e9


@several_cpus
def test_cpus_that_a_cpuset_takes_away_are_an_error_before_anything_is_measured(start: Start, tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    with control_group("cpuset", cpus=str(CPUS[0]), mems="0") as group:
        both = ("--agents", "1", "--cpus", f"{CPUS[0]},{CPUS[1]}")
        coordinator = start(*BUSY, *both, "-t", "1", "--launcher", "external", "--bind", endpoint)
        agent = subprocess.Popen([AGENT, "--connect", endpoint], **joining(group))
        ran = coordinator.finish()
        agent.wait(PATIENCE_S)
    assert ran.code == 2
    assert f"CPUs {CPUS[0]}-{CPUS[1]} were asked for" in ran.err
    assert f"only {CPUS[0]} of them" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not ran.folder.exists()
