"""The files by which supervisors that are started by hand join."""

import stat
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.launch import Seat
from ovbench.coordinator.launch.joinfiles import JoinFileLauncher
from ovbench.coordinator.request.hosts import parse_hosts

SEATS = [Seat("a", b"secret of a\n"), Seat("b", b"secret of b\n")]


def started(folder: Path) -> JoinFileLauncher:
    launcher = JoinFileLauncher(parse_hosts("--hosts", "a,b"), folder)
    launcher.start(SEATS)
    return launcher


def test_each_host_has_a_file_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    launcher = started(tmp_path)
    assert [file.read_bytes() for file in launcher.files] == [seat.join for seat in SEATS]
    assert {stat.S_IMODE(file.stat().st_mode) for file in launcher.files} == {0o600}
    assert sorted(tmp_path.iterdir()) == sorted(launcher.files), "nothing else is left there"


def test_they_are_removed_in_the_end(tmp_path: Path) -> None:
    started(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ovbench-join-b.json").write_text("precious")
    launcher = JoinFileLauncher(parse_hosts("--hosts", "a,b"), tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        launcher.start(SEATS)
    launcher.close()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("ovbench-join-b.json", "precious")]
