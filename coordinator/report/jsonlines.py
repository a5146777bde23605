"""`--live jsonl:FILE`: each event as a line of JSON, for programs that follow a run."""

import contextlib
import errno
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import msgspec
from msgspec import structs

from ovbench.common.clock import monotonic_ns
from ovbench.common.errors import UsageError

from ..session.events import Event
from .outlet import Outlet

_MOST_CHARACTERS: Final = 16 << 20
_PATIENCE_S: Final = 5.0
"""For a reader at the end."""


def open_lines(file: Path) -> TextIO:
    """To add lines to it. Raises UsageError, also for a pipe that nobody reads, which would have to be waited for."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        why = "nobody reads this pipe" if error.errno == errno.ENXIO else (error.strerror or str(error))
        raise UsageError(f"--live jsonl:{file}: it cannot be written: {why}") from None
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "w", encoding="utf-8")


class JsonLines:
    """A sink. What has not changed since the event before is not written again."""

    name: Final = "--live"

    def __init__(self, stream: TextIO, where: str = "-") -> None:
        """`where`: the file's name, - for stdout."""
        self._stream = stream
        self._where = where
        self._outlet = Outlet(stream, self._failed, _MOST_CHARACTERS)
        self._broken: OSError | None = None
        self._last: Event | None = None
        self._unread = False
        self._told = 0
        """Lines that were not taken, as far as that has been written."""

    def handle(self, event: Event) -> None:
        """Raises OSError where the lines before could not be written, so that there are no more of them."""
        if self._broken is not None:
            raise self._broken
        unstamped = structs.replace(event, at_ns=0)
        if unstamped == self._last:
            return
        self._last = unstamped
        refused, text = self._outlet.refused, line_of(event)
        if refused > self._told:
            # Nobody has read for very long. How many are missing is written with the next line that there is room for.
            text = f'{{"time":"{_utc(event.at_ns)}","event":"skipped","lines":{refused - self._told}}}\n{text}'
        self._outlet.write(text)
        if self._outlet.refused == refused:
            self._told = refused

    def close(self) -> None:
        """A reader that did not come the first time is not waited for again."""
        if not self._unread:
            self._outlet.settle(_PATIENCE_S)
        self._unread = self._outlet.behind

    def finish(self) -> str:
        """After the last event: why not all are there; empty where they are, or the reader of stdout has gone, as in
        `| head`."""
        self.close()
        if self._broken is not None:
            gone = self._where == "-" and self._broken.errno == errno.EPIPE
            why = self._broken.strerror or str(self._broken)
            return "" if gone else f"--live jsonl:{self._where}: the events are not all there: {why}"
        if self._unread:
            return f"--live jsonl:{self._where}: the events are not all there: nobody took the last ones"
        if untold := self._outlet.refused - self._told:
            why = f"its reader was too slow for {untold} of them"
            return f"--live jsonl:{self._where}: the events are not all there: {why}"
        return ""

    def _failed(self, error: OSError) -> None:
        self._broken = error
        with contextlib.suppress(OSError):  # what it still holds would fail again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def line_of(event: Event) -> str:
    """With the time of day in UTC before all else."""
    return f'{{"time":"{_utc(event.at_ns)}",{msgspec.json.encode(event).decode()[1:]}\n'


def _utc(at_ns: int) -> str:
    ago_ns = monotonic_ns() - at_ns
    at = datetime.fromtimestamp((time.time_ns() - ago_ns) / 1e9, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
