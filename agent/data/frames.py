"""Tensors out of files: how frames of images, .npy and .bin files are put together to batches.

The rules are benchmark_app's (openvino/tools/benchmark/utils/inputs_filling.py): tensor after tensor takes as many
files as it has frames, and begins again after the last file. Frame b of a tensor comes from frame b of its file where
a file holds a whole tensor.
"""

import math
import os
import tokenize
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from ovbench.common.errors import UsageError
from ovbench.common.shape import fits, format_shape, static_shape

from .pixels import Pixels, grey, resize
from .signature import InputInfo
from .tensors import NUMPY, PACKED, RAW, STRING, Array, Tensor, bf16_bits, byte_size, empty

StaticShape = tuple[int, ...]
Reader = Callable[[str, InputInfo, StaticShape], Array]
"""Reads a file for a tensor of that shape, as [frames, ...]: as many as the tensor has, or one for any place in it."""


def batch(info: InputInfo, shape: StaticShape) -> int:
    """Frames in a tensor; 1 where the layout knows no batch."""
    place = info.place("N")
    return 1 if place is None else shape[place]


def tensors(info: InputInfo, paths: Sequence[str], read: Reader) -> tuple[Tensor, ...]:
    """As many as there are files, or shapes if they are more; those that would be equal are one in memory."""
    made: dict[tuple[StaticShape, int], Tensor] = {}
    found = []
    first = 0
    for turn in range(max(len(info.shapes), len(paths))):
        shape = info.shapes[turn % len(info.shapes)]
        key = (shape, first % len(paths))
        frames = batch(info, shape)
        if key not in made:
            used = range(first, first + min(max(1, frames), len(paths)))  # no more of them: there may be very many
            made[key] = _tensor(info, shape, [paths[place % len(paths)] for place in used], read)
        found.append(made[key])
        first += frames
    return tuple(found)


def _tensor(info: InputInfo, shape: StaticShape, paths: Sequence[str], read: Reader) -> Tensor:
    data = empty(info.type, shape)
    frames = _by_frame(data, info, shape)
    for place, path in enumerate(paths[: len(frames)]):
        rows = read(path, info, shape)
        frames[place :: len(paths)] = rows if len(rows) == 1 else rows[place :: len(paths)]
    return Tensor(shape, data)


def _by_frame(data: Array, info: InputInfo, shape: StaticShape) -> Array:
    """A tensor's memory as [frames, ...]; packed frames that do not end with a byte are not taken apart."""
    place = info.place("N")
    if info.type not in PACKED:
        return data[None] if place is None else np.moveaxis(data, place, 0)
    if place != 0 or not data.size or math.prod(shape[1:]) % PACKED[info.type][0]:
        return data[None]
    return data.reshape(shape[0], -1)


def read_bin(path: str, info: InputInfo, shape: StaticShape) -> Array:
    """A whole tensor, or one frame. Raises UsageError."""
    if info.type == STRING:
        raise UsageError(f"-i {path}: input '{info.name}' takes strings, which a .bin cannot hold; give a .npy")
    data = empty(info.type, shape)
    frames = _by_frame(data, info, shape)
    try:
        size = os.path.getsize(path)
        content = np.memmap(path, np.uint8, "r") if size else np.empty(0, np.uint8)
    except OSError as error:
        raise UsageError(f"-i {path}: the file cannot be read: {error.strerror}") from None
    if size == data.nbytes:
        return _by_frame(content.view(data.dtype).reshape(data.shape), info, shape)
    if len(frames) and size * len(frames) == data.nbytes:
        return content.view(data.dtype).reshape(1, *frames.shape[1:])
    part = f", or {data.nbytes // len(frames)} for one frame" if len(frames) > 1 else ""
    raise UsageError(
        f"-i {path}: it has {size} bytes, but input '{info.name}' {_text(shape)} {info.type} needs {data.nbytes}{part}"
    )


def holds_one_frame(path: str, info: InputInfo) -> bool:
    """Whether a .bin is smaller than any tensor of the input."""
    return all(os.path.getsize(path) < byte_size(info.type, shape) for shape in info.shapes)


_NPY_ERRORS: Final = (ValueError, TypeError, OverflowError, EOFError, SyntaxError, tokenize.TokenError)
"""What numpy raises for files of any content."""


def read_npy(path: str, info: InputInfo, shape: StaticShape) -> Array:
    """A whole tensor. Raises UsageError."""
    content = _load(path, info)
    if content.shape != shape:
        raise UsageError(
            f"-i {path}: its shape is {_text(content.shape)}, but input '{info.name}' needs {_text(shape)}"
        )
    return _by_frame(_elements(path, content, info), info, shape)


def npy_as_it_is(path: str, info: InputInfo) -> Tensor:
    """For an input of open shape, which may have one dimension more, in front. Raises UsageError."""
    content = _load(path, info)
    if content.ndim == len(info.shape) - 1:
        content = content[None]
    data = empty(info.type, content.shape)
    data[...] = _elements(path, _fitting(path, content, info), info)
    return Tensor(content.shape, data)


