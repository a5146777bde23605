"""Element types by name and number, with a library that stands in for OpenVINO's."""

import ctypes as c
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import pytest

from ovbench.agent.openvino.elementtypes import NAMES, ElementTypes, find_element_types, model_of
from ovbench.agent.openvino.package import OpenVinoError


class Library:
    """Numbers types by their place in `known`, and refuses a model with any other."""

    def __init__(self, known: Sequence[str]) -> None:
        self.known = known
        self.read: list[str] = []

    def call(self, name: str, *arguments: Any) -> None:
        assert name == "ov_port_get_element_type"
        port, number = arguments
        number._obj.value = self.known.index(self.read[port.value])

    def function(self, name: str) -> Any:
        return lambda *arguments: None

    def handle(self, name: str, *arguments: Any) -> c.c_void_p:
        if name == "ov_core_read_model_from_memory_buffer":
            self.read = re.findall(r'element_type="(\w+)"', arguments[1].decode())
            if not set(self.read) <= set(self.known):
                raise OpenVinoError("Incorrect type")
        return arguments[2 - 1] if name == "ov_model_const_input_by_index" else c.c_void_p(1)


def test_numbers_are_those_of_the_library() -> None:
    shifted = ("undefined", *NAMES)
    found = find_element_types(Library(shifted))
    assert {name: found.number(name).value for name in NAMES} == {name: n for n, name in enumerate(NAMES, start=1)}
    assert found.name(shifted.index("u8")) == "u8"
    assert found.name(0) == "type 0"


def test_a_type_that_the_library_does_not_know_has_no_number_and_the_others_have_theirs() -> None:
    known = [name for name in NAMES if name not in ("u6", "f8e8m0")]
    found = find_element_types(Library(known))
    assert set(found.numbers) == set(known)
    assert found.number("u8").value == known.index("u8")
    with pytest.raises(OpenVinoError, match="no element type 'u6'"):
        found.number("u6")


def test_types_of_one_number_are_not_told_apart() -> None:
    """As where a build reads the name of a type that it has no more."""
    found = ElementTypes({"f32": 1, "u6": 2, "u8": 2})
    assert found.number("f32").value == 1
    for name in ("u6", "u8"):
        with pytest.raises(OpenVinoError, match="one element type for 'u6' and 'u8'"):
            found.number(name)
    assert found.name(2) == "u6 or u8"


def test_all_that_was_made_is_freed_where_a_call_fails() -> None:
    class Failing(Library):
        def __init__(self) -> None:
            super().__init__(NAMES)
            self.freed: list[str] = []

        def call(self, name: str, *arguments: Any) -> None:
            raise OpenVinoError("no")

        def function(self, name: str) -> Any:
            return lambda *arguments: self.freed.append(name)

    library = Failing()
    with pytest.raises(OpenVinoError, match="no"):
        find_element_types(library)
    freed = {name: library.freed.count(name) for name in set(library.freed)}
    assert freed["ov_model_free"] == freed["ov_output_const_port_free"] > 1
    assert freed["ov_core_free"] == 1


def test_a_library_that_reads_no_model_at_all_is_an_error() -> None:
    with pytest.raises(OpenVinoError, match="Incorrect type"):
        find_element_types(Library([]))


def test_no_number_is_assumed() -> None:
    with pytest.raises(OpenVinoError):
        ElementTypes({}).number("f32")


def test_the_model_that_is_read_has_an_input_of_each_type_to_an_output_of_its_own() -> None:
    net = ElementTree.fromstring(model_of(NAMES))
    layers = {layer.get("id"): layer for layer in net.iter("layer")}
    edges = [(edge.get("from-layer"), edge.get("to-layer")) for edge in net.iter("edge")]
    assert [layers[source].get("name") for source, _ in edges] == list(NAMES)
    assert {layers[sink].get("type") for _, sink in edges} == {"Result"}
    assert len(layers) == 2 * len(NAMES)
