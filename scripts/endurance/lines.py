"""A line between two real ends that is cut, stalls and goes on: a TCP proxy in a thread."""

import contextlib
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Final

_TICK_S: Final = 0.005
_MOST_PENDING: Final = 1 << 18


@dataclass(eq=False)
class _Way:
    """From one socket to another, of one connection."""

    source: socket.socket
    target: socket.socket
    towards_server: bool
    pending: list[tuple[float, bytes]] = field(default_factory=list)
    """Since when it may be passed on, and what."""


class Line:
    """Listens at `address` and connects whoever comes with `to`. What was passed on in the direction of `to` is kept in
    `recorded` if wanted, by connection."""

    def __init__(self, to: tuple[str, int], record: bool = False) -> None:
        self._to, self._record = to, record
        self.recorded: list[list[bytes]] = []
        self.cuts = 0
        self._delays_s = {True: 0.0, False: 0.0}
        self._held = self._over = self._cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        host, port = self._listener.getsockname()
        self.address: Final[tuple[str, int]] = (host, port)
        self._ways: list[_Way] = []
        self._kept: dict[socket.socket, list[bytes]] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Every connection, with what is under way."""
        self._cut = True

    def hold(self, held: bool) -> None:
        """Nothing passes, and nobody hears of it."""
        self._held = held

    def delay(self, seconds: float, back: float | None = None) -> None:
        """`back`: in the other direction, if that is another one."""
        self._delays_s = {True: seconds, False: seconds if back is None else back}

    def close(self) -> None:
        self._over = True
        self._thread.join()

    def _run(self) -> None:
        while not self._over:
            if self._cut:
                self._cut = False
                self.cuts += bool(self._ways)
                for way in list(self._ways):
                    self._end(way)
            if not self._held:
                self._accept()
                for way in list(self._ways):
                    if way in self._ways:
                        self._pass(way)
            self._sleep()
        for way in list(self._ways):
            self._end(way)
        self._listener.close()

    def _sleep(self) -> None:
        with selectors.DefaultSelector() as waiting:
            if not self._held:
                waiting.register(self._listener, selectors.EVENT_READ)
                for way in self._ways:
                    if sum(len(data) for _, data in way.pending) < _MOST_PENDING:
                        waiting.register(way.source, selectors.EVENT_READ)
            due_s = (way.pending[0][0] - time.monotonic() for way in self._ways if way.pending)
            waiting.select(min((one for one in due_s if 0 < one < _TICK_S), default=_TICK_S))
            if self._held:
                time.sleep(_TICK_S)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            outer, _ = self._listener.accept()
            try:
                inner = socket.create_connection(self._to, timeout=1.0)
            except OSError:
                outer.close()
                return
            for one in (outer, inner):
                one.setblocking(False)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._kept[outer] = []
            self.recorded.append(self._kept[outer])
            self._ways += [_Way(outer, inner, True), _Way(inner, outer, False)]

    def _pass(self, way: _Way) -> None:
        now_s = time.monotonic()
        try:
            if sum(len(data) for _, data in way.pending) < _MOST_PENDING:
                with contextlib.suppress(BlockingIOError):
                    data = way.source.recv(1 << 16)
                    if not data:
                        raise ConnectionError
                    way.pending.append((now_s + self._delays_s[way.towards_server], data))
            while way.pending and way.pending[0][0] <= now_s:
                since_s, data = way.pending[0]
                sent = way.target.send(data)
                if self._record and way.towards_server:
                    self._kept[way.source].append(data[:sent])
                if sent < len(data):
                    way.pending[0] = (since_s, data[sent:])
                else:
                    way.pending.pop(0)
        except BlockingIOError:
            pass
        except OSError:
            self._end(way)

    def _end(self, way: _Way) -> None:
        self._ways = [one for one in self._ways if {one.source, one.target} != {way.source, way.target}]
        for one in (way.source, way.target):
            one.close()
