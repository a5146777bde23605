"""The private folder of a run, and what killed runs left of theirs."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.runfolder import run_folder

LONG_AGO = 1_000_000_000


@pytest.fixture(autouse=True)
def parent(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a path that is short enough, whatever pytest's is."""
    folder = tmp_path_factory.mktemp("t", numbered=True)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("ovbench.common.runfolder._LONGEST", 1000)
    return folder


def left(parent: Path, name: str = "ovbench-run-old", lock: bool = True) -> Path:
    folder = parent / name
    folder.mkdir(mode=0o700)
    (folder / "agent-0.log").write_text("")
    if lock:
        (folder / "lock").write_text("")
    os.utime(folder, (LONG_AGO, LONG_AGO))
    return folder


def run() -> None:
    with run_folder():
        pass


def test_it_is_private_and_gone_afterwards(parent: Path) -> None:
    with run_folder() as folder:
        assert folder.parent == parent
        assert folder.name.startswith("ovbench-run-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "agent-0.log").write_text("x")
    assert list(parent.iterdir()) == []


def test_runs_leave_each_others_alone(parent: Path) -> None:
    with run_folder() as first:
        os.utime(first, (LONG_AGO, LONG_AGO))
        with run_folder() as second:
            assert first.is_dir()
            assert second != first


@pytest.mark.parametrize("name", ["ovbench-run-old", ".ovbench-run-old"])
@pytest.mark.parametrize("lock", [True, False])
def test_what_killed_runs_left_is_removed(parent: Path, name: str, lock: bool) -> None:
    left(parent, name, lock)
    run()
    assert list(parent.iterdir()) == []


def test_one_that_is_just_being_made_is_left_alone(parent: Path) -> None:
    for name in ("ovbench-run-new", ".ovbench-run-new"):
        os.utime(left(parent, name, lock=False))
    run()
    assert len(list(parent.iterdir())) == 2


def test_one_whose_lock_has_just_been_made_and_is_not_yet_taken_is_left_alone(parent: Path) -> None:
    """Two runs that began at one instant took each other's for one that was left."""
    os.utime(left(parent, ".ovbench-run-new"))
    run()
    assert (parent / ".ovbench-run-new" / "lock").exists()


def test_one_that_is_locked_is_left_alone(parent: Path) -> None:
    folder = left(parent)
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run()
        assert folder.is_dir()


def test_a_pipe_or_a_link_for_a_lock_is_not_waited_for(parent: Path) -> None:
    os.mkfifo(left(parent, lock=False) / "lock")
    (left(parent, "ovbench-run-b", lock=False) / "lock").symlink_to("/dev/stdin")
    for folder in parent.iterdir():
        os.utime(folder, (LONG_AGO, LONG_AGO))
    run()
    assert list(parent.iterdir()) == []


def test_what_others_may_write_or_is_no_folder_is_not_looked_at(parent: Path, tmp_path: Path) -> None:
    os.mkfifo(left(parent, lock=False) / "lock")
    (parent / "ovbench-run-old").chmod(0o777)
    os.mkfifo(parent / "ovbench-run-pipe")
    (parent / "ovbench-run-link").symlink_to(left(tmp_path))
    before = sorted(parent.rglob("*"))
    run()
    assert sorted(parent.rglob("*")) == before
    assert (tmp_path / "ovbench-run-old" / "lock").exists()


def test_another_users_is_not_looked_at(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = left(parent)
    monkeypatch.setattr("os.geteuid", lambda: folder.stat().st_uid + 1)
    run()
    assert folder.is_dir()


@pytest.mark.parametrize("name", ["я" * 31, "x" * 60, "\udcff"])
def test_a_path_that_no_socket_can_have_is_done_without(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ovbench.common.runfolder._LONGEST", len(str(tmp_path)) + 61)
    monkeypatch.setattr("ovbench.common.runfolder._SYSTEM", tmp_path)
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    with run_folder() as folder:
        assert folder.parent == tmp_path


def test_no_folder_for_temporary_files_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match=r"cannot be made in .*gone: No such file or directory; set TMPDIR"):
        run()
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._get_default_tempdir", lambda: (_ for _ in ()).throw(FileNotFoundError(2, "none")))
    with pytest.raises(UsageError, match="no folder for temporary files that can be written; set TMPDIR"):
        run()


def test_what_goes_wrong_inside_is_not_blamed_on_the_folder() -> None:
    with pytest.raises(FileNotFoundError), run_folder() as folder:
        (folder / "nothing").read_text()
