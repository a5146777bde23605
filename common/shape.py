"""Shapes that may be open, and how people write them: `[1,3,?,224..448]`, in OpenVINO's own notation."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta

_MOST_DIMENSION: Final = (1 << 63) - 1
_MOST_RANK: Final = 4_096

Dimension = tuple[Annotated[int, Meta(ge=0, le=_MOST_DIMENSION)], Annotated[int, Meta(ge=-1, le=_MOST_DIMENSION)]]
"""Least and most; the most is OPEN where there is no limit."""

Shape = Annotated[tuple[Dimension, ...], Meta(max_length=_MOST_RANK)]

OPEN: Final = -1

_RANGE: Final = re.compile(r"(\d*)\s*\.\.\s*(\d*)")


class ShapeError(ValueError):
    """The text is no shape; it says what is wrong, without the option that it came from."""


def parse_dimension(text: str) -> Dimension:
    """`4`, `?`, `-1`, `2..8`, `2..` or `..8`. Raises ShapeError."""
    word = text.strip()
    if word in ("?", "-1"):
        return (0, OPEN)
    if word.isdecimal():
        return (int(word), int(word))
    found = _RANGE.fullmatch(word)
    if found is None or not (found[1] or found[2]):
        raise ShapeError(f"'{word}' is not a dimension; write a number, ? for any, or a range as in 1..8")
    low = int(found[1] or 0)
    high = int(found[2]) if found[2] else OPEN
    if high != OPEN and high < low:
        raise ShapeError(f"the range {word} ends before it begins")
    return (low, high)


def parse_shape(text: str) -> Shape:
    """With or without its brackets; `[]` is a scalar. Raises ShapeError."""
    inner = text.strip().removeprefix("[").removesuffix("]").strip()
    return tuple(parse_dimension(part) for part in inner.split(",")) if inner else ()


def format_dimension(dimension: Dimension) -> str:
    low, high = dimension
    if low == high:
        return str(low)
    if dimension == (0, OPEN):
        return "?"
    return f"{low or ''}..{'' if high == OPEN else high}"


def format_shape(shape: Shape) -> str:
    """As OpenVINO prints it."""
    return "[" + ",".join(format_dimension(dimension) for dimension in shape) + "]"


def static_shape(dims: Sequence[int]) -> Shape:
    return tuple((dim, dim) for dim in dims)


def is_static(shape: Shape) -> bool:
    return all(low == high for low, high in shape)


def lengths(shape: Shape) -> tuple[int, ...]:
    """Of a static shape."""
    assert is_static(shape)
    return tuple(low for low, _ in shape)


def fits(shape: Shape, wider: Shape) -> bool:
    """Whether every tensor of `shape` is one of `wider`."""
    return len(shape) == len(wider) and all(
        low >= least and (most == OPEN or OPEN != high <= most)
        for (low, high), (least, most) in zip(shape, wider, strict=True)
    )
