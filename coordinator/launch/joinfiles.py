"""Supervisors that somebody starts by hand: each host has a join file, which holds its key."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ovbench.common.errors import UsageError

from ..request.hosts import HostSpec
from . import HostEnd, Seat


class JoinFileLauncher:
    """Writes the files, which their owner alone can read, and removes them in the end; can start and end nothing."""

    fd: None = None

    def __init__(self, hosts: Sequence[HostSpec], folder: Path | None) -> None:
        self._names = tuple(host.name for host in hosts)
        self._folder = folder or Path()
        self._written: list[Path] = []

    @property
    def hosts(self) -> tuple[str, ...]:
        return self._names

    @property
    def files(self) -> tuple[Path, ...]:
        """In the order of the hosts, once they have been written."""
        return tuple(self._written)

    def start(self, seats: Sequence[Seat]) -> None:
        """Raises UsageError where one cannot be written, or is there."""
        for seat in seats:
            file = self._folder / f"ovbench-join-{seat.host.replace('/', '_').replace(':', '_')}.json"
            try:
                _write_whole(file, seat.join)
            except FileExistsError:
                raise UsageError(f"--join-folder: {file} is there already; remove it, or name another folder") from None
            except OSError as error:
                raise UsageError(f"--join-folder: {file} cannot be written: {error.strerror}") from None
            self._written.append(file)

    def ends(self) -> Iterator[HostEnd]:
        return iter(())

    def end(self, host: str) -> None: ...

    def abandon(self) -> None:
        self.close()

    def close(self) -> None:
        while self._written:
            with contextlib.suppress(OSError):
                self._written.pop().unlink()


def _write_whole(file: Path, content: bytes) -> None:
    """It has its name when it is complete: whoever waits for it may be quick. Raises OSError, also if there is one."""
    unnamed = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.link(unnamed, file)
    finally:
        os.unlink(unnamed)
