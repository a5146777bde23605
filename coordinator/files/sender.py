"""Sends hosts the files that their jobs name: offers them, reads what is wanted, and knows who has what.

It has no connection: it is given what hosts say, and returns what is to go to them.
"""

import os
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from ovbench.common.bounded import as_name, as_text
from ovbench.common.digests import unchanged
from ovbench.common.errors import UsageError
from ovbench.common.hostmessages import CHUNK_BYTES, FileChunk, HaveFiles, OfferFiles, TookChunk, WantFiles
from ovbench.common.job import FileState, Job
from ovbench.common.messages import AnyNotice, Failed, Ready
from ovbench.common.printable import one_line

from .sets import JobFiles
from .spread import Limits, Piece, Spread

MOST_UNDER_WAY_BYTES: Final = 256 << 20
"""Of all hosts together: what is under way to a host is held for it until it has taken it."""

_MOST_OPEN: Final = 8


class _Source:
    """A file that is offered, as it was when its digest was made."""

    def __init__(self, flag: str, path: str, sha256: str, state: FileState) -> None:
        self.flag, self.path, self.sha256, self.state = flag, path, sha256, state
        self._descriptor: int | None = None

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    def read(self, offset: int, length: int) -> bytes:
        """Raises UsageError where it cannot be read, or is another file by now."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            data = os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise UsageError(f"{self.flag} {self.path}: the file cannot be read: {error.strerror or error}") from None
        if len(data) != length or offset + length == self.state.size:
            unchanged(self.flag, self.path, self.state)
        if len(data) != length:
            raise UsageError(f"{self.flag} {self.path}: the file ends before its end; run again when it can be read")
        return data

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FileSender:
    """`have`: what a host has, by its number, and by the digest of the set."""

    def __init__(
        self, jobs: Sequence[Job], hosts: int, allow_extensions: bool = False, limits: Limits | None = None
    ) -> None:
        """Reads all files that the jobs name for their digests. Raises UsageError for one that cannot be read or must
        not be sent. `hosts`: how many there are, 0 to hosts-1."""
        self._files = JobFiles(jobs, allow_extensions)
        self._sources: list[_Source] = []
        self._numbers: dict[str, int] = {}
        for one in self._files.sets:
            for file, path, state in zip(one.offer.files, one.paths, one.states, strict=True):
                if file.sha256 not in self._numbers:
                    self._numbers[file.sha256] = len(self._sources)
                    self._sources.append(_Source(one.flag, path, file.sha256, state))
        self._open: list[_Source] = []
        self._sets = {one.offer.set_sha256: one for one in self._files.sets}
        self._have: dict[int, dict[str, HaveFiles]] = {host: {} for host in range(hosts)}
        self._unanswered = {host: set(self._sets) for host in range(hosts)}
        self._taken: dict[int, dict[str, int]] = {host: {} for host in range(hosts)}
        self._moved: dict[int, tuple[int, int]] = {}
        self._spread = Spread([source.state.size for source in self._sources], limits or Limits())

    @property
    def bytes_read(self) -> int:
        """That were read to be sent, whoever they were sent to."""
        return self._spread.bytes_read

    def offers(self, host: int) -> list[OfferFiles]:
        """For a host that has joined, or has joined again: what it has taken of the files is not sent again."""
        self._have[host] = {}
        self._spread.lost(host)
        if self._unanswered[host]:
            self._spread.expect(host, len(self._unanswered[host]))
        return [one.offer for one in self._files.sets]

    def heard(self, host: int, notice: WantFiles | TookChunk | HaveFiles, now_ns: int) -> None:
        """What makes no sense is passed over: that host does not get ready."""
        match notice:
            case WantFiles():
                self._wanted(host, notice, now_ns)
            case TookChunk():
                number = self._numbers.get(notice.sha256)
                if number is not None and notice.until <= self._sources[number].state.size:
                    taken = self._taken[host]
                    taken[notice.sha256] = max(notice.until, taken.get(notice.sha256, 0))
                    self._spread.took(host, number, notice.until)
            case HaveFiles():
                found = self._sets.get(notice.set_sha256)
                if found is None or not notice.folder.startswith("/") or one_line(notice.folder) != notice.folder:
                    return
                self._have[host][notice.set_sha256] = notice
                self._answer(host, notice.set_sha256)

    def orders(self, now_ns: int) -> list[tuple[int, FileChunk]]:
        """What is to be sent now, and to which host. Raises UsageError where a file cannot be read, or has changed."""
        found: list[tuple[int, FileChunk]] = []
        while True:
            for send in self._spread.sends(now_ns):
                sha256 = self._sources[send.piece.file].sha256
                found.append((send.host, FileChunk(sha256=sha256, offset=send.piece.offset, data=send.data)))
            piece = self._spread.read_next(now_ns)
            if piece is None:
                return found
            self._spread.have(piece, self._read(piece))

    def ready(self, host: int) -> bool:
        return len(self._have[host]) == len(self._sets)

    def took_bytes(self, host: int) -> int:
        """How much of the files it has written."""
        return sum(self._taken[host].values())

    def idle_ns(self, host: int, now_ns: int) -> int:
        """How long it has been since the host got on, as far as one can see who asks this again and again."""
        state = self.took_bytes(host) + len(self._have[host])
        since_ns, former = self._moved.get(host, (now_ns, -1))
        if state != former:
            since_ns = now_ns
            self._moved[host] = (now_ns, state)
        return now_ns - since_ns

    def lost(self, host: int) -> None:
        self._spread.lost(host)

    def job_for(self, host: int, job: Job) -> Job:
        """One of the jobs, with the paths that its files have on a host that is ready."""
        return self._files.there(job, self._have[host])

    def local(self, host: int, notice: AnyNotice) -> AnyNotice:
        """What an agent there says of its files, with the names that the user gave them."""
        have = self._have[host]
        match notice:
            case Failed():
                return structs.replace(notice, message=as_text(self._files.here(notice.message, have)))
            case Ready():
                files = tuple(
                    structs.replace(one, name=as_name(self._files.here(one.name, have)))
                    for one in notice.effective.files
                )
                return structs.replace(notice, effective=structs.replace(notice.effective, files=files))
        return notice

    def close(self) -> None:
        for source in self._open:
            source.close()
        self._open.clear()

    def _wanted(self, host: int, notice: WantFiles, now_ns: int) -> None:
        found = self._sets.get(notice.set_sha256)
        if found is None:
            return
        offered = {file.sha256 for file in found.offer.files}
        wanted = {self._numbers[sha256]: offset for sha256, offset in notice.wanted.items() if sha256 in offered}
        most = max(CHUNK_BYTES, MOST_UNDER_WAY_BYTES // len(self._have))
        self._spread.want(host, wanted, min(notice.credit_bytes, most), now_ns)
        self._answer(host, notice.set_sha256)

    def _answer(self, host: int, set_sha256: str) -> None:
        if set_sha256 in self._unanswered[host]:
            self._unanswered[host].remove(set_sha256)
            self._spread.answered(host)

    def _read(self, piece: Piece) -> bytes:
        """Raises UsageError. Of many files the latest stay open."""
        source = self._sources[piece.file]
        if not source.is_open:
            if len(self._open) == _MOST_OPEN:
                self._open.pop(0).close()
            self._open.append(source)
        return source.read(piece.offset, self._spread.length(piece))
