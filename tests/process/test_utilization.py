"""CPU, memory and phases in the report, against the kernel's own counters read outside at the same time.

Whoever reads a counter late on a busy machine knows less of an edge of the window: what is known is an interval.
"""

import os
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.attempts import undisturbed
from tests.process.driver import ENDLESS, Coordinator, Start, cpus

alone = pytest.mark.alone

TICKS = os.sysconf("SC_CLK_TCK")
SPINNING = ("--backend", "null:50", "-api", "sync", "--warmup", "0.2")
"""A device of 50 us spins all of its service time, so an agent keeps a CPU busy as an inference does."""


@dataclass(frozen=True)
class Between:
    """Bounds of what was counted."""

    low: float
    high: float

    def scaled(self, factor: float) -> "Between":
        return Between(self.low * factor, self.high * factor)

    def plus(self, other: "Between", sign: int = 1) -> "Between":
        low, high = sorted((sign * other.low, sign * other.high))
        return Between(self.low + low, self.high + high)

    def holds(self, value: float, within: float = 0.0) -> bool:
        return self.low - within <= value <= self.high + within


class Outside:
    """Reads counters every 20 ms in a thread of the test; `rise` tells by how much one rose in a span."""

    def __init__(self, read: Callable[[], dict[str, float]]) -> None:
        self._read = read
        self._readings: list[tuple[int, dict[str, float]]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._ended.wait(0.02):
            try:
                self._readings.append((time.monotonic_ns(), self._read()))
            except (OSError, psutil.Error):
                return

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def rise(self, name: str, window: dict[str, Any]) -> Between:
        """Counters only rise: at an edge one had no less than at the reading before it, no more than at the one after.

        A process that has ended by then has used no more than all CPUs since the last reading.
        """
        times = [at for at, values in self._readings if name in values]
        counts = [values[name] for _, values in self._readings if name in values]

        def at(edge: int) -> Between:
            before, after = bisect_right(times, edge) - 1, bisect_left(times, edge)
            assert before >= 0, f"{name} was not read before {edge}"
            if after < len(times):
                return Between(counts[before], counts[after])
            return Between(counts[-1], counts[-1] + TICKS * cpus() * (edge - times[-1]) / 1e9)

        return at(window["stop_ns"]).plus(at(window["start_ns"]), -1)


def system_ticks() -> dict[str, float]:
    """user, nice, system, irq and softirq of each CPU, and its total, in ticks (proc(5))."""
    ticks = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            numbers = [int(field) for field in fields]
            ticks[f"busy {name[3:]}"] = float(sum(numbers[i] for i in (0, 1, 2, 5, 6)))
            ticks[f"steal {name[3:]}"] = float(numbers[7])
            ticks[f"all {name[3:]}"] = float(sum(numbers[:8]))
    return ticks


def process_ticks(pid: int) -> dict[str, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {f"cpu {pid}": float(int(fields[11]) + int(fields[12]))}


def measured(coordinator: Coordinator, outside: Outside) -> dict[str, Any]:
    ran = coordinator.finish()
    outside.end()
    assert ran.code == 0, ran.out + ran.err
    return ran.report


@dataclass(frozen=True)
class Spun:
    """A run of one agent that spins, as it reports itself and as it was seen from outside."""

    report: dict[str, Any]
    outside: Outside
    agent: int
    coordinator: int


class Spinning:
    """One such run for several tests, but another for each further attempt at one of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spun: Spun | None = None
        self._seen_by: set[str] = set()

    def seen_by(self, test: str) -> Spun:
        if self._spun is None or test in self._seen_by:
            self._spun = self._spin()
            self._seen_by.clear()
        self._seen_by.add(test)
        return self._spun

    def _spin(self) -> Spun:
        coordinator = Coordinator(self._folder, *SPINNING, "--agents", "1", "-t", "2")
        coordinator.wait_for("Step 10/11")
        (agent,) = coordinator.agents()
        pids = (agent.pid, coordinator.process.pid)
        outside = Outside(lambda: system_ticks() | process_ticks(pids[0]) | process_ticks(pids[1]))
        return Spun(measured(coordinator, outside), outside, *pids)


@pytest.fixture(scope="module")
def spinning(tmp_path_factory: pytest.TempPathFactory) -> Spinning:
    return Spinning(tmp_path_factory.mktemp("spinning"))


@pytest.fixture
def spin(spinning: Spinning, request: pytest.FixtureRequest) -> Callable[[], Spun]:
    return lambda: spinning.seen_by(request.node.name)


@alone
@undisturbed("whoever reads a counter late does not know what it was at the window's edge")
def test_each_cpu_is_as_busy_as_the_kernel_says(spin: Callable[[], Spun]) -> None:
    spun = spin()
    report, outside = spun.report, spun.outside
    percent = 100 / (TICKS * report["window"]["duration_s"])
    for cpu, share in report["cpu"]["per_cpu"].items():
        assert outside.rise(f"busy {cpu}", report["window"]).scaled(percent).holds(share["busy"], within=2)
    for cpu, use in report["cpu"]["use"].items():
        busy, steal = (outside.rise(f"{what} {cpu}", report["window"]).scaled(percent) for what in ("busy", "steal"))
        assert busy.holds(use["agents"] + use["harness"] + use["others"], within=2)
        assert steal.holds(use["steal"], within=2)
        assert sum(use.values()) == pytest.approx(100)
    timeline = report["cpu"]["timeline"]
    assert timeline["t_s"][-1] == pytest.approx(report["window"]["duration_s"])
    for cpu, busy in timeline["busy_percent"].items():
        edges = [report["window"]["start_ns"] + round(at * 1e9) for at in (0, *timeline["t_s"])]
        for share, start_ns, stop_ns in zip(busy, edges, edges[1:], strict=False):
            span = {"start_ns": start_ns, "stop_ns": stop_ns}
            ticks = outside.rise(f"busy {cpu}", span)
            assert ticks.scaled(100 / (TICKS * (stop_ns - start_ns) / 1e9)).holds(share, within=4)
    measured_cpus = [report["cpu"]["per_cpu"][str(cpu)]["busy"] for cpu in report["cpu"]["measured_cpus"]]
    assert report["cpu"]["busy_percent"] == pytest.approx(sum(measured_cpus) / len(measured_cpus))


@alone
@undisturbed("whoever reads a counter late does not know what it was at the window's edge")
def test_an_agent_and_the_coordinator_used_what_the_kernel_says(spin: Callable[[], Spun]) -> None:
    spun = spin()
    report, outside, pids = spun.report, spun.outside, (spun.agent, spun.coordinator)
    seconds = report["window"]["duration_s"]
    (part,) = report["agents"]
    used_s, own_s = (outside.rise(f"cpu {pid}", report["window"]).scaled(1 / TICKS) for pid in pids)
    assert used_s.holds(part["cpu"]["user_s"] + part["cpu"]["system_s"], within=0.04)
    assert part["cpu"]["percent"] == pytest.approx(100 * (part["cpu"]["user_s"] + part["cpu"]["system_s"]) / seconds)
    capacity_s = seconds * len(report["cpu"]["measured_cpus"])
    assert own_s.scaled(100 / capacity_s).holds(report["cpu"]["coordinator_percent"], within=2)
    # Control threads are part of the agent's time, beside the coordinator's: neither more than both nor nothing.
    assert 0 < part["cpu"]["control_s"] < used_s.high
    own = report["cpu"]["coordinator_percent"] * len(report["cpu"]["measured_cpus"])
    assert report["cpu"]["control_percent"] == pytest.approx(own + 100 * part["cpu"]["control_s"] / seconds, abs=0.01)


@pytest.fixture
def busy_loop() -> Iterator[psutil.Process]:
    """Somebody else's job, on the first CPU."""
    cpu = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{cpu}}})\nwhile True: pass"
    with psutil.Popen([sys.executable, "-c", code]) as process:
        yield process
        process.kill()


