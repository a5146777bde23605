"""Seeded random inputs of the right type, written into the memory of the input tensors."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_NUMPY: Final[dict[str, Any]] = {
    "f64": np.float64, "f32": np.float32, "f16": np.float16,
    "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8,
    "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8,
}  # fmt: skip


class UnknownType(Exception):
    """An element type that random data cannot be made for; the text names it."""


def random_bytes(element_type: str, size: int, random: np.random.Generator) -> Bytes:
    """`size` bytes of random elements.

    Floating point is uniform in [0, 1): as an image after scaling, and nothing overflows. Integers are 0 or 1: legal
    as token, mask or index for any model whose tables have two rows. Raises UnknownType.
    """
    if element_type == "bf16":
        # The upper half of an f32 is its bf16, truncated.
        floats = random.random(size // 2, dtype=np.float32)
        halves: Bytes = (floats.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        return halves
    if element_type == "boolean":
        return random.integers(0, 2, size, dtype=np.uint8)
    kind = _NUMPY.get(element_type)
    if kind is None:
        raise UnknownType(element_type)
    count = size // np.dtype(kind).itemsize
    if np.issubdtype(kind, np.floating):
        elements = random.random(count, dtype=np.float32).astype(kind)
    else:
        elements = random.integers(0, 2, count).astype(kind)
    data: Bytes = elements.view(np.uint8)
    return data
