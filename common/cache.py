"""What is kept between runs: entries in the user's cache that are ours, whole and of these very versions, or made anew.

An entry is a folder. `contents.json` in it has what it was made with and each file's size and SHA-256. It is made in a
folder beside it, which is renamed, so an entry is there as a whole; what does not fit its contents, for whatever
reason, is thrown away. Nothing is read that another user could have written.

The cache saves time and is never needed: where the user's cannot be used, a private temporary folder serves.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .errors import Unwritable, UsageError

_CONTENTS: Final = "contents.json"
MAKING: Final = ".making-"
"""Begins the name of what is not whole yet."""
_PATIENCE_S: Final = 60.0
"""How long another process is waited for that makes the same entry. Making it twice does no harm."""

_LEFT_S: Final = 3600.0
"""What was being made so long ago was left by a process that was killed."""

_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class Uncached(Exception):
    """Nothing can be kept anywhere; the text is a clause that says why."""


@dataclass(frozen=True)
class Entry:
    """`made`: just now. `note`: a sentence where it is not in the user's cache."""

    folder: Path
    made: bool
    note: str


def entry(
    kind: str, made_with: Mapping[str, str], make: Callable[[Path], None], cache: Path | None = None, anew: bool = False
) -> Entry:
    """The entry of a kind that was made with these versions, made by `make` in an empty folder unless it is there.

    `make` may be called again with another folder after it failed with OSError, Unwritable or UsageError. `cache`:
    instead of the user's; `anew`: do not trust what is there. Raises Uncached.
    """
    name = f"{kind}-{hashlib.sha256(_json(made_with)).hexdigest()[:16]}"
    problems: list[str] = []
    for place in ("of the user", "temporary"):
        try:
            folder = _temporary() if place == "temporary" else private_folder(cache or users_folder())
            made = _ensure(folder / name, made_with, make, anew)
            note = f"The cache cannot be used ({problems[0]}); {folder} serves instead." if problems else ""
            return Entry(folder / name, made, note)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            problems.append(f"{where}{error.strerror or error}")
        except (Unwritable, UsageError) as error:
            problems.append(str(error))
    raise Uncached("; ".join(dict.fromkeys(problems)))


def users_folder() -> Path:
    """Raises OSError where there is none, or where it is another user's: what root made there would be in his way."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # A path that is relative is to be ignored (XDG Base Directory Specification).
        cache = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    except RuntimeError as error:
        raise OSError(errno.ENOENT, f"there is no home folder: {error}") from None
    there = next(path for path in (cache, *cache.parents) if os.path.exists(path))
    if there.stat().st_uid not in (0, os.geteuid()):
        raise OSError(errno.EPERM, "it belongs to another user", str(there))
    return cache / "ovbench"


def private_folder(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    folder = folder.resolve()
    check_ours(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder


def _temporary() -> Path:
    """The one of an earlier run, or a new one: a name that can be foretold could be taken by another user."""
    base = Path(tempfile.gettempdir())
    prefix = f"ovbench-cache-{os.geteuid()}-"
    for found in sorted(base.glob(f"{prefix}*")):
        with contextlib.suppress(OSError):
            check_ours(found)
            return found
    return Path(tempfile.mkdtemp(prefix=prefix, dir=base))


def check_ours(folder: Path) -> None:
    """Raises OSError for what is no folder, or not ours; of ours, write access by others is taken away."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "it belongs to another user", str(folder))
    if found.st_mode & _OTHERS_MAY_WRITE:
        os.chmod(folder, stat.S_IMODE(found.st_mode) & ~_OTHERS_MAY_WRITE)


def _ensure(folder: Path, made_with: Mapping[str, str], make: Callable[[Path], None], anew: bool) -> bool:
    """Whether it was made. Raises what `make` does, and OSError where it cannot be put there."""
    if not anew and _whole(folder, made_with):
        return False
    with only_one(folder.with_name(f"{folder.name}.lock")):
        if not anew and _whole(folder, made_with):
            return False
        _sweep(folder.parent)
        making = Path(tempfile.mkdtemp(prefix=MAKING, dir=folder.parent))
        try:
            make(making)
            _seal(making, made_with)
            if anew:
                discard(folder)
            _put(making, folder, made_with)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return True


def _whole(folder: Path, made_with: Mapping[str, str]) -> bool:
    try:
        said: Any = json.loads(_read(folder / _CONTENTS))
        return bool(said == {"made_with": dict(made_with), "files": _sums(folder)})
    except (OSError, ValueError, RecursionError):
        return False


def _sums(folder: Path) -> dict[str, list[int | str]]:
    """Size and SHA-256 of each file but the contents. Raises OSError for anything that is not ours."""
    check_ours(folder)
    sums: dict[str, list[int | str]] = {}
    for found in sorted(os.scandir(folder), key=lambda one: one.name):
        if found.is_dir(follow_symlinks=False):
            inner = _sums(Path(found.path)).items()
            sums |= {f"{found.name}/{name}": of for name, of in inner}
        elif found.name != _CONTENTS:
            data = _read(Path(found.path))
            sums[found.name] = [len(data), hashlib.sha256(data).hexdigest()]
    return sums


def _read(file: Path) -> bytes:
    """Raises OSError for what is no regular file of ours; never waits, as for a pipe's other end."""
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE:
            raise OSError(errno.EPERM, "it is not a file that only this user can write", str(file))
        return stream.read()


def _seal(folder: Path, made_with: Mapping[str, str]) -> None:
    for parent, folders, files in os.walk(folder):
        for name in folders:
            os.chmod(os.path.join(parent, name), 0o700)
        for name in files:
            os.chmod(os.path.join(parent, name), 0o600)
    sums = _sums(folder)
    if not sums:
        raise OSError(errno.EIO, "nothing could be kept in it", str(folder.parent))
    with open(folder / _CONTENTS, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
        stream.write(_json({"made_with": dict(made_with), "files": sums}))


def _put(making: Path, folder: Path, made_with: Mapping[str, str]) -> None:
    """In its place, unless another process was faster. Raises OSError."""
    for _ in range(3):
        try:
            os.rename(making, folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        if _whole(folder, made_with):
            return
        discard(folder)
    raise OSError(errno.EBUSY, "other processes replace it all the time", str(folder))


def discard(folder: Path) -> None:
    """Out of the way first: removing takes long, and may fail half-way."""
    aside = Path(tempfile.mkdtemp(prefix=MAKING, dir=folder.parent))
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, aside / "old")
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(cache: Path) -> None:
    """What killed processes left."""
    for left in cache.glob(f"{MAKING}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime > _LEFT_S:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """While others that do the same wait; not for long, and not where the file system has no locks."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            stream = held.enter_context(open(os.open(lock, flags, 0o600), "rb"))
            deadline = time.monotonic() + _PATIENCE_S
            while not _locked(stream.fileno()) and time.monotonic() < deadline:
                time.sleep(0.05)
        yield


def _locked(descriptor: int) -> bool:
    """False where another has it. Raises OSError where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
