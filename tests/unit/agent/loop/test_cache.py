"""Loading the machine code of the loops: from the cache, or compiled anew, whatever has become of the cache."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ovbench.agent.loop import cache as loopcache
from ovbench.agent.loop.compiling import compile_object
from ovbench.agent.loop.linking import Image, Unlinkable
from ovbench.common import cache
from ovbench.common.errors import UsageError

COMPILE: Final = "ovbench.agent.loop.compiling.compile_loops"
"""By its name, as the module takes a third of a second to import."""


@pytest.fixture(scope="module")
def image() -> Image:
    """The loops as they are compiled, once for all tests here."""
    return loopcache._read(cache.entry("loops", loopcache._made_with(), loopcache._make).folder)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ovbench"


@pytest.fixture
def load(image: Image, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[str, int]]:
    """As in a new process: what is said, and how often the loops were compiled for it."""
    compiled: list[Image] = []

    def compile_loops() -> Image:
        compiled.append(image)
        return image

    monkeypatch.setattr(COMPILE, compile_loops)

    def load() -> tuple[str, int]:
        before = len(compiled)
        loops = loopcache.load_loops.__wrapped__()
        assert loops["bucket"](21, 11) == 21
        return loops.note, len(compiled) - before

    return load


def files(home: Path) -> list[Path]:
    return sorted(file for file in home.rglob("loops.*") if file.is_file())


def test_the_loops_are_compiled_once(home: Path, load: Callable[[], tuple[str, int]]) -> None:
    assert load() == ("", 1)
    assert load() == ("", 0)
    assert [file.name for file in files(home)] == ["loops.bin", "loops.json"]


@pytest.mark.parametrize("number", [0, 1])
def test_a_damaged_file_is_never_loaded_and_the_cache_is_mended(
    home: Path, load: Callable[[], tuple[str, int]], number: int
) -> None:
    load()
    file = files(home)[number]
    file.write_bytes(file.read_bytes()[:-1])
    assert load() == ("", 1)
    assert load() == ("", 0)


@pytest.mark.parametrize("places", [b"no JSON", b"{}", b'{"symbols":{},"imports":{},"frames":0}'])
def test_what_is_of_no_use_is_made_anew_even_if_it_is_as_it_was_written(
    home: Path, load: Callable[[], tuple[str, int]], places: bytes
) -> None:
    load()
    folder = files(home)[0].parent
    (folder / "loops.json").write_bytes(places)
    (folder / "contents.json").unlink()
    cache._seal(folder, loopcache._made_with())
    assert cache._whole(folder, loopcache._made_with())
    assert load() == ("", 1)
    assert load() == ("", 0)


def test_a_users_cache_of_numba_holds_them_too(
    load: Callable[[], tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert load() == ("", 1)
    assert load() == ("", 0)
    assert files(tmp_path / "numba" / "ovbench") != []
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "numba")


def test_without_any_folder_they_are_compiled_for_the_process_alone(
    load: Callable[[], tuple[str, int]], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    (tmp_path / "tmp").rmdir()
    said, compiled = load()
    assert compiled == 1
    assert said.startswith(
        "The compiled loops cannot be kept, and are compiled for each run, as no cache can be used ("
    )
    assert str(tmp_path / "cache") in said
    assert files(tmp_path) == []


@pytest.mark.parametrize("problem", [
    Unlinkable("there is no way to load code for machine 243"),
    PermissionError(13, "cannot allocate executable memory"),
])  # fmt: skip
def test_a_machine_that_cannot_have_the_code_is_refused_in_one_sentence_after_one_attempt(
    problem: Exception, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Exception] = []

    def compile_loops() -> Image:
        attempts.append(problem)
        raise problem

    monkeypatch.setattr(COMPILE, compile_loops)
    with pytest.raises(UsageError) as refused:
        loopcache.load_loops.__wrapped__()
    assert str(refused.value) == f"The load's loops cannot be compiled on this machine: {problem}"
    assert attempts == [problem]


def test_numba_that_must_not_compile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    with pytest.raises(Unlinkable, match="NUMBA_DISABLE_JIT"):
        compile_object({})


def test_an_entry_that_another_process_discards_is_done_without(
    load: Callable[[], tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    load()

    def read(folder: Path) -> Image:
        raise FileNotFoundError(2, "No such file or directory", str(folder))

    monkeypatch.setattr(loopcache, "_read", read)
    assert load() == ("", 2)  # for the entry that is made anew, and at last for this process alone


def test_other_sources_another_cpu_and_other_compilers_have_entries_of_their_own(
    load: Callable[[], tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    for owner, name, value in (
        (loopcache, "_cpu", lambda file: "another"),
        (loopcache, "_MADE_BY", ("compiling",)),
        (loopcache, "version", lambda name: "0"),
    ):
        monkeypatch.setattr(owner, name, value)
        assert load() == ("", 1)
        assert load() == ("", 0)
