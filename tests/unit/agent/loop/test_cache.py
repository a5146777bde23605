"""Loading the compiled loops: from the cache, or compiled anew, whatever has become of the cache.

With a loop of one line, which compiles in a moment."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovbench.agent.loop import cache as loopcache
from ovbench.common import cache

LOOP = """
from numba import config, njit, types

@njit(types.int64(types.int64), cache=bool(config.CACHE_DIR))
def double(value):
    return 2 * value
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "one_line_loop.py").write_text(LOOP)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(loopcache, "_LOOPS", ("one_line_loop",))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "cache" / "ovbench"
    sys.modules.pop("one_line_loop", None)


def load() -> tuple[str, int]:
    """As in a new process: what is said, and how many functions came from the cache."""
    sys.modules.pop("one_line_loop", None)
    said = loopcache.load_loops.__wrapped__()
    loop: Any = sys.modules["one_line_loop"]
    assert loop.double(21) == 42
    return said, sum(loop.double.stats.cache_hits.values())


def files(home: Path) -> list[Path]:
    return [file for file in home.rglob("*") if file.suffix in (".nbi", ".nbc")]


def test_the_loops_are_compiled_once(home: Path) -> None:
    assert load() == ("", 0)
    assert load() == ("", 1)
    assert len(files(home)) == 2


def test_a_damaged_file_is_never_loaded_and_the_cache_is_mended(home: Path) -> None:
    load()
    for number in range(2):
        file = sorted(files(home))[number]
        file.write_bytes(file.read_bytes()[:-1])
        assert load() == ("", 0)
        assert load() == ("", 1)


def test_files_that_numba_cannot_load_are_made_anew_even_if_they_are_as_they_were_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    folder = next(file.parent.parent for file in files(home))
    made_with = loopcache._made_with()
    for file in files(home):
        file.write_bytes(b"no pickle")
    (folder / "contents.json").unlink()
    cache._seal(folder, made_with)
    assert cache._whole(folder, made_with)
    assert load() == ("", 0)
    assert load() == ("", 1)


def test_a_users_cache_of_numba_holds_them_too(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert load() == ("", 0)
    assert load() == ("", 1)
    assert files(tmp_path / "numba" / "ovbench") != []
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "numba")


def test_without_any_folder_they_are_compiled_in_memory(home: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    (tmp_path / "tmp").rmdir()
    said, hits = load()
    assert hits == 0
    assert said.startswith(
        "The compiled loops cannot be kept, and are compiled for each run, as no cache can be used ("
    )
    assert str(tmp_path / "cache") in said
    assert files(tmp_path) == []
