"""What came of an inference, to compare agents by: of each output the digest of its bytes, a sketch of its values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ovbench.common.bounded import as_name
from ovbench.common.effective import SKETCH_VALUES, OutputDigest, Outputs

from .tensors import NUMPY

MOST_OUTPUTS: Final = 1_024
"""Of a model with more, these first ones are looked at."""

_DIGEST_BYTES: Final = 16
_MOST_SCALE: Final = 1e300
_CHUNK_BYTES: Final = 1 << 20
"""Values are looked at in pieces, so that no copy of a large output counts as the agent's memory."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Content:
    """An output's memory after an inference. Strings come as bytes that hold their lengths, too (see `cxx`)."""

    name: str
    element_type: str
    data: Bytes


def look_twice(infer: Callable[[], Iterable[Content]]) -> Outputs:
    """What the first of two inferences on the same inputs made, and whether the second made the same bytes.

    `infer` does one and returns what it made, to be read before it is called again.
    """
    first = tuple(describe(content) for content in infer())
    again = [digest(content.data) for content in infer()]
    return Outputs(repeatable=[output.digest for output in first] == again, outputs=first)


def describe(content: Content) -> OutputDigest:
    """Packed types, strings, and numbers of 8 bits that numpy has no values for, have no sketch."""
    sketch, scale = b"", 0.0
    if content.element_type in NUMPY or content.element_type == "bf16":
        sketch, scale = _sketch(content), _scale(content)
    return OutputDigest(name=as_name(content.name), digest=digest(content.data), sketch=sketch, scale=scale)


def digest(data: Bytes) -> str:
    return blake2b(data.data, digest_size=_DIGEST_BYTES).hexdigest()


def _item_bytes(element_type: str) -> int:
    return np.dtype(NUMPY.get(element_type, np.uint16)).itemsize


def _values(data: Bytes, element_type: str) -> npt.NDArray[Any]:
    """A bf16 is the upper half of an f32."""
    if element_type == "bf16":
        return (data.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
    return data.view(NUMPY[element_type])


def _sketch(content: Content) -> bytes:
    items = content.data.reshape(-1, _item_bytes(content.element_type))
    if not len(items):
        return b""
    places = np.linspace(0, len(items) - 1, min(len(items), SKETCH_VALUES)).round().astype(np.int64)
    values = _values(np.ascontiguousarray(items[places]).reshape(-1), content.element_type)
    with np.errstate(over="ignore"):  # an f64 may be too large: infinite in all agents alike
        return values.astype("<f4").tobytes()


def _scale(content: Content) -> float:
    most = 0.0
    for at in range(0, content.data.size, _CHUNK_BYTES):
        values = _values(content.data[at : at + _CHUNK_BYTES], content.element_type).astype(np.float64)
        finite = np.abs(values[np.isfinite(values)])
        most = max(most, float(finite.max(initial=0.0)))
    return min(most, _MOST_SCALE)
