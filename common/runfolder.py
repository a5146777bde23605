"""The private folder of a run, for its bus and the agents' logs; and what killed runs left of theirs.

The folder is locked while it is used. It gets its name only when it is locked, so that one without a lock is never one
that is just being made.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .errors import UsageError

_NAME: Final = "ovbench-run-"
_UNNAMED: Final = ".ovbench-run-"
_LOCK: Final = "lock"
_SYSTEM: Final = Path("/tmp")
_LONGEST: Final = 60
"""Bytes. With the folder's own name and the socket's it stays below the 107 of an address (unix(7))."""

_NOT_NEW_S: Final = {_NAME: 10.0, _UNNAMED: 3600.0}
"""One without a lock that is so old was left: earlier versions locked theirs a moment after they had their names. A
lock in one without a name may be about to be taken, so it proves nothing before that age."""


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """In the folder for temporary files, or /tmp where its path cannot be a socket's. Raises UsageError."""
    parent = _parent()
    for prefix, age_s in _NOT_NEW_S.items():
        for found in parent.glob(f"{prefix}*"):
            _remove_if_left(found, age_s)
    try:
        unnamed = Path(tempfile.mkdtemp(prefix=_UNNAMED, dir=parent))
        folder = unnamed.with_name(_NAME + unnamed.name.removeprefix(_UNNAMED))
        with open(os.open(unnamed / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.rename(unnamed, folder)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if error.filename is None or not str(error.filename).startswith(str(parent / _UNNAMED)):
            raise  # of what is done in it
        raise UsageError(
            f"a folder for the run cannot be made in {parent}: {error.strerror}; set TMPDIR to one that can be written"
        ) from None


def _parent() -> Path:
    try:
        parent = Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise UsageError(
            "there is no folder for temporary files that can be written; set TMPDIR to one that can"
        ) from None
    try:
        fits = len(str(parent).encode()) < _LONGEST
    except UnicodeEncodeError:  # bytes that are no text: no address can have them
        fits = False
    return parent if fits else _SYSTEM


def _remove_if_left(folder: Path, age_s: float) -> None:
    """Looks at nothing that is not ours alone, and waits for nothing."""
    with contextlib.suppress(OSError):
        found = os.lstat(folder)
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
        if not ours:
            return
        new = time.time() - found.st_mtime < age_s
        with _opened(folder / _LOCK) as lock:
            if new and (lock is None or folder.name.startswith(_UNNAMED)):
                return
            if lock is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[int | None]:
    """None where there is no such file."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        yield descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    finally:
        os.close(descriptor)
