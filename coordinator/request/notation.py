"""Values by input as benchmark_app writes them: `data[1,3,224,224],mask[1,128]`, or `[1,16]` for every input. Pure.

The rules are those of openvino/tools/benchmark/utils/utils.py (parse_input_parameters, get_data_shapes_map,
parse_scale_or_mean, parse_input_output_precision). What they ignore in silence is refused here: a part that is not
understood, an input named twice. Unless said otherwise, functions raise UsageError, which begins with the flag.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final, TypeVar

from ovbench.common.errors import UsageError
from ovbench.common.job import EVERY_INPUT
from ovbench.common.shape import Dimension, Shape, ShapeError, format_shape, is_static, parse_dimension, parse_shape
from ovbench.common.spelling import did_you_mean

ELEMENT_TYPES: Final = ("bool", "f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
"""The choices of benchmark_app (parameters.py)."""

_ENTRY: Final = re.compile(r"(?P<name>[^\[\],]*)(?P<values>(?:\[[^\[\]]*\]\s*)+)(?:,|$)")
_VALUE: Final = re.compile(r"\[([^\[\]]*)\]")
_LETTERS: Final = re.compile(r"\.\.\.|.")
_TOO_LARGE: Final = re.compile(r"\d{10,}")

_T = TypeVar("_T")


def parse_batch(text: str) -> Dimension | None:
    """A dimension of 1 or more, perhaps open; None for no text, as benchmark_app has it. Raises ShapeError."""
    if not text.strip():
        return None
    _check_size(text)
    dimension = parse_dimension(text)
    if dimension[1] == 0:
        raise ShapeError(f"'{text}' is not a batch size; write 1 or more, ? for any, or a range as in 1..8")
    return dimension


def shapes(flag: str, text: str) -> dict[str, Shape]:
    """A shape, which may be open, for each input that is named, or for all."""
    return _unmixed(flag, text, _one_each(flag, text, _bracketed(text), _shape))


def data_shapes(flag: str, text: str) -> dict[str, tuple[Shape, ...]]:
    """One or more static shapes for each input that is named, or for all."""
    found = {
        name: tuple(_converted(flag, text, value, _static_shape) for value in values)
        for name, values in _entries(flag, text, _bracketed(text)).items()
    }
    return _unmixed(flag, text, found)


def layouts(flag: str, text: str) -> dict[str, str]:
    """Words with a letter per dimension (`NCHW`, `N...`); `[N,C,H,W]`, `[NCHW]` and `NCHW` are the same."""
    return _unmixed(flag, text, _one_each(flag, text, _bracketed(text), _layout))


def means(flag: str, text: str) -> dict[str, tuple[float, ...]]:
    """A number per channel. Those for all go to images only, so they may stand beside others for one input."""
    return _one_each(flag, text, _bracketed(text), lambda values: tuple(map(_number, values.split(","))))


def scales(flag: str, text: str) -> dict[str, tuple[float, ...]]:
    """As `means`, but none is 0: they divide."""
    return _one_each(flag, text, _bracketed(text), lambda values: tuple(map(_divisor, values.split(","))))


def element_types(flag: str, text: str) -> dict[str, str]:
    """`input:f16, output:f16`, to OpenVINO's names of types; names of inputs and outputs may have colons."""
    found: dict[str, str] = {}
    for pair in filter(None, text.replace(" ", "").split(",")):
        name, _, kind = pair.rpartition(":")
        if not name:
            raise UsageError(f"{flag} {text}: '{pair}' is not NAME:TYPE, as in input:f16,output:f32")
        if kind not in ELEMENT_TYPES:
            near = did_you_mean(kind, ELEMENT_TYPES) or f"; use one of {', '.join(ELEMENT_TYPES)}"
            raise UsageError(f"{flag} {text}: '{kind}' is not an element type{near}")
        if name in found:
            raise UsageError(f"{flag} {text}: '{name}' is there twice; name each input and output once")
        found[name] = element_type(kind)
    return found


