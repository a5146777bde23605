"""Calibrations in the state folder: kept, found again, and of which machine."""

from pathlib import Path

import pytest
from msgspec import structs

from ovbench.common.errors import Unwritable
from ovbench.coordinator.store import calibrations
from tests.calibrations import MACHINE, NEIGHBOUR, calibration


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_the_last_one_that_was_kept_is_the_latest(state: Path) -> None:
    first, second = calibration(), calibration(taken_at="2026-01-09T10:00:00Z", seed=3)
    assert calibrations.latest(MACHINE.id) is None
    assert calibrations.keep(second) == state / "ovbench/calibrations" / MACHINE.id / "20260109T100000Z.json"
    calibrations.keep(first)
    assert calibrations.kept(MACHINE.id) == (second, first)
    assert calibrations.latest(MACHINE.id) == second


def test_a_disturbed_one_does_not_hide_what_the_machine_can_do() -> None:
    disturbed = calibration(taken_at="2026-01-09T10:00:00Z", neighbour=NEIGHBOUR)
    calibrations.keep(disturbed)
    assert calibrations.latest(MACHINE.id) == disturbed
    quiet = calibration(taken_at="2026-01-08T10:00:00Z")
    calibrations.keep(quiet)
    assert calibrations.latest(MACHINE.id) == quiet


def test_two_of_the_same_second_are_both_kept_and_the_later_one_is_newer() -> None:
    one, two = calibration(), calibration(seed=3)
    calibrations.keep(one)
    calibrations.keep(two)
    assert calibrations.kept(MACHINE.id) == (two, one)


def test_machines_that_share_a_home_have_their_own() -> None:
    other = structs.replace(calibration(), machine=structs.replace(MACHINE, id="fedcba9876543210"))
    calibrations.keep(other)
    assert calibrations.latest(MACHINE.id) is None
    assert calibrations.of_other_machines(MACHINE.id)
    assert not calibrations.of_other_machines(other.machine.id)


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"schema": "ovbench.calibration/2"}', b"\xff"])
def test_what_cannot_be_read_is_left_out(damage: bytes) -> None:
    whole = calibration()
    calibrations.keep(whole).with_name("20270101T000000Z.json").write_bytes(damage)
    assert calibrations.kept(MACHINE.id) == (whole,)
    assert calibrations.latest(MACHINE.id) == whole


def test_the_oldest_go() -> None:
    found = calibration()
    for minute in range(calibrations.MOST_KEPT + 3):
        calibrations.keep(structs.replace(found, taken_at=f"2026-01-08T10:{minute:02}:00Z"))
    kept = calibrations.kept(MACHINE.id)
    assert len(kept) == calibrations.MOST_KEPT
    assert kept[-1].taken_at == "2026-01-08T10:03:00Z"


def test_a_state_folder_that_is_relative_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("", "state"):
        monkeypatch.setenv("XDG_STATE_HOME", given)
        monkeypatch.setenv("HOME", "/home/somebody")
        assert calibrations.folder() == Path("/home/somebody/.local/state/ovbench/calibrations")


def test_without_a_home_nothing_is_kept_and_nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(Unwritable, match="there is no home folder; set XDG_STATE_HOME"):
        calibrations.keep(calibration())
    assert calibrations.kept(MACHINE.id) == ()
    assert calibrations.latest(MACHINE.id) is None
    assert not calibrations.of_other_machines(MACHINE.id)


def test_one_that_cannot_be_kept_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/state")
    with pytest.raises(Unwritable, match="cannot be made: Not a directory"):
        calibrations.keep(calibration())
    assert calibrations.latest(MACHINE.id) is None
    assert not calibrations.of_other_machines(MACHINE.id)
