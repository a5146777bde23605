"""What the coordinator's own host shows while a load runs."""

import pytest

from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import Sensors
from ovbench.common.survey import Survey
from ovbench.common.utilization import CpuTotals, Meter
from ovbench.coordinator.session.observer import LocalObserver
from tests.builders import cpu_totals


def observer(readings: list[CpuTotals]) -> LocalObserver:
    meter = Meter(lambda: cpu_totals(0, [0, 0]), readings)
    return LocalObserver(meter, Survey(Neighbours(frozenset(), 1), Sensors(())), (0, 1))


def test_the_cpus_are_as_busy_as_between_the_last_two_readings() -> None:
    readings = [cpu_totals(0, [0, 0]), cpu_totals(1, [0, 0]), cpu_totals(2, [1.0, 0.5])]
    assert observer(readings).busy_percent == pytest.approx(75)


@pytest.mark.parametrize("readings", [[], [cpu_totals(0, [0, 0])]], ids=["none", "one"])
def test_too_few_readings_show_no_cpu(readings: list[CpuTotals]) -> None:
    assert observer(readings).busy_percent is None
