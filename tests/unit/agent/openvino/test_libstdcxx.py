"""Strings and paths that are made here are seen by libstdc++ itself, in both of its ABIs."""

import ctypes as c

import pytest

from ovbench.agent.openvino.libstdcxx import NEW, OLD, Paths, Strings, function

STANDARD_LIBRARY = c.CDLL("libstdc++.so.6")
COMPARE = {
    NEW: "_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7compareEPKc",
    OLD: "_ZNKSs7compareEPKc",
}
BOTH = pytest.mark.parametrize("strings", [NEW, OLD], ids=["new", "old"])
TEXTS = pytest.mark.parametrize("text", [b"", b"x", b"exactly15chars_", b"exactly16chars__", b"long" * 100])


@BOTH
@TEXTS
def test_a_string_that_is_made_is_the_same_text_to_the_standard_library(strings: Strings, text: bytes) -> None:
    compare = function(STANDARD_LIBRARY, COMPARE[strings], c.c_int, c.c_void_p, c.c_char_p)
    made = strings.make(text)
    assert compare(made.address, text) == 0
    assert compare(made.address, text + b"!") < 0
    assert strings.read(made.address) == text


@BOTH
def test_a_string_with_a_zero_in_it_is_read_whole(strings: Strings) -> None:
    assert strings.read(strings.make(b"a\0b").address) == b"a\0b"


@TEXTS
def test_a_string_that_the_standard_library_has_written_is_read(text: bytes) -> None:
    assign = function(STANDARD_LIBRARY, "_ZNSs6assignEPKcm", c.c_void_p, c.c_void_p, c.c_char_p, c.c_size_t)
    target = OLD.make(b"before")
    assign(target.address, text, len(text))
    assert OLD.read(target.address) == text


@BOTH
@pytest.mark.parametrize(("path", "named"), [(b"file", True), (b"/a/folder/file.xml", True), (b"/a/folder/", False)])
def test_a_path_that_is_made_has_its_parts(strings: Strings, path: bytes, named: bool) -> None:
    """Without them it would have no file name."""
    paths = Paths(STANDARD_LIBRARY, strings)
    has_filename = f"_ZNK{strings.paths}12has_filenameEv"
    made = paths.make(path)
    try:
        assert function(STANDARD_LIBRARY, has_filename, c.c_bool, c.c_void_p)(made.address) is named
    finally:
        paths.free(made)


def test_a_function_that_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        function(STANDARD_LIBRARY, "_ZNSs4noneEv", None)
