"""Sets of files that are whole: found again and checked, put there as a whole, shared with others, thrown away.

A set is a folder. `contents.json` in it has each file's size, SHA-256 and state (device, inode, size, times) of when it
was verified: a file in another state is read again, and a set in which anything differs is thrown away. Whoever uses a
set holds a lock on its contents, and what is locked is not thrown away to make room.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ovbench.common.cache import check_ours, discard
from ovbench.common.digests import sha256, state_of
from ovbench.common.errors import UsageError
from ovbench.common.hostmessages import OfferFiles
from ovbench.common.job import FileState

from .making import CONTENTS, FILES, Making, flush, is_at, lock, open_own

_OTHERS_MAY_WRITE: Final = 0o022
_MOST_CONTENTS_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class Kept:
    """A set that is there; `states` in the order of the offer. It stays until it is closed."""

    folder: Path
    states: tuple[FileState, ...]
    descriptor: int

    def close(self) -> None:
        os.close(self.descriptor)


class Shelf:
    """The sets in a folder of this user's."""

    def __init__(self, sets: Path) -> None:
        self.sets = sets

    def find(self, offer: OfferFiles) -> Kept | None:
        """The set, if it is there and as it was offered; if it is not, there is none any more."""
        folder = self.sets / offer.set_sha256
        try:
            descriptor = open_own(folder / CONTENTS, os.O_RDWR)
        except OSError:
            if os.path.lexists(folder):
                discard(folder)
            return None
        if not lock(descriptor, exclusive=False, without=True) or not is_at(descriptor, folder / CONTENTS):
            os.close(descriptor)  # it is being thrown away
            return None
        states = _states(folder, descriptor, offer)
        if states is None:
            os.close(descriptor)
            discard(folder)
            return None
        os.utime(descriptor)
        return Kept(folder / FILES, states, descriptor)

    def put(self, making: Making, offer: OfferFiles) -> Kept:
        """All of it is there; if another process was faster, its set serves. Raises OSError."""
        descriptor = making.seal()
        folder = self.sets / offer.set_sha256
        for _ in range(3):
            try:
                os.rename(making.folder, folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
            else:
                flush(self.sets)
                return Kept(
                    folder / FILES, tuple(state_of(folder / FILES / one.name) for one in offer.files), descriptor
                )
            found = self.find(offer)
            if found is not None:
                os.close(descriptor)
                making.discard()
                return found
        raise OSError(errno.EBUSY, "other processes replace it all the time", str(folder))

    def files(self) -> dict[str, Path]:
        """Where a file may be had from, by its digest; whether it is as it was, whoever takes it has to look."""
        found: dict[str, Path] = {}
        for folder in self.folders():
            with contextlib.suppress(OSError):
                descriptor = open_own(folder / CONTENTS, os.O_RDONLY)
                contents = _contents(descriptor)
                os.close(descriptor)
                found |= {digest: folder / FILES / name for name, (_, digest, _) in contents.items()}
        return found

    def folders(self) -> Iterator[Path]:
        """Of all sets, whole or not, but not of those that are being received."""
        for found in sorted(self.sets.iterdir()):
            if not found.name.startswith("."):
                yield found


def _contents(descriptor: int) -> Mapping[str, tuple[int, str, list[int]]]:
    """By name the size, the digest and the state. Nothing where it cannot be made sense of."""
    size = os.fstat(descriptor).st_size
    if size > _MOST_CONTENTS_BYTES:
        return {}
    try:
        found: Any = json.loads(os.pread(descriptor, size, 0))
        return {
            str(name): (int(of), str(digest), [int(number) for number in state])
            for name, (of, digest, state) in found.items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _states(folder: Path, descriptor: int, offer: OfferFiles) -> tuple[FileState, ...] | None:
    """None where it is not what is offered, or not what was verified."""
    contents = _contents(descriptor)
    if {name: (size, digest) for name, (size, digest, _) in contents.items()} != {
        one.name: (one.size, one.sha256) for one in offer.files
    }:
        return None
    try:
        names = set(_names(folder / FILES, ""))
        if names != set(contents) or {one.name for one in os.scandir(folder)} != {CONTENTS, FILES}:
            return None
        return tuple(_state(folder / FILES / one.name, one.sha256, contents[one.name][2]) for one in offer.files)
    except (OSError, UsageError, ValueError):
        return None


def _names(folder: Path, before: str) -> Iterator[str]:
    """Raises OSError for a folder that another user could have written in."""
    check_ours(folder)
    for found in os.scandir(folder):
        if found.is_dir(follow_symlinks=False):
            yield from _names(Path(found.path), f"{before}{found.name}/")
        else:
            yield f"{before}{found.name}"


def _state(path: Path, digest: str, verified: list[int]) -> FileState:
    """Raises ValueError or OSError where it is not the file that was verified."""
    descriptor = open_own(path, os.O_RDONLY)
    mode = os.fstat(descriptor).st_mode
    os.close(descriptor)
    state = state_of(path)
    same = [getattr(state, name) for name in state.__struct_fields__] == verified
    if mode & _OTHERS_MAY_WRITE or (not same and sha256(str(path), state) != digest):
        raise ValueError("it was changed")
    return state
