"""Random inputs: seeded, and legal for whatever an input may be used as. Pure."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .tensors import NUMPY, PACKED, RAW, STRING, Array, Tensor, bf16_bits, byte_size

_EXACT: Final = {"bf16": 1 << 8, "f16": 1 << 11, "f32": 1 << 24, "f64": 1 << 53}
"""Floating point types, by the number up to which they have every integer."""

_EIGHT_BITS: Final = {"f8e4m3": (0, 0x38), "f8e5m2": (0, 0x3C), "f8e8m0": (119, 127)}
"""The bits of finite values that are not negative and not above 1: least and most."""

_ANY_VALUE: Final = ("u8", "i8")
"""Types of quantized data, not of tokens and masks."""

_LETTERS: Final = np.array(list("abcdefghijklmnopqrstuvwxyz"))
_LONGEST_WORD: Final = 8
_MOST_WORDS: Final = 4

KNOWN: Final = (*NUMPY, *RAW, *PACKED, STRING)


def random_tensor(element_type: str, shape: tuple[int, ...], rows: int | None, random: np.random.Generator) -> Tensor:
    """A tensor of any of the types in KNOWN; `rows` as in `InputInfo`.

    Floating point is uniform in [0, 1): as an image after scaling, and nothing overflows. An index stays inside its
    table. Other integers of more than 8 bits are 0 or 1, legal as token and mask for any model with two tokens.
    """
    return Tensor(shape, _data(element_type, shape, rows, random))


def description(element_type: str, rows: int | None) -> str:
    """What `random_tensor` makes, as in `random u8 in 0..255`."""
    if element_type == STRING:
        return "random words"
    if element_type in PACKED:
        return f"random {element_type} of any value"
    low, high = _limits(element_type, rows) or (0, 1)
    return f"random {element_type} in {low}..{high}"


def _data(element_type: str, shape: tuple[int, ...], rows: int | None, random: np.random.Generator) -> Array:
    if element_type == STRING:
        return _sentences(shape, random)
    if element_type in PACKED:
        return random.integers(0, 256, byte_size(element_type, shape), np.uint8)
    if element_type in _EIGHT_BITS:
        low, high = _EIGHT_BITS[element_type]
        return random.integers(low, high, shape, np.uint8, endpoint=True)
    limits = _limits(element_type, rows)
    kind: Any = NUMPY.get(element_type)
    if limits is not None and element_type not in _EXACT:
        return random.integers(*limits, shape, kind, endpoint=True)
    numbers: Array = (
        random.random(shape, np.float32) if limits is None else random.integers(*limits, shape, endpoint=True)
    )
    if element_type == "bf16":
        return bf16_bits(numbers)
    return numbers.astype(kind, copy=False)


def _limits(element_type: str, rows: int | None) -> tuple[int, int] | None:
    """The least and the most integer; None for floating point that is no index, and for 8 bits of it."""
    if element_type in _EIGHT_BITS or (element_type in _EXACT and rows is None):
        return None
    if element_type in _EXACT:
        low, high = 0, _EXACT[element_type]
    elif element_type == "boolean":
        low, high = 0, 1
    else:
        kind: Any = NUMPY[element_type]
        low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    if rows is not None:
        return (0, min(max(rows, 1) - 1, high))
    return (low, high) if element_type in _ANY_VALUE else (0, 1)


def _sentences(shape: tuple[int, ...], random: np.random.Generator) -> npt.NDArray[np.object_]:
    texts = np.empty(shape, object)
    for place in np.ndindex(shape):
        lengths = random.integers(1, _LONGEST_WORD, random.integers(1, _MOST_WORDS, endpoint=True), endpoint=True)
        texts[place] = " ".join("".join(random.choice(_LETTERS, length)) for length in lengths)
    return texts
