"""In front of a port that anybody can reach: lets through what an agent of ours can send, byte by byte as it comes.

libzmq keeps the parts of a message until the last has come, and nothing bounds how many there are: an empty part is two
bytes on the wire and 64 in memory. Agents send messages of one part, so whoever announces a second is cut off before
libzmq sees it. The framing is that of ZMTP 3 (rfc.zeromq.org/spec/23).
"""

import contextlib
import os
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Final

_GREETING: Final = 64
_MORE, _LONG, _COMMAND = 1, 2, 4
_MOST_COMMAND: Final = 4_096
_CHUNK: Final = 1 << 16
_MOST_PENDING: Final = 1 << 18
_NAP_S: Final = 0.05
_BACKLOG: Final = 4_096


class Filter:
    """Follows the frames of one peer. `most`: bytes in a message."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._greeting = b""
        self._header = b""
        self._rest = 0

    def passes(self, data: bytes) -> bool:
        """Whether what comes next can come from an agent; after the first time that it cannot, ask no more."""
        at = _GREETING - len(self._greeting)
        if at > 0:
            self._greeting += data[:at]
            if not self._greets():
                return False
        while at < len(data):
            if self._rest:
                step = min(self._rest, len(data) - at)
                self._rest -= step
            else:
                step = 1 if not self._header else min(self._length - len(self._header), len(data) - at)
                self._header += data[at : at + step]
                if not self._heads():
                    return False
            at += step
        return True

    def _greets(self) -> bool:
        """ZMTP 3 or later: what is older has other frames."""
        known = self._greeting[:1] in (b"", b"\xff") and self._greeting[9:10] in (b"", b"\x7f")
        return known and (len(self._greeting) < 11 or self._greeting[10] >= 3)

    @property
    def _length(self) -> int:
        return 9 if self._header[0] & _LONG else 2

    def _heads(self) -> bool:
        flags = self._header[0]
        if flags & ~(_LONG | _COMMAND):
            return False
        if len(self._header) == self._length:
            self._rest = int.from_bytes(self._header[1:], "big")
            self._header = b""
        return self._rest <= (_MOST_COMMAND if flags & _COMMAND else self._most)


@dataclass
class _End:
    """One end of a passage; what is `pending` is still to be sent to it."""

    socket: socket.socket
    filter: Filter | None
    pending: bytearray = field(default_factory=bytearray)
    over: bool = False
    """Nothing more comes from it."""
    other: "_End | None" = None


class Gate:
    """Listens at a port, and connects whoever comes with the socket at `inner`, in a thread of its own."""

    def __init__(self, host: str, port: int, inner: str, most: int) -> None:
        """Raises OSError where the port cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._inner, self._most = inner, most
        self._ends: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._until_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        host, port, *_ = self._listener.getsockname()
        return host, port

    def close(self, linger_s: float) -> None:
        """When nothing more comes from inside. Waits at most so long for what came to leave."""
        self._until_s = time.monotonic() + linger_s
        os.write(self._wake_write, b".")
        self._thread.join()
        os.close(self._wake_write)

    def _run(self) -> None:
        while self._until_s is None or (self._ends and time.monotonic() < self._until_s):
            for key, events in self._selector.select(None if self._until_s is None else _NAP_S):
                if key.fileobj is self._listener:
                    self._admit()
                elif isinstance(key.data, _End) and key.fd in self._ends:
                    self._attend(key.data, events)
            if self._until_s is not None and self._wake_read in self._selector.get_map():
                for source in (self._wake_read, self._listener):
                    self._selector.unregister(source)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, _End):
                key.data.socket.close()
        self._selector.close()
        self._listener.close()
        os.close(self._wake_read)

    def _admit(self) -> None:
        try:
            outer, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            time.sleep(_NAP_S)  # out of descriptors: whoever waits goes on waiting
            return
        outer.setblocking(False)
        try:
            inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:
            outer.close()
            return
        inner.setblocking(False)
        try:
            inner.connect(self._inner)
        except OSError:
            inner.close()
            outer.close()
            return
        ends = _End(outer, Filter(self._most)), _End(inner, None)
        for end, other in (ends, ends[::-1]):
            end.other = other
            self._ends.add(end.socket.fileno())
            self._selector.register(end.socket, selectors.EVENT_READ, end)

    def _attend(self, end: _End, events: int) -> None:
        assert end.other is not None
        try:
            if events & selectors.EVENT_WRITE:
                del end.pending[: end.socket.send(end.pending)]
            if events & selectors.EVENT_READ:
                data = end.socket.recv(_CHUNK)
                end.over = not data
                if end.filter is not None and not end.filter.passes(data):
                    raise ConnectionAbortedError
                end.other.pending += data
        except BlockingIOError:
            pass
        except OSError:
            self._part(end)
            return
        for one in (end, end.other):
            assert one.other is not None
            if one.over and not one.other.pending:
                self._part(end)
                return
        for one in (end, end.other):
            self._wait(one)

    def _wait(self, end: _End) -> None:
        assert end.other is not None
        reads = not end.over and len(end.other.pending) < _MOST_PENDING
        wanted = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if end.pending else 0)
        known = end.socket.fileno() in self._selector.get_map()
        if wanted and known:
            self._selector.modify(end.socket, wanted, end)
        elif wanted:
            self._selector.register(end.socket, wanted, end)
        elif known:
            self._selector.unregister(end.socket)

    def _part(self, end: _End) -> None:
        for one in (end, end.other):
            assert one is not None
            self._ends.discard(one.socket.fileno())
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(one.socket)
            one.socket.close()
