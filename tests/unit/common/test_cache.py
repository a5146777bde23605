"""What is kept between runs: it is ours and whole, or made anew."""

import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ovbench.common.cache import Entry, Uncached, entry
from tests.damages import DAMAGES

VERSIONS = {"ovbench": "1", "numba": "2"}
CONTENT = {"a.bin": b"weights" * 100, "inner/b.nbc": b"code"}


def make(folder: Path) -> None:
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def kept() -> Entry:
    return entry("loops", VERSIONS, make)


def is_whole(found: Entry) -> bool:
    return all((found.folder / name).read_bytes() == content for name, content in CONTENT.items())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ovbench"


def test_an_entry_is_made_once_and_then_found(cache: Path) -> None:
    first = kept()
    assert (first.made, first.note, first.folder.parent) == (True, "", cache)
    assert kept() == Entry(first.folder, made=False, note="")
    assert is_whole(first)


def test_only_the_user_can_write_to_what_is_kept(cache: Path) -> None:
    former = os.umask(0)
    try:
        folder = kept().folder
    finally:
        os.umask(former)
    for path in (cache, folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_another_version_is_another_entry() -> None:
    first = kept()
    second = entry("loops", VERSIONS | {"numba": "3"}, make)
    assert second.made
    assert second.folder != first.folder
    assert not kept().made


@pytest.mark.parametrize("name", [*CONTENT, "contents.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_anew(name: str, damage: Callable[[Path], None]) -> None:
    folder = kept().folder
    damage(folder / name)
    again = kept()
    assert (again.made, again.folder, again.note) == (True, folder, "")
    assert is_whole(again)
    assert not kept().made


@pytest.mark.parametrize("damage", ["removed", "a file", "a link"])
def test_an_entry_that_is_no_folder_is_made_anew(cache: Path, damage: str) -> None:
    folder = kept().folder
    folder.rename(cache / "aside")
    if damage == "a file":
        folder.write_text("x")
    elif damage == "a link":
        folder.symlink_to(cache / "aside")
    again = kept()
    assert (again.made, again.folder) == (True, folder)
    assert not folder.is_symlink()
    assert not kept().made


def test_one_that_cannot_be_used_though_whole_is_made_anew() -> None:
    folder = kept().folder
    assert entry("loops", VERSIONS, make, anew=True) == Entry(folder, made=True, note="")


def test_what_fails_half_way_leaves_nothing(cache: Path) -> None:
    def fails(folder: Path) -> None:
        make(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        entry("loops", VERSIONS, fails)
    assert [found.name for found in cache.iterdir() if found.is_dir()] == []


def test_what_another_made_meanwhile_is_taken(cache: Path) -> None:
    made: list[Entry] = []

    def slowly(folder: Path) -> None:
        make(folder)
        os.remove(next(cache.glob("*.lock")))  # as where there are no locks
        made.append(kept())

    found = entry("loops", VERSIONS, slowly)
    assert found.folder == made[0].folder
    assert not kept().made
    assert [path for path in cache.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("in_the_way", ["cache", "cache/ovbench"])
def test_without_a_cache_a_temporary_folder_serves(tmp_path: Path, in_the_way: str) -> None:
    (tmp_path / in_the_way).parent.mkdir(exist_ok=True)
    (tmp_path / in_the_way).write_text("a file")
    found = kept()
    assert found.folder.is_relative_to(tmp_path / "tmp")
    assert f"{tmp_path / 'cache'}" in found.note
    assert f"; {found.folder.parent} serves instead." in found.note
    assert stat.S_IMODE(found.folder.parent.stat().st_mode) == 0o700
    assert kept() == Entry(found.folder, made=False, note=found.note)


def test_a_user_without_a_home_has_a_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setattr(Path, "home", nobody)
    found = kept()
    assert found.folder.is_relative_to(tmp_path / "tmp")
    assert "there is no home folder" in found.note


def test_a_folder_of_another_user_is_not_used(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept()
    temporary = tmp_path / "tmp" / f"ovbench-cache-{os.geteuid() + 1}-x"
    temporary.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: cache.stat().st_uid + 1)  # so that all that is there is another's
    with pytest.raises(Uncached, match="belongs to another user"):
        kept()


def test_a_full_disk_is_made_up_for(tmp_path: Path, cache: Path) -> None:
    def full(folder: Path) -> None:
        if folder.is_relative_to(cache):
            raise OSError(28, "No space left on device")
        make(folder)

    found = entry("loops", VERSIONS, full)
    assert found.folder.is_relative_to(tmp_path / "tmp")
    assert found.note.startswith("The cache cannot be used (No space left on device)")
    assert list(cache.glob(".*")) == []


def test_where_nothing_can_be_written_it_is_said() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        with pytest.raises(Uncached, match="File too large"):
            kept()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
