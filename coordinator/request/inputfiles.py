"""The files of `-i`, and which input each is for. Whether they fit the model is for the agents to check."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.common.job import InputFiles
from ovbench.common.nearbyfiles import did_you_mean_file
from ovbench.common.suffixes import ARRAYS, BYTES, IMAGES

SUFFIXES: Final = (*IMAGES, *ARRAYS, *BYTES)

_MOST_FILES: Final = 50_000
_MOST_CHARACTERS: Final = 4_000_000
"""A job is one message, which has its limits (`common.wire`)."""


def input_files(occurrences: Sequence[Sequence[str]]) -> tuple[InputFiles, ...]:
    """The words after each `-i`, with folders as their files, sorted by name, and paths absolute.

    A word is `PATH,PATH`, or `INPUT:PATH,PATH,INPUT:PATH`, where a path may be a folder. Words after the same `-i` that
    are for the same input, or for none by name, go together in their order. Raises UsageError.
    """
    found = tuple(part for words in occurrences for part in _one_occurrence(words))
    count = sum(len(part.paths) for part in found)
    if count > _MOST_FILES or sum(len(path) for part in found for path in part.paths) > _MOST_CHARACTERS:
        raise UsageError(f"-i: {count} files are more than fit a job; give a part of them")
    return found


def _one_occurrence(words: Sequence[str]) -> Iterator[InputFiles]:
    found: dict[str | None, list[str]] = {}
    for word in words:
        for name, path in _parts(word):
            found.setdefault(name, []).extend(map(str, _files(word, path)))
    return (InputFiles(name, tuple(paths)) for name, paths in found.items())


def _parts(word: str) -> Iterator[tuple[str | None, Path]]:
    """Names and paths; a name holds until the next one."""
    whole = _existing(word)
    if whole is not None:
        yield None, whole
        return
    elements = [element.strip() for element in word.split(",") if element.strip()]
    if not elements:
        raise UsageError("-i: there is nothing after it; give a file, a folder, or INPUT:FILE")
    name: str | None = None
    for element in elements:
        name, path = _named(element, name)
        yield name, path


def _named(element: str, name: str | None) -> tuple[str | None, Path]:
    """The last colon that has something existing behind it is the separator: names of inputs have colons, too."""
    path = _existing(element)
    if path is not None:
        return name, path
    at = element.rfind(":")
    while at > 0:
        path = _existing(element[at + 1 :])
        if path is not None:
            return element[:at], path
        at = element.rfind(":", 0, at)
    near = did_you_mean_file(element) or "; give PATH, or INPUT:PATH"
    raise UsageError(f"-i {element}: there is no such file or folder{near}")


def _existing(text: str) -> Path | None:
    if not text:
        return None
    try:
        path = Path(text).expanduser().absolute()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # a name too long, ~ of an unknown user, a zero byte
        return None


def _files(word: str, path: Path) -> list[Path]:
    if not os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK):
        raise UsageError(f"-i {word}: {path} cannot be read (its permissions forbid it)")
    if path.is_dir():
        # Without hidden ones: beside x.jpg, macOS leaves a ._x.jpg that is no image.
        seen = (file for file in path.iterdir() if not file.name.startswith("."))
        inside = sorted(file for file in seen if file.suffix.lower() in SUFFIXES and file.is_file())
        if not inside:
            raise UsageError(f"-i {word}: the folder {path} has no images, .npy or .bin files")
        return inside
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"-i {word}: {path.name} is of an unknown kind; inputs come from images, .npy and .bin files")
    return [path]