def element_type(word: str) -> str:
    """OpenVINO's name of what benchmark_app calls `word`."""
    return "boolean" if word == "bool" else word


def by_input(values: Mapping[str, _T], form: Callable[[_T], str]) -> str | None:
    """Back to the notation, for reports; None where there is nothing."""
    return ",".join(name + form(value) for name, value in values.items()) or None


def form_shapes(several: tuple[Shape, ...]) -> str:
    return "".join(map(format_shape, several))


def form_numbers(numbers: tuple[float, ...]) -> str:
    return "[" + ",".join(repr(number).removesuffix(".0") for number in numbers) + "]"


def _bracketed(text: str) -> str:
    """`1,3,224,224` is `[1,3,224,224]`, for every input."""
    return text if "[" in text or not text.strip() else f"[{text.strip()}]"


def _entries(flag: str, text: str, bracketed: str) -> dict[str, list[str]]:
    """By input, what stands in its brackets. `text` is as it was given, for messages."""
    found: dict[str, list[str]] = {}
    rest = bracketed.strip()
    while rest:
        entry = _ENTRY.match(rest)
        if entry is None:
            raise UsageError(f"{flag} {text}: '{rest}' is not understood; write [VALUE], or NAME[VALUE],NAME[VALUE]")
        name = entry["name"].strip()
        if name in found:
            raise UsageError(f"{flag} {text}: {repr(name) if name else '[...]'} is there twice; name each input once")
        found[name] = _VALUE.findall(entry["values"])
        rest = rest[entry.end() :].lstrip()
    return found


def _one_each(flag: str, text: str, bracketed: str, convert: Callable[[str], _T]) -> dict[str, _T]:
    found = {}
    for name, values in _entries(flag, text, bracketed).items():
        if len(values) != 1:
            raise UsageError(f"{flag} {text}: {name or 'this'} has {len(values)} values, where one is wanted")
        found[name] = _converted(flag, text, values[0], convert)
    return found


def _converted(flag: str, text: str, value: str, convert: Callable[[str], _T]) -> _T:
    try:
        return convert(value)
    except ShapeError as error:
        raise UsageError(f"{flag} {text}: {error}") from None


def _unmixed(flag: str, text: str, found: dict[str, _T]) -> dict[str, _T]:
    """benchmark_app lets `[...]` overrule every name beside it; that cannot be what was meant."""
    if EVERY_INPUT in found and len(found) > 1:
        raise UsageError(f"{flag} {text}: [...] for every input and inputs by name contradict each other; use either")
    return found


def _check_size(text: str) -> None:
    if _TOO_LARGE.search(text):
        raise ShapeError(f"'{text}' has a dimension that no tensor can have; use at most 999999999")


def _shape(text: str) -> Shape:
    _check_size(text)
    return parse_shape(text)


def _static_shape(text: str) -> Shape:
    shape = _shape(text)
    if not is_static(shape):
        raise ShapeError(f"[{text}] is open, but data have a definite shape; write a number for each dimension")
    return shape


def _layout(text: str) -> str:
    word = text.replace(" ", "").upper()
    parts = word.split(",") if "," in word else _LETTERS.findall(word)
    named = [part for part in parts if part != "..."]
    if not named or parts.count("...") > 1 or not all(re.fullmatch("[A-Z?]", part) for part in named):
        raise ShapeError(f"'{text}' is not a layout; write a letter for each dimension, as in NCHW or N...")
    known = [part for part in named if part != "?"]
    if len(set(known)) != len(known):
        raise ShapeError(f"the layout '{text}' has a letter twice; each dimension has its own")
    return "".join(parts)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ShapeError(f"'{text}' is not a number; write one for each channel, as in [123.7,116.3,103.5]")
    return value


def _divisor(text: str) -> float:
    value = _number(text)
    if value == 0:
        raise ShapeError("0 cannot be divided by; scale values are other than 0")
    return value
