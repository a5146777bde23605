"""What an input tensor holds in memory, for each of OpenVINO's element types. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NUMPY: Final[dict[str, type[np.generic]]] = {
    "boolean": np.bool_, "f64": np.float64, "f32": np.float32, "f16": np.float16,
    "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8,
    "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8,
}  # fmt: skip

RAW: Final[dict[str, type[np.generic]]] = {
    "bf16": np.uint16, "f8e4m3": np.uint8, "f8e5m2": np.uint8, "f8e8m0": np.uint8,
}  # fmt: skip
"""Types that numpy lacks, by the unsigned type that holds their bits."""

PACKED: Final[dict[str, tuple[int, int]]] = {
    "u1": (8, 1), "u2": (4, 1), "u3": (8, 3), "u4": (2, 1), "u6": (4, 3), "i4": (2, 1), "nf4": (2, 1), "f4e2m1": (2, 1),
}  # fmt: skip
"""Types of which a block of so many elements takes so many bytes; the last block of a tensor is filled up."""

STRING: Final = "string"


@dataclass(frozen=True)
class Tensor:
    """An input of one inference. `data` is C-contiguous and holds exactly the tensor's bytes; keep it referenced for
    as long as a tensor made from its address is used.

    `data` has the shape `shape` and numpy's element type, for types that numpy lacks the unsigned one of their width.
    Packed types have flat bytes. Strings are an object array of `str`, whose memory OpenVINO cannot use.
    """

    shape: tuple[int, ...]
    data: Array


def numpy_type(element_type: str) -> type[np.generic] | None:
    """What an element is held in; None where elements are packed, are strings, or are not known."""
    return NUMPY.get(element_type) or RAW.get(element_type)


def byte_size(element_type: str, shape: Sequence[int]) -> int:
    """Of a tensor of any known type but `string`."""
    kind = numpy_type(element_type)
    if kind is not None:
        return math.prod(shape) * np.dtype(kind).itemsize
    elements, size = PACKED[element_type]
    return -(-math.prod(shape) // elements) * size


def empty(element_type: str, shape: tuple[int, ...]) -> Array:
    """Memory for a tensor's `data`, not yet filled."""
    if element_type == STRING:
        return np.empty(shape, object)
    kind = numpy_type(element_type)
    return np.empty(byte_size(element_type, shape), np.uint8) if kind is None else np.empty(shape, kind)


def bf16_bits(values: Array) -> npt.NDArray[np.uint16]:
    """Finite values rounded to the nearest bf16, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)