@alone
@undisturbed("whoever reads a counter late does not know what it was at the window's edge")
def test_what_others_took_is_reported_separately(start: Start, busy_loop: psutil.Process) -> None:
    coordinator = start(*SPINNING, "--agents", "2", "-t", "2")
    outside = Outside(lambda: process_ticks(busy_loop.pid))
    report = measured(coordinator, outside)
    capacity_s = report["window"]["duration_s"] * len(report["cpu"]["measured_cpus"])
    taken = outside.rise(f"cpu {busy_loop.pid}", report["window"]).scaled(100 / (TICKS * capacity_s))
    assert taken.low > 2
    # Other things may run on a shared machine too, so it is a lower bound, and the parts must add up to the whole.
    assert report["cpu"]["others_percent"] > taken.low - 2
    parts = sum(report["cpu"][f"{who}_percent"] for who in ("agents", "coordinator", "others"))
    assert parts == pytest.approx(report["cpu"]["busy_percent"], abs=3)


@alone
@undisturbed("others on that CPU leave the planted load less than is a finding, or are read late")
def test_who_took_time_from_a_measured_cpu_is_named_with_its_share(start: Start, busy_loop: psutil.Process) -> None:
    cpu = min(os.sched_getaffinity(0))
    coordinator = start(*SPINNING, "--cpus", str(cpu), "--agents", "1", "-t", "2")
    coordinator.wait_for("Step 10/11")
    (agent,) = coordinator.agents()
    name = busy_loop.name()
    outside = Outside(lambda: process_ticks(busy_loop.pid) | process_ticks(agent.pid) | system_ticks())
    report = measured(coordinator, outside)
    percent = 100 / (TICKS * report["window"]["duration_s"])
    taken, own = (outside.rise(f"cpu {pid}", report["window"]).scaled(percent) for pid in (busy_loop.pid, agent.pid))
    assert taken.low > 12  # beyond 5 % and what ticks may be wrong by
    (neighbour,) = [one for one in report["neighbours"] if one["pid"] == busy_loop.pid]
    assert neighbour["name"] == name
    assert list(neighbour["cpus"]) == [str(cpu)]
    assert neighbour["percent"] == neighbour["cpus"][str(cpu)]
    assert taken.holds(neighbour["percent"], within=5)
    (finding,) = [one for one in report["validity"]["findings"] if one["code"] == "other_load"]
    assert f"{name} (pid {busy_loop.pid}): {neighbour['percent']:.1f} % seen on CPU {cpu}" in finding["message"]
    assert not {agent.pid, coordinator.process.pid} & {one["pid"] for one in report["neighbours"]}
    use = report["cpu"]["use"][str(cpu)]
    control = 100 * report["agents"][0]["cpu"]["control_s"] / report["window"]["duration_s"]
    assert own.holds(use["agents"] + control, within=2)
    busy = outside.rise(f"busy {cpu}", report["window"]).scaled(percent)
    assert busy.plus(own, -1).holds(use["others"] + (use["harness"] - control), within=2)


