"""The digest of a set of files, and names that are safe on another host."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.fileset import fault_of_name, set_sha256
from ovbench.common.hostmessages import FileOffer

FILES = (FileOffer("m.xml", "a" * 64, 1), FileOffer("m.bin", "b" * 64, 2))


def test_the_order_of_the_files_is_all_the_same() -> None:
    assert set_sha256(FILES) == set_sha256(FILES[::-1])


@pytest.mark.parametrize(
    "other", [FILES[:1], (FILES[0], FileOffer("n.bin", "b" * 64, 2)), (FILES[0], FileOffer("m.bin", "c" * 64, 2))]
)
def test_another_name_or_content_is_another_set(other: tuple[FileOffer, ...]) -> None:
    assert set_sha256(other) != set_sha256(FILES)


@pytest.mark.parametrize("name", ["m.xml", "a/b/m.xml", "ü .bin", "...", "a:b", "-m", "x" * 255])
def test_what_a_file_may_be_called(name: str) -> None:
    assert fault_of_name(name) is None


@pytest.mark.parametrize(
    "name", ["", "/", "/m", "m/", "a/../b", ".", "a\0b", "a\tb/\n", "\u202etxt", "\udcff", "é" * 200]
)
def test_what_it_may_not(name: str) -> None:
    if name == "a\tb/\n":
        assert fault_of_name("a/\n") is not None
    assert fault_of_name(name) is not None


@given(st.text())
def test_a_name_that_passes_stays_in_its_folder(name: str) -> None:
    if fault_of_name(name) is None:
        assert os.path.normpath(f"/cache/set/{name}") == f"/cache/set/{name}"
        assert len(f"/cache/set/{name}".encode()) < 4096
