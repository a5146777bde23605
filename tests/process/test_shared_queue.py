"""A schedule of arrivals in memory that the coordinator and its agents share: who dies, what is left, what works."""

import re
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from ovbench.common.histogram import Int64s
from tests.process.driver import AGENT, ENDLESS, PATIENCE_S, Coordinator, Ran, Run, Start, gone

NULL = ("--backend", "null:1000", "-api", "sync", "--warmup", "0.2")
UNDER_WAY = " left"
MAPPED = "memfd:ovbench-schedule"
AGENTS_DUES = re.compile(r"agent_\d+(_outside)?_due_ns")


def holders() -> set[int]:
    """Processes that map a schedule."""
    return {process.pid for process in psutil.process_iter() if MAPPED in maps(process)}


def maps(process: psutil.Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/maps").read_text()
    except OSError:
        return ""


def processes(coordinator: Coordinator) -> list[psutil.Process]:
    return [psutil.Process(coordinator.process.pid), *coordinator.descendants()]


def assert_nothing_left(of: list[psutil.Process]) -> None:
    assert gone(of)
    assert not {process.pid for process in of} & holders()
    assert not [file for file in Path("/dev/shm").iterdir() if "ovbench" in file.name]


def dues(ran: Ran) -> Int64s:
    """Of all that was served, sorted, ns since the window's start."""
    with np.load(ran.folder / "samples.npz") as samples:
        every = np.concatenate([samples[name] for name in samples.files if AGENTS_DUES.fullmatch(name)])
        since: Int64s = np.sort(every) - samples["window_ns"][0]
        return since


def test_agents_map_the_schedule_and_nothing_of_it_is_left(start: Start) -> None:
    coordinator = start(*NULL, "--rate", "200", "--agents", "2", "-t", "2")
    coordinator.wait_for(UNDER_WAY)
    agents, every = coordinator.agents(), processes(coordinator)
    assert {agent.pid for agent in agents} <= holders()
    ran = coordinator.finish()
    assert ran.code == 0
    assert_nothing_left(every)


def test_an_agent_that_is_killed_takes_no_more_with_it_than_it_held(start: Start) -> None:
    """Services are so long that each agent has one under way or, between them, has taken the next arrival."""
    coordinator = start(
        "--backend", "null:50000", "-api", "sync", "--warmup", "0.2", "--agents", "3", "--rate", "30", "-t", "4",
        "--arrivals", "constant", "--save-samples",
    )  # fmt: skip
    coordinator.wait_for(UNDER_WAY)
    every = processes(coordinator)
    victim = coordinator.agents()[1]
    victim.send_signal(signal.SIGKILL)
    killed_ns = time.monotonic_ns()
    ran = coordinator.finish()
    assert ran.code == 3
    assert ran.report["validity"]["status"] == "PARTIAL"
    states = {agent["pid"]: agent["state"] for agent in ran.report["agents"]}
    assert [state for pid, state in states.items() if pid == victim.pid] == ["lost"]
    with np.load(ran.folder / "samples.npz") as samples:
        begin_ns = samples["window_ns"][0]
        unfinished = samples["unfinished_due_ns"] - begin_ns
    arrivals = ran.report["arrivals"]
    assert arrivals["unfinished"] == arrivals["offered"] - arrivals["delivered"] > 0
    # What it had done is lost with it; of the rest, served at 75 % of what the others can, one arrival at most.
    together = np.sort(np.concatenate([dues(ran), unfinished]))
    assert np.allclose(np.diff(together), 1e9 / 30, atol=2)
    assert unfinished.max() < killed_ns - begin_ns + 1e9 / 10  # what it held may have been due next
    assert_nothing_left(every)


def test_nothing_is_left_of_a_coordinator_that_is_killed(start: Start) -> None:
    coordinator = start(*NULL, "--rate", "200", "--agents", "2", *ENDLESS)
    coordinator.wait_for(UNDER_WAY)
    every = processes(coordinator)
    coordinator.process.kill()
    coordinator.process.wait()
    assert_nothing_left(every)


def test_an_interrupt_gives_what_was_measured_until_then(start: Start) -> None:
    coordinator = start(*NULL, "--rate", "200", "--agents", "2", "--save-samples", "-t", "20")
    coordinator.wait_for(UNDER_WAY)
    coordinator.wait_for(UNDER_WAY)
    every = processes(coordinator)
    ran = coordinator.interrupt()
    assert ran.code == 130
    assert ran.report["throughput"]["count"] > 0
    assert len(dues(ran)) > 0
    assert_nothing_left(every)


def test_an_interrupt_in_the_lead_in_loses_no_agent(start: Start) -> None:
    """Its window has not begun, so there is nothing to report but that."""
    coordinator = start("--backend", "null:1000", "-api", "sync", "--warmup", "600", "--rate", "200", "--agents", "2")
    coordinator.wait_for("what is due may finish")
    time.sleep(1.0)
    every = processes(coordinator)
    ran = coordinator.interrupt()
    assert ran.code == 130, ran.out + ran.err
    assert [agent["state"] for agent in ran.report["agents"]] == ["ok", "ok"], ran.out
    assert ran.report["arrivals"]["offered"] == 0
    assert_nothing_left(every)


def test_agents_started_by_hand_share_the_queue(start: Start, tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    more = ("--launcher", "external", "--bind", endpoint, "--save-samples")
    coordinator = start(*NULL, *more, "--agents", "2", "--rate", "500", "--arrivals", "constant", "-t", "2")
    agents = [psutil.Popen([AGENT, "--connect", endpoint]) for _ in range(2)]
    ran = coordinator.finish()
    assert ran.code == 0
    assert [agent.wait(PATIENCE_S) for agent in agents] == [0, 0]
    served = dues(ran)
    assert len(served) == pytest.approx(2.2 * 500, abs=2)
    assert np.allclose(np.diff(served), 2_000_000, atol=2)
    assert all(agent["throughput"]["count"] > 0 for agent in ran.report["agents"])


SERVES = {
    "sync": ("-m", "builtin:tiny", "-api", "sync", "--agents", "2"),
    "async": ("-m", "builtin:tiny", "-api", "async", "-nireq", "3", "--agents", "2"),
    "inputs fed": ("-m", "builtin:tiny", "-api", "async", "-nireq", "2", "-inference_only", "no"),
    "null device": ("--backend", "null:100,exp", "-api", "async", "-nireq", "3", "-nstreams", "2"),
    "shapes in turn": ("-m", "builtin:tiny", "-api", "sync", "-shape", "[1..2,?]", "-data_shape", "[1,16][2,16]"),
}


@pytest.mark.parametrize("what", SERVES)
def test_every_kind_of_load_serves_each_arrival_once(run: Run, what: str) -> None:
    ran = run(*SERVES[what], "--rate", "400", "-t", "1", "--warmup", "0.2", "--arrivals", "constant", "--save-samples")
    assert ran.code == 0, ran.err + ran.out
    served = dues(ran)
    assert len(served) == pytest.approx(1.2 * 400, abs=2)
    assert np.allclose(np.diff(served), 2_500_000, atol=2)
