"""When totals of CPU time are read, and that they are the kernel's."""

import resource

import psutil

from ovbench.common.topology import read_topology
from ovbench.common.utilization import AFTER_START_NS, CpuTotals, Meter, cpu_reader
from tests.builders import cpu_totals, ms, seconds


def test_the_time_of_cpus_is_as_psutil_has_it() -> None:
    cpus = read_topology().cpus
    read = cpu_reader(cpu.id for cpu in cpus)
    before = psutil.cpu_times(percpu=True)
    found = read()
    after = psutil.cpu_times(percpu=True)
    assert list(found.cpus) == sorted(cpu.id for cpu in cpus)
    for (user, system, iowait, steal, idle), low, high in zip(found.cpus.values(), before, after, strict=True):
        assert low.user + low.nice <= user <= high.user + high.nice
        assert low.system + low.irq + low.softirq <= system <= high.system + high.irq + high.softirq
        assert low.steal <= steal <= high.steal
        assert (iowait, idle) >= (0, 0)


def test_a_reading_needs_no_descriptor_that_others_could_have_taken() -> None:
    read = cpu_reader([0])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        found = read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert list(found.cpus) == [0]
    assert found.coordinator_cpu is None


class FakeReader:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.taken = 0

    def __call__(self) -> CpuTotals:
        self.taken += 1
        return cpu_totals(self.taken, [0.0])


def due(meter: Meter) -> list[int]:
    """The instants at which it reads, if it is always asked in time."""
    instants = []
    while meter.next_ns is not None:
        instants.append(meter.next_ns)
        assert meter.tick(meter.next_ns)
    return instants


def test_readings_are_due_at_both_edges_and_each_second_between() -> None:
    meter = Meter(FakeReader())
    meter.plan(seconds(100), 2.5)
    assert due(meter) == [seconds(100) + AFTER_START_NS, seconds(101), seconds(102), seconds(102.5)]


def test_a_load_that_ends_early_is_read_at_its_end_and_no_more() -> None:
    meter = Meter(FakeReader())
    meter.plan(seconds(100), 600.0)
    meter.tick(seconds(101))
    meter.cut(seconds(102.5))
    assert due(meter) == [seconds(102), seconds(102.5)]


def test_planning_takes_a_reading_from_before_the_load() -> None:
    meter = Meter(FakeReader())
    meter.plan(seconds(100), 1.0)
    assert len(meter.readings) == 1


def test_nothing_is_read_before_it_is_due() -> None:
    meter = Meter(FakeReader())
    meter.plan(seconds(100), 1.0)
    assert not meter.tick(seconds(100) + AFTER_START_NS - 1)
    assert meter.tick(seconds(100) + AFTER_START_NS)
    assert not meter.tick(seconds(100) + AFTER_START_NS + ms(1))
    assert len(meter.readings) == 2


def test_readings_that_were_missed_are_taken_once() -> None:
    meter = Meter(FakeReader())
    meter.plan(seconds(100), 10.0)
    assert meter.tick(seconds(105.5))
    assert meter.next_ns == seconds(106)
    assert len(meter.readings) == 2


def test_a_load_of_unknown_length_is_read_every_second() -> None:
    meter = Meter(FakeReader())
    meter.plan(0, None)
    assert due(meter)[:4] == [AFTER_START_NS, seconds(1), seconds(2), seconds(3)]


def test_without_a_plan_nothing_is_due() -> None:
    meter = Meter(FakeReader())
    assert meter.next_ns is None
    assert not meter.tick(seconds(100))
