"""Room in the cache: what has not been used for the longest goes first, and what is in use never."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.cache import MAKING, discard, only_one

from .making import CONTENTS, lock, open_own

_LEFT_S: Final = 3600.0
"""What has no lock and has not been written for so long was left by a process that was killed."""


class NoRoom(Exception):
    """`limit`: of the size that was set, else of the disk; so many bytes could be had."""

    def __init__(self, limit: bool, room_bytes: int) -> None:
        super().__init__()
        self.limit, self.room_bytes = limit, room_bytes


@dataclass(frozen=True)
class _Entry:
    used_s: float
    size: int
    folder: Path


def make_room(cache: Path, sets: Path, needed_bytes: int, limit_bytes: int, but: str) -> None:
    """So that `needed_bytes` more fit. `but`: the digest of a set of which nothing is thrown away, as it is to be gone
    on with. Raises NoRoom, and OSError where it cannot be known."""
    with only_one(cache / "lock"):
        entries = sorted(_entries(sets), key=lambda entry: entry.used_s)
        used = sum(entry.size for entry in entries)
        free = shutil.disk_usage(cache).free
        for entry in entries:
            old = entry.folder.name.startswith(MAKING) and time.time() - entry.used_s > _LEFT_S
            if not old and used + needed_bytes <= limit_bytes and needed_bytes <= free:
                continue
            if but not in entry.folder.name and _thrown_away(entry.folder):
                used, free = used - entry.size, free + entry.size
        if used + needed_bytes > limit_bytes:
            raise NoRoom(True, max(0, limit_bytes - used))
        if needed_bytes > free:
            raise NoRoom(False, free)


def _entries(sets: Path) -> Iterator[_Entry]:
    for folder in sets.iterdir():
        size, used_s = 0, 0.0
        for path in (folder, *folder.rglob("*")):
            with contextlib.suppress(OSError):
                found = path.lstat()
                size += found.st_size
                if path.name == CONTENTS or folder.name.startswith(MAKING):
                    used_s = max(used_s, found.st_mtime)
        yield _Entry(used_s, size, folder)


def _thrown_away(folder: Path) -> bool:
    """Unless somebody uses it, or is making it."""
    try:
        descriptor = open_own(folder / CONTENTS, os.O_RDWR)
    except OSError:
        # Without contents it is of no use to anybody, unless it is just being begun or thrown away.
        with contextlib.suppress(OSError):
            if time.time() - folder.lstat().st_mtime > _LEFT_S or not folder.name.startswith("."):
                discard(folder)
                return True
        return False
    try:
        if not lock(descriptor, exclusive=True, without=False):
            return False
        discard(folder)
        return True
    finally:
        os.close(descriptor)
