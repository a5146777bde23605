"""The record of a run, of a session whose meters could go on."""

from dataclasses import replace
from pathlib import Path

import pytest

from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import make_sensors
from ovbench.common.survey import Survey
from ovbench.common.topology import read_topology
from ovbench.common.utilization import Meter
from ovbench.coordinator.plan.plan import Plan
from ovbench.coordinator.run.measure import PlannedRun, record_of
from ovbench.coordinator.session.interrupts import Interrupts
from ovbench.coordinator.session.rules import Rules
from ovbench.coordinator.session.session import Session
from ovbench.coordinator.session.snapshot import Tracker
from tests.builders import cpu_totals, delivered, job, request, seconds
from tests.machines import machine
from tests.trees import regular


class Ignoring:
    def handle(self, event: object) -> None: ...


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Of one agent on CPU 0, beside a process that takes another second of it by each reading."""
    topology = read_topology(replace(regular(1, 1), allowed="0").write(tmp_path))
    instants = iter(range(100))
    return Session(
        plan=Plan((job(),), ()),
        interrupts=Interrupts(),
        meter=Meter(lambda: cpu_totals(next(instants), [0.0])),
        survey=Survey(Neighbours(frozenset({0}), 1, tmp_path, 100), make_sensors(topology, (0,), tmp_path)),
        tracker=Tracker((0,), 10.0),
        sink=Ignoring(),
        rules=Rules(),
    )


def tick(session: Session, at_s: int, tmp_path: Path) -> None:
    """All that a session has read while it runs."""
    for pid, ticks in ((1, 0), (42, 100 * at_s)):
        (tmp_path / f"proc/{pid}").mkdir(parents=True, exist_ok=True)
        fields = f"S 0 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 100 0 0 {'0 ' * 14}0 0 0 0"
        (tmp_path / f"proc/{pid}/stat").write_text(f"{pid} (make) {fields}")
    session.meter.take()
    session.survey.neighbours.read(seconds(at_s))
    session.survey.sensors.read(seconds(at_s))


def test_what_meters_read_after_a_run_does_not_change_its_record(session: Session, tmp_path: Path) -> None:
    planned = PlannedRun(request("--agents", "1"), session.plan, machine(), "2025-01-02T03:04:05Z", ("ovbench-coord",))
    for at_s in (1, 2, 3):
        tick(session, at_s, tmp_path)
    record = record_of(planned, session, (delivered(0),))
    assert (len(record.host.readings), len(record.host.sensors)) == (3, 3)
    ((_, points),) = record.host.neighbours.items()
    before = (record.host.readings, points, record.host.sensors, record.host.governors)
    assert all(isinstance(part, tuple) for part in before)
    known = tuple(map(len, before))
    tick(session, 4, tmp_path)
    ((_, points),) = record.host.neighbours.items()
    assert (record.host.readings, points, record.host.sensors, record.host.governors) == before
    assert tuple(map(len, before)) == known
    assert len(session.meter.readings) == 4, "guards the guard"
    assert len(*session.survey.neighbours.cpu_time.values()) > len(points), "guards the guard"
