"""`ovbench.calibrate` around what measures, which has tests of its own."""

import os

import pytest

import ovbench
from ovbench.coordinator.commands.calibrating import Calibrating
from ovbench.coordinator.result.calibration import Calibration
from ovbench.coordinator.store import calibrations
from tests.calibrations import MACHINE, calibration


def measures(monkeypatch: pytest.MonkeyPatch, found: Calibration | None, *, interrupted: bool = False) -> None:
    def conduct(self: Calibrating, kept: object) -> Calibration | None:
        self.interrupted = interrupted
        return found

    monkeypatch.setattr(Calibrating, "conduct", conduct)


def test_what_is_measured_is_returned_and_kept(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = calibration()
    measures(monkeypatch, made)
    assert ovbench.calibrate(keep=False) == made
    assert calibrations.latest(MACHINE.id) is None
    assert ovbench.calibrate() == made
    assert calibrations.latest(MACHINE.id) == made


def test_one_that_cannot_be_kept_is_raised_with_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    made = calibration()
    measures(monkeypatch, made)
    with pytest.raises(ovbench.NotKept, match="cannot be made") as raised:
        ovbench.calibrate()
    assert raised.value.result == made


@pytest.mark.parametrize("found", [None, calibration()])
def test_ctrl_c_brings_what_was_measured_until_then(found: Calibration | None, monkeypatch: pytest.MonkeyPatch) -> None:
    measures(monkeypatch, found, interrupted=True)
    with pytest.raises(ovbench.Interrupted) as raised:
        ovbench.calibrate()
    assert raised.value.result == found


def test_agents_that_are_lost_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    measures(monkeypatch, None)
    with pytest.raises(ovbench.UsageError, match="agents were lost"):
        ovbench.calibrate()
