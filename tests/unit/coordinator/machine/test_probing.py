"""What a CPU gives a thread, as far as any machine can be held to it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ovbench.common.topology import read_topology
from ovbench.coordinator.machine import probing
from tests.trees import TWO_SOCKETS, Tree


def test_a_probe_leaves_the_process_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_HASH_NS", "_WAKE_NS", "_SPIN_NS"):
        monkeypatch.setattr(probing, name, 20_000_000)
    before = os.sched_getaffinity(0)
    found = probing.probe(min(before))
    assert os.sched_getaffinity(0) == before
    assert 0 <= found.taken_percent <= 100
    assert 0 <= found.late_median_us <= found.late_p99_us <= found.late_max_us
    assert found.hash_mb_per_s > 0


def test_a_cpu_that_is_not_there_is_refused_by_the_kernel() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(OSError):  # noqa: PT011 (whatever it says)
        probing.probe(100_000)
    assert os.sched_getaffinity(0) == before


def test_gaps_are_the_time_between_readings_that_are_far_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.1 us a reading, and once 3 ms and once 1 ms in which it did not run, of 100 ms."""
    times, now = [], 0
    for reading in range(1_100_000):
        now += 3_000_000 if reading == 1000 else 1_000_000 if reading == 5000 else 100
        times.append(now)
    monkeypatch.setattr(probing, "monotonic_ns", iter(times).__next__)
    monkeypatch.setattr(probing, "_SPIN_NS", 100_000_000)
    assert probing._gaps_ns() == (4_000_000, 3_000_000)


def test_a_sleeper_that_passes_its_next_instant_is_not_late_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    now, sleeps = [0], [0]

    def sleep(seconds: float) -> None:
        sleeps[0] += 1
        now[0] += round(seconds * 1e9) + (2_500_000 if sleeps[0] == 5 else 10_000)

    monkeypatch.setattr(probing, "monotonic_ns", lambda: now[0])
    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr(probing, "_WAKE_NS", 20_000_000)
    found = probing._lateness_ns()
    assert sorted(set(found)) == [10_000, 2_500_000]
    assert found.count(2_500_000) == 1


def test_a_process_that_was_stopped_all_the_while_has_a_sleep_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    now, readings = [0], [0]

    def read() -> int:
        readings[0] += 1
        now[0] += 10_000_000_000 if readings[0] == 2 else 0
        return now[0]

    def sleep(seconds: float) -> None:
        now[0] += round(seconds * 1e9) + 10_000

    monkeypatch.setattr(probing, "monotonic_ns", read)
    monkeypatch.setattr("time.sleep", sleep)
    assert list(probing._lateness_ns()) == [10_000]


def test_of_a_large_machine_eight_cores_are_probed(written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(TWO_SOCKETS))
    found = probing.chosen_cpus(topology)
    assert len(found) == min(probing.MOST_CPUS, len(topology.usable_cores))
    assert len(topology.nodes_of(found)) == topology.nodes


def test_a_clock_has_a_cost() -> None:
    assert 0 < probing.clock_read_ns() < 1e6
    assert isinstance(probing.clock_source(), str)
