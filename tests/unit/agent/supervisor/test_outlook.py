"""What is observed of a host, and when it is sent: by readers and a clock of the test's own."""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from ovbench.agent.supervisor.outlook import HostOutlook, Watched
from ovbench.common.hostmessages import AnyHostNotice, CpuReading, NeighbourTime, SensorsAt, Surveyed
from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import Sensors
from ovbench.common.survey import Survey
from ovbench.common.utilization import AFTER_START_NS, CpuTotals, Meter
from tests.builders import seconds


class Machine:
    """Whose clock the test moves. Process 50 uses half of CPU 0."""

    def __init__(self, root: Path) -> None:
        self.now_ns = seconds(1_000)
        self.root = root
        self.moved: list[tuple[int, ...]] = []
        self.outlook = HostOutlook(self.watch, lambda: (7,), self.move, lambda: self.now_ns)

    def move(self, cpus: Sequence[int]) -> None:
        self.moved.append(tuple(cpus))

    def watch(self, measured: Sequence[int]) -> Watched:
        survey = Survey(
            Neighbours(frozenset(measured), 1, self.root, 100), Sensors((), self.root), lambda: self.now_ns, lambda: 0
        )
        return Meter(self.read), survey

    def read(self) -> CpuTotals:
        at_s = self.now_ns / 1e9
        return CpuTotals(self.now_ns, {0: (at_s, 1, 2, 3, 4), 3: (5, 6, 7, 8, 9)}, 0.25, 3)

    def pass_to(self, at_s: float) -> list[AnyHostNotice]:
        self.now_ns = seconds(at_s)
        ticks = round((at_s - 1_000) * 50)
        stat = f"50 (noise) S 2 0 0 0 0 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 5 " + "0 " * 16 + "0 " * 3
        (self.root / "proc/50").mkdir(parents=True, exist_ok=True)
        (self.root / "proc/50/stat").write_text(stat)
        return self.outlook.look(self.now_ns)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.pass_to(1_000)
    return made


def test_it_observes_nothing_until_there_is_something_to_measure(machine: Machine) -> None:
    assert machine.outlook.next_ns is None
    assert machine.pass_to(1_001) == []
    assert machine.outlook.conclude() == []


def test_it_leaves_the_measured_cpus_and_looks_at_once(machine: Machine) -> None:
    machine.outlook.begin(1, (0,), (3,))
    assert machine.moved == [(3,)]
    assert machine.outlook.next_ns == seconds(1_000)


def test_cpus_are_read_about_the_edges_of_the_window_and_told_as_they_are_read(machine: Machine) -> None:
    machine.outlook.begin(4, (0,), ())
    machine.outlook.load_begins(seconds(1_000.5), seconds(1_001), 2.0)
    (before,) = machine.pass_to(1_000.1)
    assert isinstance(before, CpuReading)
    assert (before.epoch, before.host_ns, before.cpus) == (4, seconds(1_000), (0, 3))
    assert struct.unpack("<10d", before.totals) == (1_000, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert (before.own_s, before.own_cpu) == (0.25, 3)
    assert machine.pass_to(1_000.9) == []
    read_at = []
    for at_ms in range(0, 2_500, 5):
        read_at += [one.host_ns for one in machine.pass_to(1_001 + at_ms / 1000) if isinstance(one, CpuReading)]
    assert read_at == [seconds(1_001.005), seconds(1_002), seconds(1_003)]
    assert seconds(1_001) + AFTER_START_NS <= read_at[0]


def test_a_load_that_is_cut_is_read_where_it_ends(machine: Machine) -> None:
    machine.outlook.begin(1, (0,), ())
    machine.outlook.load_begins(seconds(1_000), seconds(1_000), None)
    machine.pass_to(1_001.2)
    machine.outlook.cut(seconds(1_001.5))
    assert machine.pass_to(1_001.4) == []
    assert len(machine.pass_to(1_001.5)) == 1
    assert machine.pass_to(1_005) == []


def test_in_the_end_it_tells_who_else_used_the_measured_cpus_and_is_done(machine: Machine) -> None:
    machine.outlook.begin(1, (0,), ())
    machine.pass_to(1_000)
    machine.outlook.load_begins(seconds(1_000.5), seconds(1_000.5), 3.0)
    for at in range(1, 8):
        machine.pass_to(1_000 + at / 2)
    notices = machine.outlook.conclude()
    neighbour = next(one for one in notices if isinstance(one, NeighbourTime))
    assert (neighbour.epoch, neighbour.pid, neighbour.name, neighbour.cpu) == (1, 50, "noise", 0)
    count = len(neighbour.seconds) // 8
    assert struct.unpack(f"<{count}d", neighbour.seconds)[-1] == pytest.approx(1.75, abs=0.02)
    assert struct.unpack(f"<{count}q", neighbour.host_ns)[-1] == seconds(1_003.5)
    assert isinstance(notices[0], CpuReading)
    assert any(isinstance(one, SensorsAt) for one in notices)
    assert notices[-1] == Surveyed(1)
    assert machine.outlook.next_ns is None


def test_neighbours_are_not_looked_at_where_the_load_begins(machine: Machine) -> None:
    """The look costs time that the load should have."""
    machine.outlook.begin(1, (0,), ())
    machine.pass_to(1_000)
    machine.outlook.load_begins(seconds(1_002), seconds(1_002), 10.0)
    watched = machine.outlook._survey
    assert watched is not None
    looked = watched._processes.last_ns
    machine.pass_to(1_001.9)
    machine.pass_to(1_002.05)
    assert watched._processes.last_ns == looked
    machine.pass_to(1_002.5)
    assert watched._processes.last_ns == seconds(1_002.5)
