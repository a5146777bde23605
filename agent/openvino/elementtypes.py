"""The numbers of OpenVINO's element types, found out from the loaded library.

Releases number them differently: up to 2025.0 they begin with one that later ones do not have. A number that is taken
for another type gives figures of another model, so the library reads a model with an input of each type, by its name,
and is asked for their numbers.
"""

import ctypes as c
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from .package import OpenVinoError

NAMES: Final = (
    "dynamic", "boolean", "bf16", "f16", "f32", "f64", "i4", "i8", "i16", "i32", "i64", "u1", "u2", "u3", "u4", "u6",
    "u8", "u16", "u32", "u64", "nf4", "f8e4m3", "f8e5m2", "string", "f4e2m1", "f8e8m0",
)  # fmt: skip
"""Those that an IR may have. One that a build does not know has no number there."""


class Calls(Protocol):
    """See `capi.Library`."""

    def call(self, name: str, *arguments: Any) -> None: ...
    def function(self, name: str) -> Any: ...
    def handle(self, name: str, *arguments: Any) -> c.c_void_p: ...


@dataclass(frozen=True)
class ElementTypes:
    """Those of one number are no type of their own: a build may still read a name that it has another type for."""

    numbers: Mapping[str, int]

    def number(self, name: str) -> c.c_int:
        """As C functions take it. Raises OpenVinoError for one that this build does not have, or not by itself."""
        if name not in self.numbers:
            raise OpenVinoError(f"this build of OpenVINO has no element type '{name}'")
        number = self.numbers[name]
        alike = self._names(number)
        if len(alike) > 1:
            raise OpenVinoError(f"this build of OpenVINO has one element type for {' and '.join(map(repr, alike))}")
        return c.c_int(number)

    def name(self, number: int) -> str:
        return " or ".join(self._names(number)) or f"type {number}"

    def _names(self, number: int) -> list[str]:
        return [name for name, known in self.numbers.items() if known == number]


def find_element_types(library: Calls) -> ElementTypes:
    """Raises OpenVinoError where the library does not read even a model of one input."""
    core = library.handle("ov_core_create")
    try:
        try:
            numbers = _numbers(library, core, NAMES)
        except OpenVinoError:  # a type is unknown, and the model is refused as a whole
            numbers = _each(library, core)
    finally:
        library.function("ov_core_free")(core)
    return ElementTypes(numbers)


def _each(library: Calls, core: c.c_void_p) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name in NAMES:
        try:
            numbers |= _numbers(library, core, (name,))
        except OpenVinoError:
            if name == "f32":
                raise
    return numbers


def _numbers(library: Calls, core: c.c_void_p, names: Sequence[str]) -> dict[str, int]:
    text = model_of(names).encode()
    model = library.handle("ov_core_read_model_from_memory_buffer", core, text, c.c_size_t(len(text)), None)
    try:
        return {name: _number(library, model, index) for index, name in enumerate(names)}
    finally:
        library.function("ov_model_free")(model)


def _number(library: Calls, model: c.c_void_p, index: int) -> int:
    port = library.handle("ov_model_const_input_by_index", model, c.c_size_t(index))
    number = c.c_int()
    try:
        library.call("ov_port_get_element_type", port, c.byref(number))
    finally:
        library.function("ov_output_const_port_free")(port)
    return number.value


def model_of(names: Iterable[str]) -> str:
    """An IR of scalar inputs, each straight to an output."""
    layers, edges = [], []
    for place, name in enumerate(names):
        given, taken = 2 * place, 2 * place + 1
        layers += [
            f'<layer id="{given}" name="{name}" type="Parameter" version="opset1">'
            f'<data shape="" element_type="{name}"/><output><port id="0" precision="FP32"/></output></layer>',
            f'<layer id="{taken}" name="{name}/result" type="Result" version="opset1">'
            '<input><port id="0" precision="FP32"/></input></layer>',
        ]
        edges.append(f'<edge from-layer="{given}" from-port="0" to-layer="{taken}" to-port="0"/>')
    return f'<net name="types" version="11"><layers>{"".join(layers)}</layers><edges>{"".join(edges)}</edges></net>'
