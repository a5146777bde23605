"""The inputs' tensors: from the user's files, the sizes of images, or random data."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ovbench.common import job as jobs
from ovbench.common.errors import UsageError
from ovbench.common.shape import format_shape, static_shape

from .files import BIN, IMAGE, NPY, Files, assign
from .frames import ImageReader, batch, holds_one_frame, image_as_it_is, npy_as_it_is, read_bin, read_npy, tensors
from .noise import KNOWN, description, random_tensor
from .signature import InputInfo
from .tensors import STRING, Tensor, bf16_bits, byte_size, empty

Size = tuple[int, int]

_ADDRESSABLE: Final = 1 << 46
_MOST_LISTED: Final = 20


@dataclass(frozen=True)
class Filled:
    """The tensors of one input, to be used in turn, and what they are filled with, in words.

    A tensor may stand in several places; it is one in memory.
    """

    tensors: tuple[Tensor, ...]
    text: str


@dataclass(frozen=True)
class Gathered:
    """What each input is filled with, in the model's order, and notes for the user, a sentence each."""

    inputs: tuple[Filled, ...]
    notes: tuple[str, ...]


def gather(inputs: Sequence[InputInfo], data: jobs.Data) -> Gathered:
    """Make the tensors of all inputs, by benchmark_app's rules (utils/inputs_filling.py, get_input_data).

    Raises UsageError, also where memory is short.
    """
    chosen, assigned = assign(inputs, data.files)
    notes = list(assigned)
    fed: dict[int, Filled] = {}
    for index, files in chosen.items():
        with _memory_for(inputs[index]):
            fed[index] = _from_files(inputs[index], files, notes)
    sizes = _image_sizes(inputs, fed)
    filled = []
    for index, info in enumerate(inputs):
        if index not in fed and data.files and not (sizes and info.is_image_info):
            notes.append(f"Input '{info.name}' is given no files; it is filled with random values.")
        with _memory_for(info):
            filled.append(fed[index] if index in fed else _without_files(index, info, sizes, data.seed))
    return Gathered(tuple(filled), tuple(notes))


@contextmanager
def _memory_for(info: InputInfo) -> Iterator[None]:
    try:
        if info.type not in KNOWN:
            raise UsageError(f"input '{info.name}' is of type {info.type}, for which no data can be made")
        if any(_least_bytes(info, shape) > _ADDRESSABLE for shape in info.shapes):
            raise MemoryError
        yield
    except MemoryError:
        shapes = _few([_text(shape) for shape in info.shapes]) or format_shape(info.shape)
        raise UsageError(
            f"input '{info.name}': there is no memory for its tensors of {info.type} {shapes}; "
            "give smaller shapes or fewer files"
        ) from None


def _least_bytes(info: InputInfo, shape: tuple[int, ...]) -> int:
    return math.prod(shape) if info.type == STRING else byte_size(info.type, shape)


def _from_files(info: InputInfo, files: Files, notes: list[str]) -> Filled:
    if not info.shapes:
        return _as_they_are(info, files)
    used = _used(info, files, notes)
    if used.kind == NPY:
        return Filled(tensors(info, used.paths, read_npy), used.counted)
    if used.kind == BIN:
        made = tensors(info, used.paths, read_bin)
        part = ", one frame each" if all(holds_one_frame(path, info) for path in used.paths) else ""
        return Filled(made, used.counted + part)
    read = ImageReader()
    made = tensors(info, used.paths, read)
    resized = f", resized to {_listed([_size(info, tensor.shape) for tensor in made])}" if read.resized else ""
    return Filled(made, _images_text(used) + resized)