@alone
@undisturbed("whoever reads a counter late does not know what it was at the window's edge")
def test_frames_per_cpu_second_are_by_the_time_that_agents_used(spin: Callable[[], Spun]) -> None:
    spun = spin()
    report = spun.report
    used_s = spun.outside.rise(f"cpu {spun.agent}", report["window"]).scaled(1 / TICKS)
    assert used_s.holds(report["throughput"]["frames"] / report["efficiency"]["frames_per_cpu_s"], within=0.04)
    assert report["agents"][0]["cpu"]["frames_per_cpu_s"] == report["efficiency"]["frames_per_cpu_s"]


def test_memory_is_what_it_is_seen_from_outside(start: Start) -> None:
    coordinator = start("-m", "builtin:squeezenet1.1", "--agents", "1", "-api", "sync", *ENDLESS, "--warmup", "0.2")
    coordinator.wait_for(" left")  # into the load, whose memory no longer grows
    (agent,) = coordinator.agents()
    outside = agent.memory_full_info()
    report = coordinator.interrupt().report
    memory = report["agents"][0]["memory_mb"]
    assert memory["rss"] == pytest.approx(outside.rss / 2**20, rel=0.1)
    assert memory["pss"] == pytest.approx(outside.pss / 2**20, rel=0.15)
    assert memory["private"] == pytest.approx(outside.uss / 2**20, rel=0.15)
    assert memory["peak_rss"] >= memory["rss"] - 1


def test_switches_and_migrations_are_those_of_all_threads(start: Start) -> None:
    """A device of 2 ms sleeps once per inference: at least one voluntary switch each."""
    coordinator = start("--backend", "null:2000", "-api", "sync", "--warmup", "0.1", "--agents", "1", "-t", "1")
    report = coordinator.finish().report
    (agent,) = report["agents"]
    count = agent["throughput"]["count"]
    # Control threads wait, too: a few times per second, and for what comes over the bus.
    assert 0.95 * count <= agent["cpu"]["voluntary_switches"] <= 1.1 * count + 100
    assert agent["cpu"]["migrations"] is None or agent["cpu"]["migrations"] <= count


def test_phases_fit_into_the_time_that_the_preparation_took(start: Start) -> None:
    began = time.monotonic()
    coordinator = start("-m", "builtin:squeezenet1.1", "--agents", "1", "-niter", "1", "--warmup", "0")
    report = coordinator.finish().report
    wall_ms = 1e3 * (time.monotonic() - began)
    phases = report["phases_ms"]
    assert {name for name, value in phases.items() if value == 0} == {"reshape", "import_model"}, "they were not done"
    assert sum(phases.values()) < wall_ms


def test_an_affinity_that_was_set_is_respected(start: Start) -> None:
    cpu = max(os.sched_getaffinity(0))
    coordinator = start(*SPINNING, "-niter", "5000", preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    report = coordinator.finish().report
    assert [agent["cpus"] for agent in report["agents"]] == [[cpu]]
    placement = report["agents"][0]["placement"]
    assert placement["requested"] == placement["mask"] == placement["seen"] == [cpu]
    assert report["environment"]["allowed_cpus"] == [cpu]
