"""Which files feed which input, by benchmark_app's rules (openvino/tools/benchmark/utils/inputs_filling.py)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.common.job import InputFiles
from ovbench.common.suffixes import ARRAYS, BYTES, IMAGES

from .signature import InputInfo

IMAGE: Final = "image"
NPY: Final = ".npy file"
BIN: Final = ".bin file"

_SUFFIXES: Final = {IMAGE: IMAGES, NPY: ARRAYS, BIN: BYTES}
"""Kinds of files by their suffixes; an input that is given several kinds is fed with the first of them."""

_MOST_LISTED: Final = 5


@dataclass(frozen=True)
class Files:
    """The files of one input, all of one `kind`, in the order in which they are used."""

    kind: str
    paths: tuple[str, ...]

    @property
    def counted(self) -> str:
        """As in `2 images`."""
        return f"{len(self.paths)} {self.kind}{'' if len(self.paths) == 1 else 's'}"


def assign(inputs: Sequence[InputInfo], files: Sequence[InputFiles]) -> tuple[dict[int, Files], tuple[str, ...]]:
    """The files of each input that has some, by its index, and notes for the user.

    Files that name no input are dealt to the inputs in turn, but not to one that takes the sizes of images; a folder
    stands for what is in it. Those of an input are then sorted. Raises UsageError.
    """
    notes: list[str] = []
    given: dict[int, list[Path]] = {}
    for one in files:
        for index, path in _named(inputs, one.input, one.paths) if one.input else _dealt(inputs, one.paths, notes):
            given.setdefault(index, []).append(path)
    ignored: list[Path] = []
    chosen = {}
    for index, paths in sorted(given.items()):
        of_one_kind = _of_one_kind(inputs[index], [file for path in paths for file in _content(path)], ignored, notes)
        if of_one_kind is not None:
            chosen[index] = of_one_kind
    if ignored:
        notes.append(f"-i: {_listed(ignored)} ignored; inputs are fed with images, .npy and .bin files.")
    return chosen, tuple(notes)


def _named(inputs: Sequence[InputInfo], name: str, paths: Sequence[str]) -> Iterator[tuple[int, Path]]:
    exact = [index for index, info in enumerate(inputs) if info.name == name]
    found = exact or [index for index, info in enumerate(inputs) if info.is_called(name)]
    if not found:
        have = ", ".join(f"'{info.name}'" for info in inputs)
        raise UsageError(f"-i: the model has no input '{name}'; it has {have}")
    return ((found[0], Path(path)) for path in paths)


def _dealt(inputs: Sequence[InputInfo], paths: Sequence[str], notes: list[str]) -> Iterator[tuple[int, Path]]:
    dealt = [inside for path in paths for inside in _content(Path(path))]
    over = len(dealt) % len(inputs) if len(dealt) > len(inputs) else 0
    if len(inputs) > 1:
        notes.append("-i: files go to the inputs in turn; name the inputs to be sure, as in -i data:a.npy,mask:b.npy.")
    if over:
        notes.append(
            f"-i: {len(dealt)} files cannot be dealt evenly to {len(inputs)} inputs; the last {over} are not used."
        )
    takers = [index for index, info in enumerate(inputs) if not info.is_image_info] or list(range(len(inputs)))
    return ((takers[turn % len(takers)], path) for turn, path in enumerate(dealt[: len(dealt) - over]))


def _content(path: Path) -> list[Path]:
    """The file itself, or what is in the folder, by name; hidden files are left out."""
    try:
        if path.is_dir():
            return sorted(inside for inside in path.iterdir() if not inside.name.startswith("."))
    except OSError as error:
        raise UsageError(f"-i {path}: the folder cannot be read: {error.strerror}") from None
    if not path.exists():
        raise UsageError(f"-i {path}: there is no such file or folder")
    return [path]


def _of_one_kind(info: InputInfo, files: Sequence[Path], ignored: list[Path], notes: list[str]) -> Files | None:
    by_kind: dict[str, list[str]] = {kind: [] for kind in _SUFFIXES}
    for file in files:
        kinds = [kind for kind, suffixes in _SUFFIXES.items() if file.suffix.lower() in suffixes and file.is_file()]
        if kinds:
            by_kind[kinds[0]].append(str(file))
        else:
            ignored.append(file)
    kinds = [kind for kind, paths in by_kind.items() if paths]
    if not kinds:
        return None
    if len(kinds) > 1:
        have = " and ".join(f"{kind}s" for kind in kinds)
        notes.append(f"-i: input '{info.name}' is given {have}; only the {kinds[0]}s are used.")
    return Files(kinds[0], tuple(sorted(by_kind[kinds[0]])))


def _listed(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_MOST_LISTED])
    more = len(paths) - _MOST_LISTED
    return f"{names} and {more} more are" if more > 0 else f"{names} {'is' if len(paths) == 1 else 'are'}"
