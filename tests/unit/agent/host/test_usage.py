"""What a process has used, against psutil's own account of it, and how readings are thinned out."""

import os
import threading
from itertools import pairwise

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.host.threads import run_ns, thread_ids
from ovbench.agent.host.usage import Account, Thinned, memory, most_readings
from ovbench.common.clock import NS_PER_S
from ovbench.common.messages import MAX_MESSAGE_BYTES, MOST_READINGS, OnCpu, Usage
from tests.builders import usage


def spend(seconds: float) -> None:
    """CPU time, of this thread."""
    mine = threading.get_native_id()
    until = run_ns(mine) + seconds * NS_PER_S
    while run_ns(mine) < until:
        sum(range(10_000))


def spent(control: frozenset[int]) -> tuple[Usage, Usage]:
    """The account of 0.1 s of a CPU."""
    account = Account(control)
    account.begin()
    spend(0.1)
    account.end()
    first, last = account.readings
    return first, last


def test_cpu_time_agrees_with_psutil_to_its_ticks() -> None:
    before = psutil.Process().cpu_times()
    first, last = spent(frozenset())
    after = psutil.Process().cpu_times()
    theirs = after.user + after.system - before.user - before.system
    assert last.user_s + last.system_s - first.user_s - first.system_s == pytest.approx(theirs, abs=0.03)


def test_control_time_is_that_of_the_threads_named() -> None:
    first, last = spent(thread_ids())
    assert last.control_s - first.control_s == pytest.approx(0.1, rel=0.5)
    assert [reading.control_s for reading in spent(frozenset())] == [0, 0]


@pytest.mark.parametrize("control", [True, False])
def test_time_by_cpu_is_that_of_the_process(control: bool) -> None:
    first, last = spent(thread_ids() if control else frozenset())
    total_s = last.user_s + last.system_s - first.user_s - first.system_s
    assert sum(cpu.load_s + cpu.control_s for cpu in first.cpus) < 0.01
    assert sum(cpu.control_s if control else cpu.load_s for cpu in last.cpus) == pytest.approx(total_s, rel=0.1)
    assert sum(cpu.load_s if control else cpu.control_s for cpu in last.cpus) == 0


def test_nothing_is_read_before_the_load_begins() -> None:
    account = Account(frozenset())
    account.look()
    assert account.readings == ()


def test_readings_come_less_often_where_they_cost_more() -> None:
    readings = Thinned(8)
    readings.add(usage(0))
    assert readings.due(1, 0)
    assert not readings.due(999, 1000)
    assert readings.due(1000, 1000)


@given(st.integers(2, 20).map(lambda half: 2 * half), st.integers(0, 400))
def test_readings_are_thinned_out_evenly_and_never_too_many(most: int, beats: int) -> None:
    readings = Thinned(most)
    readings.add(usage(0))
    for beat in range(1, beats + 1):
        if readings.due(beat * NS_PER_S, 0):
            readings.add(usage(beat * NS_PER_S))
    last_ns = beats * NS_PER_S + 1
    readings.add(usage(last_ns))
    instants = [reading.at_ns for reading in readings.all]
    assert len(instants) <= most
    assert (instants[0], instants[-1]) == (0, last_ns)
    assert instants == sorted(instants)
    between = {b - a for a, b in pairwise(instants[:-1])}
    assert len(between) <= 1
    assert max(between, default=0) <= max(1.0, 4 * beats / most) * NS_PER_S


@pytest.mark.parametrize(("cpus", "most"), [(1, 512), (165, 512), (512, 168), (8192, 10), (1 << 20, 4)])
def test_readings_of_many_cpus_are_few_enough_for_half_a_message(cpus: int, most: int) -> None:
    assert most_readings(cpus) == most
    assert most % 2 == 0
    whole, long = (1 << 63) - 1, 1234567.891
    on = tuple(OnCpu(cpu=100_000, load_s=long, control_s=long) for _ in range(cpus))
    reading = Usage(whole, long, long, long, whole, whole, whole, cpus=on, throttled_periods=whole, throttled_s=long)
    if cpus <= 8192:  # as many as Linux has
        assert most * len(msgspec.msgpack.encode(reading)) <= MAX_MESSAGE_BYTES // 2


def test_an_account_has_as_many_readings_as_this_machine_s_cpus_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8192)
    account = Account(frozenset())
    account.begin()
    for _ in range(20):
        account.end()
    assert len(account.readings) <= 10 < MOST_READINGS


def test_memory_agrees_with_psutil() -> None:
    ours, theirs = memory(), psutil.Process().memory_full_info()
    assert ours.rss_mb == pytest.approx(theirs.rss / 2**20, rel=0.05)
    assert ours.private_mb == pytest.approx(theirs.uss / 2**20, rel=0.05)
    assert ours.peak_rss_mb >= ours.rss_mb - 1
