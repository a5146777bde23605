"""The numbers of element types, as they are kept for a build."""

import os
import re
from pathlib import Path
from typing import NoReturn

import pytest

from ovbench.agent.openvino import numbering
from ovbench.agent.openvino.build import probe
from ovbench.agent.openvino.capi import Library
from ovbench.agent.openvino.elementtypes import find_element_types
from ovbench.agent.openvino.objects import Core
from ovbench.common.cache import Uncached
from tests.openvino import opset_models


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ovbench"


def no_process(name: str, *arguments: str) -> NoReturn:
    raise AssertionError("no process is to be started")


def test_another_process_finds_the_numbers_once_and_they_are_the_library_s_own(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = find_element_types(Library())
    assert probe(Library()).types == own
    monkeypatch.setattr(numbering, "run_module", no_process)
    assert probe(Library()).types == own
    assert len(list(cache.glob("elementtypes-*/numbers.json"))) == 1


def test_of_library_files_that_were_replaced_the_numbers_are_found_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "libopenvino.so"
    file.write_bytes(b"one")
    monkeypatch.setattr(numbering, "library_file", lambda pattern: file)
    first = numbering._made_with()
    assert numbering._made_with() == first
    other = tmp_path / "another of that size and time"
    other.write_bytes(b"two")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.rename(file)
    assert numbering._made_with() != first


@pytest.mark.parametrize("content", [b"", b"{}", b'{"numbers": {"f32": "four"}}'])
def test_what_is_kept_and_is_no_numbers_is_not_used(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "_make", lambda folder: (folder / "numbers.json").write_bytes(content))
    library = probe(Library())
    assert library.types == find_element_types(library)


def test_where_the_process_ends_by_a_signal_the_library_itself_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "run_module", lambda name, *arguments: (-11, ""))
    library = probe(Library())
    assert library.types == find_element_types(library)


def test_where_nothing_can_be_kept_the_library_itself_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(*arguments: object) -> NoReturn:
        raise Uncached("the disk is full")

    monkeypatch.setattr(numbering, "entry", entry)
    library = probe(Library())
    assert library.types == find_element_types(library)


def test_to_know_the_numbers_makes_no_node_that_others_are_counted_after(tmp_path: Path) -> None:
    """Layers without a name have the numbers that benchmark_app gives them."""
    file = opset_models.save(opset_models.nameless(), tmp_path)
    file.write_text(file.read_text().replace('name="twice_node"', 'name=""'))

    def number(library: Library) -> int:
        (port,) = Core(library).read_model(str(file)).outputs
        found = re.fullmatch(r"Add_(\d+)", port.node)
        assert found is not None
        return int(found[1])

    known = probe(Library())
    first, second = number(known), number(known)
    asked = probe(Library())
    assert asked.types == known.types
    assert number(asked) - second == second - first
    find_element_types(asked)
    assert number(asked) - second > 2 * (second - first)
