"""Results on disk: written under a temporary name and renamed, so a file that is there is whole."""

import contextlib
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from ovbench.common.errors import NO_ROOM, Unwritable

from .names import REPORT_FILE as REPORT_FILE
from .names import RESULTS_FOLDER
from .names import SAMPLES_FILE as SAMPLES_FILE

_DESCRIPTOR: Final = re.compile(r"/dev/(stdout|stderr)|(?:/dev|/proc/self)/fd/(\d{1,9})")
_STREAMS: Final = {"stdout": 1, "stderr": 2}


@dataclass(frozen=True)
class Folder:
    """A folder for a run's files; `made` are those that did not exist before, innermost first."""

    path: Path
    made: tuple[Path, ...]

    def take_back(self) -> None:
        """Leave no trace of a run that came to nothing: remove what was made, as far as it is empty."""
        with contextlib.suppress(OSError):
            for folder in self.made:
                folder.rmdir()


def make_folder(wanted: Path | None, started_at: str, model: str) -> Folder:
    """The folder that was asked for, or a new one in ovbench-results. Raises Unwritable."""
    if wanted is not None:
        return _make(wanted, fresh=False)
    name = Path(model).stem if "/" in model else model.rpartition(":")[2]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    stamp = re.sub(r"[-:]", "", started_at)[:15] + "Z"
    base = Path(RESULTS_FOLDER)
    for number in range(1, 1000):
        try:
            return _make(base / (f"{stamp}-{stem}" + (f"-{number}" if number > 1 else "")), fresh=True)
        except FileExistsError:
            continue
    raise Unwritable(f"{base} holds too many results of this second")


def _make(folder: Path, fresh: bool) -> Folder:
    """Raises Unwritable, and FileExistsError where a `fresh` one was asked for."""
    # Unlike Path.exists, False for a name too long or in a folder that is closed to us: making it shows what is wrong.
    made = tuple(path for path in (folder, *folder.parents) if not os.path.exists(path))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=not fresh)
        with tempfile.TemporaryFile(dir=folder):
            return Folder(folder, made)
    except FileExistsError:
        if fresh and folder.is_dir():
            raise
        raise Unwritable(f"the report folder {folder} cannot be made: a file of that name is in the way") from None
    except OSError as error:
        raise Unwritable(
            f"the report folder {folder} cannot be made or written: {error.strerror or error}", error.errno in NO_ROOM
        ) from None


def write_file(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """A file that the user named. A device, a pipe or a descriptor, as in `/dev/stdout`, is written to: it is not ours
    to replace. A link is replaced, whatever it names. Raises Unwritable."""
    try:
        special = _special(file)
        if special is None:
            _replace(file, write)
            return
        with open(special, "wb") as stream:
            write(stream)
    except OSError as error:
        raise _unwritable(file, error) from None


def write_own_file(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """One in a folder of results, under a name of ours: whatever is there is replaced. Raises Unwritable."""
    try:
        _replace(file, write)
    except OSError as error:
        raise _unwritable(file, error) from None


def rename_own_file(file: Path, name: str) -> None:
    """Within its folder. Raises Unwritable."""
    try:
        os.replace(file, file.with_name(name))
    except OSError as error:
        raise _unwritable(file.with_name(name), error) from None


def no_link(path: str, flags: int) -> int:
    """For `open`: neither follows a link nor waits, as for a pipe's other end."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)


def write_named(file: Path, content: bytes) -> None:
    """A file that the user named, in a folder that is made where there is none. Raises Unwritable."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(file, error) from None
    write_file(file, partial(_write, content))


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Contents by file name, each whole or not there. Raises Unwritable at the first that cannot be written."""
    for name, content in contents.items():
        write_own_file(folder / name, partial(_write, content))


def _unwritable(file: Path, error: OSError) -> Unwritable:
    return Unwritable(f"{file} cannot be written: {error.strerror or error}", error.errno in NO_ROOM)


def _replace(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Under a name that nobody can foretell, then renamed. Raises OSError."""
    temporary = file.with_name(f".ovbench-{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o666), "wb") as stream:  # less what the umask takes
        try:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _special(file: Path) -> int | None:
    """An open descriptor of what is no regular file; None where a regular one is to be. Raises OSError."""
    number = _DESCRIPTOR.fullmatch(str(file))
    if number is not None:
        sys.stdout.flush()
        return os.dup(_STREAMS.get(number[1]) or int(number[2]))  # not opened again: it would begin at the file's start
    try:
        mode = os.lstat(file).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode):
        return None
    # A pipe that nobody reads is refused instead of waited for.
    descriptor = os.open(file, os.O_WRONLY | os.O_NOFOLLOW | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(descriptor, True)
    return descriptor


def _write(content: bytes, stream: IO[bytes]) -> None:
    stream.write(content)


def write_arrays(file: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Arrays by name, in numpy's format. Raises Unwritable."""
    write_own_file(file, lambda stream: np.savez(stream, allow_pickle=False, **arrays))
