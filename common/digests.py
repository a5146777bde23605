"""What is in the files that a run depends on: their SHA-256, which show whether two results are of the same model.

A file is known by its state (device, inode, size, times) and read once for each. The coordinator's digests travel with
the job, and an agent that finds a file in the same state need not read it again; one that sees another file, as in
another container, reads what it sees itself.
"""

import hashlib
import mmap
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from .bounded import MOST_NAME, as_text
from .effective import FileDigest, FileKind
from .errors import UsageError
from .job import MOST_WHOLE, FileState, Known

_BESIDE: Final = {".xml": (".bin",), ".pdmodel": (".pdiparams",), ".onnx": (), ".meta": (".index",)}
"""Suffixes of the files that belong to a model of the same name: IR, Paddle, TensorFlow's checkpoints."""

_LOCATION: Final = re.compile(rb"\n\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])")
"""Of a tensor whose data are in another file: in an ONNX model, StringStringEntryProto{key: "location", value: ...}
(onnx.proto, TensorProto.external_data), as protobuf writes it."""

_MOST_LISTED: Final = 64
"""Files of a kind that are listed one by one; of more there is one digest over all of theirs."""


def state_of(path: str | Path) -> FileState:
    """Raises OSError."""
    found = os.stat(path)
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return FileState(*(number & MOST_WHOLE for number in numbers))


def model_files(source: str) -> tuple[str, ...]:
    """The model's file, then those that belong to it: weights, and data that an ONNX model has elsewhere. Of a folder,
    as TensorFlow's saved models are, all that is in it."""
    file = Path(source)
    if os.path.isdir(file):
        return tuple(str(one) for one in sorted(file.rglob("*")) if one.is_file())
    beside = [file.with_suffix(suffix) for suffix in _BESIDE.get(file.suffix.lower(), ())]
    if file.suffix.lower() == ".meta":
        beside += sorted(file.parent.glob(f"{_escaped(file.stem)}.data-*"))
    if file.suffix.lower() == ".onnx":
        beside += [file.parent / name for name in _external(file)]
    return (source, *(str(one) for one in dict.fromkeys(beside) if one.is_file()))


def _escaped(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)


def _external(file: Path) -> Iterator[str]:
    return (name for name in external_names(str(file)) if not os.path.isabs(name))


def external_names(source: str) -> tuple[str, ...]:
    """Where an ONNX model says that the data of its tensors are, relative to its folder, or wherever it wants them."""
    try:
        with open(source, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            names = {content[found.end() : found.end() + _length(found[1])] for found in _LOCATION.finditer(content)}
    except (OSError, ValueError):  # not there, or empty: whoever loads it says so
        return ()
    return tuple(with_path for with_path in map(os.fsdecode, sorted(names)) if "\0" not in with_path)


def _length(varint: bytes) -> int:
    """Of one or two bytes, seven bits each, the lowest first."""
    return varint[0] if len(varint) == 1 else (varint[0] & 0x7F) | varint[1] << 7


def known(paths: Sequence[str]) -> tuple[Known, ...]:
    """Of those that can be read: what cannot, whoever needs it says so."""
    found = []
    for path in paths:
        try:
            state = state_of(path)
            found.append(Known(state, sha256(path, state)))
        except (OSError, UsageError):
            continue
    return tuple(found)


def states(paths: Sequence[str]) -> dict[str, FileState]:
    """Before they are read by somebody else (see `digests`). Without those that are not there: it fails on them."""
    found = {}
    for path in paths:
        try:
            found[path] = state_of(path)
        except OSError:
            continue
    return found


def digests(
    kind: FileKind, before: Mapping[str, FileState], known: Sequence[Known], flag: str
) -> tuple[FileDigest, ...]:
    """Of files in the state in which they were `before` they were used. `known`: digests that the coordinator has.

    Raises UsageError where one was changed since: what was used of it is not known then.
    """
    by_state = {one.state: one.sha256 for one in known}
    found = []
    for path, state in before.items():
        digest = by_state.get(state) or sha256(path, state)
        unchanged(flag, path, state)
        found.append(FileDigest(kind, as_text(path), digest, state.size))
    return tuple(found) if len(found) <= _MOST_LISTED else (_of_many(kind, found),)


def unchanged(flag: str, path: str, state: FileState) -> None:
    """Raises UsageError where it is not in that state."""
    try:
        now: FileState | None = state_of(path)
    except OSError:
        now = None
    if now != state:
        raise UsageError(f"{flag} {path}: the file was changed since it was read; run again when it is whole")


@lru_cache(maxsize=1 << 16)
def sha256(path: str, state: FileState) -> str:
    """In hex. Of the same state it is read once. Raises UsageError where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None


def _of_many(kind: FileKind, files: Sequence[FileDigest]) -> FileDigest:
    whole = hashlib.sha256("\n".join(one.sha256 for one in files).encode()).hexdigest()
    size = sum(one.size for one in files)
    return FileDigest(kind, f"{files[0].name[: MOST_NAME - 32]} and {len(files) - 1} more", whole, size)
