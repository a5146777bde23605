"""Standard input, by which whoever starts a supervisor gives it its join, and shows that it is still there."""

import os
import select
import time
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.common.join import Join, parse_join

_MOST_BYTES: Final = 16_384
_NAME: Final = "--join -"


class LauncherPipe:
    """The first line is the join. What comes after it is not looked at, and the end of it ends the supervisor."""

    def __init__(self, fd: int = 0) -> None:
        self.fd = fd
        self.ended = False

    def read_join(self, patience_s: float) -> Join:
        """Raises UsageError where none comes within `patience_s`."""
        deadline = time.monotonic() + patience_s
        line = b""
        while not line.endswith(b"\n"):
            if not self._readable(deadline - time.monotonic()):
                raise UsageError(f"{_NAME}: no line came within {patience_s:g} s")
            try:
                piece = os.read(self.fd, 1)
            except OSError as error:
                raise UsageError(f"{_NAME}: standard input cannot be read: {error.strerror}") from None
            if not piece:
                raise UsageError(f"{_NAME}: standard input ended before a whole line had come")
            line += piece
            if len(line) > _MOST_BYTES:
                raise UsageError(f"{_NAME}: this is no join file; use one that ovbench-coord has written")
        return parse_join(line, _NAME)

    def look(self) -> bool:
        """Whether its end has come."""
        while not self.ended and self._readable(0.0):
            try:
                self.ended = not os.read(self.fd, _MOST_BYTES)
            except OSError:  # as of a terminal that is gone
                self.ended = True
        return self.ended

    def _readable(self, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout_s) * 1000))