def _load(path: str, info: InputInfo) -> Array:
    """The file's array, mapped: only what is taken from it is read."""
    if info.type in PACKED:
        raise UsageError(f"-i {path}: input '{info.name}' is of type {info.type}, which only a .bin can hold")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise UsageError(f"-i {path}: the file cannot be read: {error.strerror}") from None
    except _NPY_ERRORS as error:
        raise UsageError(f"-i {path}: {_npy_fault(path, error)}") from None


def _npy_fault(path: str, error: Exception) -> str:
    """What numpy means by what it raised."""
    with open(path, "rb") as file:
        marked = file.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX
    if marked and str(error).startswith(("EOF", "mmap length")):
        return (
            f"the file is cut short: {os.path.getsize(path)} bytes are fewer than it begins to describe; copy it again"
        )
    what = "it holds Python objects" if "Python objects" in str(error) else "this is no .npy file"
    return f"{what}; write it with numpy.save, from numbers or text"


def _elements(path: str, content: Array, info: InputInfo) -> Array:
    """With the element type that the input's memory has."""
    if info.type == STRING and content.dtype.kind in "US":
        return _strings(path, content)
    kind = NUMPY.get(info.type) or RAW.get(info.type)
    if kind is not None and content.dtype == kind:
        return content
    wanted = "'str'" if kind is None else f"'{np.dtype(kind).name}'"
    bits = f" as bits in {wanted}" if info.type in RAW else f" (save it with .astype({wanted}))"
    raise UsageError(f"-i {path}: it is of type {content.dtype}, but input '{info.name}' needs {info.type}{bits}")


def _strings(path: str, content: Array) -> Array:
    try:
        texts = np.char.decode(content, "utf-8") if content.dtype.kind == "S" else content
        np.char.encode(texts, "utf-8")  # half a surrogate pair has no bytes
        return texts.astype(object)
    except UnicodeError:
        raise UsageError(f"-i {path}: its text is not UTF-8; save it with .astype('str')") from None


def _fitting(path: str, content: Array, info: InputInfo) -> Array:
    if not fits(static_shape(content.shape), info.shape):
        raise _misshapen(path, content, info, format_shape(info.shape))
    return content


def _misshapen(path: str, content: Array, info: InputInfo, needed: str) -> UsageError:
    return UsageError(f"-i {path}: its shape is {_text(content.shape)}, but input '{info.name}' needs {needed}")


class ImageReader:
    """Reads images, one frame each; `resized` once one of them was."""

    def __init__(self) -> None:
        self.resized = False

    def __call__(self, path: str, info: InputInfo, shape: StaticShape) -> Array:
        """Raises UsageError."""
        pixels = _read_image(path)
        width, height, channels = (info.place(letter) for letter in "WHC")
        if width is not None and height is not None:
            size = (shape[height], shape[width])
            self.resized |= pixels.shape[:2] != size
            pixels = resize(pixels, size[1], size[0]) if 0 not in size else pixels[:0, :0]
        frame = _frame(path, pixels, info, None if channels is None else shape[channels])
        place = info.place("N")
        wanted = shape if place is None else (*shape[:place], *shape[place + 1 :])
        if frame.shape != wanted:
            raise UsageError(
                f"-i {path}: as an image it is {_text(frame.shape)}, but input '{info.name}' needs {_text(wanted)}; "
                "say with -layout which dimension is which, as in -layout [NCHW]"
            )
        return _converted(path, frame, info)[None]


def _read_image(path: str) -> Pixels:
    from .images import read_image

    return read_image(path)


def image_as_it_is(path: str, info: InputInfo) -> Tensor:
    """For an input of open shape: in its own size, a batch of one. Raises UsageError."""
    place, batch_place = info.place("C"), info.place("N")
    least, most = (0, -1) if place is None else info.shape[place]
    frame = _frame(path, _read_image(path), info, least if least == most else 3 if place is not None else None)
    if batch_place is not None:
        frame = np.expand_dims(frame, batch_place)
    data = empty(info.type, _fitting(path, frame, info).shape)
    data[...] = _converted(path, frame, info)
    return Tensor(data.shape, data)


def _frame(path: str, pixels: Pixels, info: InputInfo, channels: int | None) -> Pixels:
    """As the layout says, without the batch; where it does not speak of images, [height, width, 3] as it is.

    `channels` is None where the layout has none: such an image is grey.
    """
    letters = info.layout.replace("...", "").replace("N", "")
    if sorted(letters) not in (["C", "H", "W"], ["H", "W"]):
        return pixels
    if channels not in (None, 1, 3):
        raise UsageError(f"-i {path}: an image has 3 colours or 1, but input '{info.name}' has {channels} channels")
    coloured = pixels if channels == 3 else grey(pixels)
    if channels is None:
        return np.transpose(coloured[..., 0], ["HW".index(letter) for letter in letters])
    return np.transpose(coloured, ["HWC".index(letter) for letter in letters])


def _converted(path: str, frame: Pixels, info: InputInfo) -> Array:
    """To what numpy can assign to the input's memory."""
    if info.type == "bf16":
        return bf16_bits(frame)
    if info.type not in NUMPY:
        raise UsageError(f"-i {path}: input '{info.name}' is of type {info.type}, which images cannot be converted to")
    return frame


def _text(shape: Sequence[int]) -> str:
    return format_shape(static_shape(shape))
