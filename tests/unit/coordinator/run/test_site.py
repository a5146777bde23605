"""The record of a host, of meters that could go on."""

from dataclasses import replace
from pathlib import Path

import pytest

from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import make_sensors
from ovbench.common.survey import Survey
from ovbench.common.topology import read_topology
from ovbench.common.utilization import Meter
from ovbench.coordinator.run.site import LocalWatch
from ovbench.coordinator.session.observer import LocalObserver
from tests.builders import cpu_totals, delivered, request, seconds
from tests.trees import regular


@pytest.fixture
def watched(tmp_path: Path) -> LocalWatch:
    """Of one agent on CPU 0, beside a process that takes another second of it by each reading."""
    topology = read_topology(replace(regular(1, 1), allowed="0").write(tmp_path))
    instants = iter(range(100))
    survey = Survey(Neighbours(frozenset({0}), 1, tmp_path, 100), make_sensors(topology, (0,), tmp_path))
    return LocalWatch(topology, LocalObserver(Meter(lambda: cpu_totals(next(instants), [0.0])), survey, (0,)))


def tick(watched: LocalWatch, at_s: int, tmp_path: Path) -> None:
    """All that is read while a session runs."""
    for pid, ticks in ((1, 0), (42, 100 * at_s)):
        (tmp_path / f"proc/{pid}").mkdir(parents=True, exist_ok=True)
        fields = f"S 0 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 100 0 0 {'0 ' * 14}0 0 0 0"
        (tmp_path / f"proc/{pid}/stat").write_text(f"{pid} (make) {fields}")
    watched.observer.take()
    watched.observer.surveyed.neighbours.read(seconds(at_s))
    watched.observer.surveyed.sensors.read(seconds(at_s))


def test_what_meters_read_after_a_run_does_not_change_its_record(watched: LocalWatch, tmp_path: Path) -> None:
    for at_s in (1, 2, 3):
        tick(watched, at_s, tmp_path)
    (host,) = watched.records(request("--agents", "1"), (delivered(0),))
    assert (len(host.readings), len(host.sensors)) == (3, 3)
    ((_, points),) = host.neighbours.items()
    before = (host.readings, points, host.sensors, host.governors)
    assert all(isinstance(part, tuple) for part in before)
    known = tuple(map(len, before))
    tick(watched, 4, tmp_path)
    ((_, points),) = host.neighbours.items()
    assert (host.readings, points, host.sensors, host.governors) == before
    assert tuple(map(len, before)) == known
    assert len(watched.observer.meter.readings) == 4, "guards the guard"
    assert len(*watched.observer.surveyed.neighbours.cpu_time.values()) > len(points), "guards the guard"
