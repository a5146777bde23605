"""A set that is being received, in a folder beside the sets, which becomes one of them when all is there and verified.

Whoever makes it holds its lock, so what a killed process left can be told from what is under way, and is gone on with.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ovbench.common.cache import MAKING, check_ours
from ovbench.common.digests import state_of
from ovbench.common.hostmessages import CHUNK_BYTES, FileOffer, OfferFiles

from ..host.libc import start_writing

CONTENTS: Final = "contents.json"
FILES: Final = "files"
_READ_BYTES: Final = 1 << 20
_MOST_OPEN: Final = 8
_MANY: Final = 64
_FLUSH_BYTES: Final = 8 << 20


def lock(descriptor: int, exclusive: bool, without: bool) -> bool:
    """Whether this process has it now; another may have it. Where there are no locks, `without`."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether the file that is open is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def open_own(path: Path, flags: int) -> int:
    """Raises OSError, also for what is no regular file of this user's; never waits, as for a pipe's other end."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(descriptor)
        raise PermissionError(1, "it is not a file of this user", str(path))
    return descriptor


class _File:
    """What there is of one of the files, under the first of its names."""

    def __init__(self, path: Path, offer: FileOffer) -> None:
        self.path, self.offer = path, offer
        self.names = [offer.name]
        self.hash = hashlib.sha256()
        self.written = 0
        self.resumed = False
        self.flushing = 0
        """Up to where the disk has been asked for it, so that little is left to wait for in the end."""
        self.descriptor: int | None = None

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class Making:
    """Methods raise OSError where the disk does not do as asked."""

    def __init__(self, sets: Path, offer: OfferFiles) -> None:
        """Goes on with what was left of the same set, or begins anew."""
        self._offer = offer
        prefix = f"{MAKING}{offer.set_sha256}-"
        left = _adopted(sets, prefix)
        self.folder, self._lock = left or _begun(sets, prefix)
        self._files: dict[str, _File] = {}
        self._open: list[_File] = []
        try:
            for one in offer.files:
                file = self._files.setdefault(one.sha256, _File(self.folder / FILES / one.name, one))
                if one.name != file.offer.name:
                    file.names.append(one.name)
            if left:
                self._look()
            for file in self._files.values():
                if not file.offer.size:
                    self.write(file.offer.sha256, b"")
        except BaseException:
            self.close()
            raise

    def there(self) -> dict[str, int]:
        """How much of each file there is; all of one only where it has the digest that was offered."""
        found = {}
        for sha256, file in self._files.items():
            whole = file.written == file.offer.size
            if (whole and self.finish(sha256)) or (file.written and not whole):
                found[sha256] = file.written
        return found

    @property
    def there_is_any(self) -> bool:
        return any(file.written for file in self._files.values())

    def write(self, sha256: str, data: bytes) -> None:
        file = self._files[sha256]
        if file.descriptor is None:
            self._opened(file)
        assert file.descriptor is not None
        rest = memoryview(data)
        at = file.written
        while rest:
            count = os.pwrite(file.descriptor, rest, at)
            at, rest = at + count, rest[count:]
        file.hash.update(data)
        file.written = at
        if at - file.flushing >= _FLUSH_BYTES:
            start_writing(file.descriptor, file.flushing, at - file.flushing)
            file.flushing = at

    def finish(self, sha256: str) -> bool:
        """Whether the file, all of which was written, has its digest; else nothing of it is left."""
        file = self._files[sha256]
        if file.hash.hexdigest() != sha256:
            self.forget(sha256)
            return False
        if file.descriptor is None:
            self._opened(file)
        assert file.descriptor is not None
        if self._many:
            start_writing(file.descriptor, 0, 0)  # to its end
        else:
            os.fsync(file.descriptor)
        self._shut(file)
        for name in file.names[1:]:
            _copy(file.path, self.folder / FILES / name)
        return True

    @property
    def _many(self) -> bool:
        """So many files that they are waited for when all are there: by then the disk has them, or nearly so. Waiting
        for each by itself has the file system write its journal as often."""
        return len(self._offer.files) > _MANY

    def resumed(self, sha256: str) -> bool:
        """Whether a part of it is of another process."""
        return self._files[sha256].resumed

    def forget(self, sha256: str) -> None:
        file = self._files[sha256]
        self._shut(file)
        file.hash, file.written, file.flushing, file.resumed = hashlib.sha256(), 0, 0, False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.path)

    def path(self, sha256: str) -> Path:
        return self._files[sha256].path

    def take_copy(self, sha256: str, source: Path) -> bool:
        """Whether it could be had from there, with the right digest."""
        self.forget(sha256)
        try:
            descriptor = open_own(source, os.O_RDONLY)
        except OSError:
            return False
        with open(descriptor, "rb") as stream:
            if os.fstat(descriptor).st_size != self._files[sha256].offer.size:
                return False
            while data := stream.read(_READ_BYTES):
                self.write(sha256, data)
        return self._files[sha256].written == self._files[sha256].offer.size and self.finish(sha256)

    def seal(self) -> int:
        """All is there: write down what it is, and have it on the disk. The lock, which the caller closes, is then one
        that many may have."""
        files = self.folder / FILES
        contents = {}
        for one in self._offer.files:
            if self._many:
                flush(files / one.name)
            state = state_of(files / one.name)
            contents[one.name] = [one.size, one.sha256, [getattr(state, name) for name in state.__struct_fields__]]
        with open(os.dup(self._lock), "wb") as stream:
            stream.truncate(0)
            stream.write(json.dumps(contents).encode())
            stream.flush()
            os.fsync(stream.fileno())
        for folder in (*_folders(files), self.folder):
            flush(folder)
        taken, self._lock = self._lock, -1
        self.close()
        return taken

    def close(self) -> None:
        """What there is stays for the next process that is offered the same."""
        for file in self._open:
            file.close()
        self._open.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def discard(self) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _opened(self, file: _File) -> None:
        if len(self._open) == _MOST_OPEN:
            self._open.pop(0).close()
        for folder in reversed(file.path.relative_to(self.folder).parents):
            with contextlib.suppress(FileExistsError):
                (self.folder / folder).mkdir(mode=0o700)
        file.descriptor = open_own(file.path, os.O_RDWR | os.O_CREAT)
        self._open.append(file)

    def _shut(self, file: _File) -> None:
        if file in self._open:
            self._open.remove(file)
        file.close()

    def _look(self) -> None:
        """What another process left: nothing of it is believed, its digest will show what it is worth."""
        for file in self._files.values():
            if not os.path.lexists(file.path):
                continue
            self._opened(file)
            assert file.descriptor is not None
            size = os.fstat(file.descriptor).st_size
            whole = min(size, file.offer.size)
            keep = whole if whole == file.offer.size else whole - whole % CHUNK_BYTES
            os.truncate(file.descriptor, keep)
            while file.written < keep:
                data = os.pread(file.descriptor, min(_READ_BYTES, keep - file.written), file.written)
                if not data:
                    raise OSError(5, os.strerror(5), str(file.path))
                file.hash.update(data)
                file.written += len(data)
            file.resumed = keep > 0
            self._shut(file)


def _adopted(sets: Path, prefix: str) -> tuple[Path, int] | None:
    """Of those that are left the one with the most in it."""
    for folder in sorted(sets.glob(f"{prefix}*"), key=_bytes_in, reverse=True):
        try:
            check_ours(folder)
            descriptor = open_own(folder / CONTENTS, os.O_RDWR)
        except OSError:
            continue
        # For a moment alone: whoever is at work has it, too. Then as one of many, as when it is a set.
        if (
            lock(descriptor, exclusive=True, without=False)
            and lock(descriptor, exclusive=False, without=False)
            and is_at(descriptor, folder / CONTENTS)
        ):
            return folder, descriptor
        os.close(descriptor)
    return None


def _begun(sets: Path, prefix: str) -> tuple[Path, int]:
    folder = sets / f"{prefix}{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    (folder / FILES).mkdir(mode=0o700)
    descriptor = open_own(folder / CONTENTS, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    lock(descriptor, exclusive=False, without=True)
    return folder, descriptor


def _bytes_in(folder: Path) -> int:
    sizes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            sizes += path.lstat().st_size
    return sizes


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    with open(source, "rb") as given, open(open_own(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as own:
        shutil.copyfileobj(given, own, _READ_BYTES)
        own.flush()
        os.fsync(own.fileno())


def _folders(top: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(top):
        yield Path(folder)


def flush(path: Path) -> None:
    """A file, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