def _used(info: InputInfo, files: Files, notes: list[str]) -> Files:
    """The files without those that would not fill their last round of the input's shapes."""
    frames = max(1, sum(batch(info, shape) for shape in info.shapes))
    over = len(files.paths) % frames if len(files.paths) > frames else 0
    round_text = f"{frames} frame{'' if frames == 1 else 's'} of its shapes"
    if over:
        notes.append(
            f"Input '{info.name}': {files.counted} are not a multiple of the {round_text}; the last {over} are "
            "not used."
        )
    if len(files.paths) < frames:
        notes.append(f"Input '{info.name}': {files.counted} for the {round_text}; files are used more than once.")
    return Files(files.kind, files.paths[: len(files.paths) - over])


_AS_THEY_ARE: Final[dict[str, tuple[Callable[[str, InputInfo], Tensor], str]]] = {
    IMAGE: (image_as_it_is, "size"),
    NPY: (npy_as_it_is, "shape"),
}


def _as_they_are(info: InputInfo, files: Files) -> Filled:
    """For an input of open shape: each file makes a tensor of its own shape."""
    if files.kind not in _AS_THEY_ARE:
        raise UsageError(
            f"-i {files.paths[0]}: a .bin does not say its shape, and that of input '{info.name}' is open, "
            f"{format_shape(info.shape)}; give shapes with -data_shape"
        )
    make, what = _AS_THEY_ARE[files.kind]
    made = tuple(make(path, info) for path in files.paths)
    counted = _images_text(files) if files.kind == IMAGE else files.counted
    return Filled(made, f"{counted} in {f'its own {what}' if len(made) == 1 else f'their own {what}s'}")


def _images_text(files: Files) -> str:
    suffixes = dict.fromkeys(Path(path).suffix.lower().removeprefix(".") for path in files.paths)
    return f"{files.counted} ({', '.join(suffixes)})"


def _image_sizes(inputs: Sequence[InputInfo], fed: Mapping[int, Filled]) -> tuple[Size, ...]:
    """Width and height of the model's only image input, in turn; none where it has not exactly one."""
    images = [index for index, info in enumerate(inputs) if info.is_image]
    if len(images) != 1:
        return ()
    info = inputs[images[0]]
    made = fed[images[0]].tensors if images[0] in fed else ()
    return tuple(_size(info, shape) for shape in info.shapes or [tensor.shape for tensor in made])


def _size(info: InputInfo, shape: tuple[int, ...]) -> Size:
    width, height = info.place("W"), info.place("H")
    return (0 if width is None else shape[width], 0 if height is None else shape[height])


def _listed(sizes: Sequence[Size]) -> str:
    return _few([f"{width} x {height}" for width, height in sizes])


def _few(texts: Sequence[str]) -> str:
    """The first of them, each once: images in their own sizes can be very many."""
    once = list(dict.fromkeys(texts))
    more = len(once) - _MOST_LISTED
    return ", ".join(once[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _without_files(index: int, info: InputInfo, sizes: Sequence[Size], seed: int) -> Filled:
    if not info.shapes:
        raise UsageError(
            f"input '{info.name}' has the open shape {format_shape(info.shape)}; "
            "give shapes with -data_shape, or files with -i"
        )
    if info.is_image_info and sizes:
        turns = range(max(len(info.shapes), len(sizes)))
        made = [_sizes_tensor(info, info.shapes[turn % len(info.shapes)], sizes[turn % len(sizes)]) for turn in turns]
        return Filled(tuple(made), f"sizes of images, {_listed(sizes)}")
    random = np.random.default_rng([seed, index])
    made = [random_tensor(info.type, shape, info.rows, random) for shape in info.shapes]
    return Filled(tuple(made), f"{description(info.type, info.rows)}, seed {seed}")


def _sizes_tensor(info: InputInfo, shape: tuple[int, ...], size: Size) -> Tensor:
    """Width and height, and 1 for the scale and what may follow, the same for each image of the batch."""
    rows = np.ones(shape, np.float32)
    rows[:, :2] = size
    data = empty(info.type, shape)
    data[...] = bf16_bits(rows) if info.type == "bf16" else rows
    return Tensor(shape, data)


def _text(shape: Sequence[int]) -> str:
    return format_shape(static_shape(shape))
