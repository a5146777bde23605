"""A connection from outside and the way inside that belongs to it, with what is on its way between them."""

import contextlib
import select
import socket
import struct
from dataclasses import dataclass
from typing import Final

from .zmtp import GREETING_BYTES, SERVER_GREETING, Handshake, Stranger, Traffic

_CHUNK: Final = 1 << 16
_MOST_PENDING: Final = 1 << 18
_RESET: Final = struct.pack("ii", 1, 0)
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


@dataclass(frozen=True)
class Limits:
    """Bounds on peers: until their key is known, and then on what each has inside."""

    handshake_s: float = 2.0
    strangers: int = 512
    strangers_of_address: int = 256
    handshakes: int = 64
    """Of the strangers, how many libzmq sees at a time."""
    place_s: float = 0.25
    """How long one keeps such a place while others wait for it."""
    connections_of_key: int = 2
    untaken_bytes: int = 12 << 20
    """What was let in and not yet taken: more than a window and the largest message."""
    unattached_bytes: int = 1_024
    """As that, until the program knows the process."""
    small_frames: float = 200
    small_frames_per_s: float = 20
    """libzmq's heartbeats, which the program never sees: a peer of ours sends two a second."""


class Passage:
    """`outer` is the connection of a peer, `inner` the way inside, once there is one."""

    def __init__(self, serial: int, address: str, outer: socket.socket, epoll: select.epoll, limits: Limits) -> None:
        self.serial, self.address, self.outer = serial, address, outer
        self.inner: socket.socket | None = None
        self.handshake = Handshake()
        self.held = b""
        """A part of the handshake that waits for its turn."""
        self.key = ""
        self.attached = False
        """The program knows its process."""
        self.taken_bytes = 0
        """Of what was let in, as it was encrypted, how much the program has taken."""
        self._epoll, self._limits = epoll, limits
        self._inward, self._outward = bytearray(), bytearray()
        self._greeted = False
        self._unseen = GREETING_BYTES  # libzmq's own greeting is still to come, and is not passed on
        self._traffic: Traffic | None = None
        self._small_budget, self._small_at_s = limits.small_frames, 0.0
        self._outer_events = self._inner_events = 0
        self._outer_over = self._inner_over = False

    def open(self, path: str) -> None:
        """Raises OSError where nobody takes it inside."""
        inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            inner.connect(path)
        except OSError:
            inner.close()
            raise
        self.inner = inner

    def hand_over(self) -> None:
        """What was held goes inside."""
        self._inward += self.held
        self.held = b""

    def let_in(self, key: str, most: int, now_s: float) -> None:
        """What comes from now on goes inside, in frames of `most` bytes."""
        self.key = key
        self._traffic = Traffic(most)
        self._small_at_s = now_s

    @property
    def inside(self) -> bool:
        return self._traffic is not None

    @property
    def is_full(self) -> bool:
        """So much is inside that has not been taken that nothing more is let in."""
        most = self._limits.untaken_bytes if self.attached else self._limits.unattached_bytes
        return self._traffic is not None and self._traffic.large_bytes - self.taken_bytes >= most

    def read_outer(self, now_s: float) -> bytes:
        """What has come of a handshake; what comes after it is on its way inside. Raises Stranger."""
        if self.is_full or len(self._inward) >= _MOST_PENDING:
            return b""
        try:
            data = self.outer.recv(_CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        self._outer_over = not data
        if data and not self._greeted:
            self._greeted = True  # not before, as many who come say nothing
            self._outward += SERVER_GREETING
        if self._traffic is None:
            return data
        self._count(self._traffic, data, now_s)
        self._inward += data
        return b""

    def _count(self, traffic: Traffic, data: bytes, now_s: float) -> None:
        before = traffic.small_frames
        traffic.follow(data)
        if traffic.small_frames == before:
            return
        earned = (now_s - self._small_at_s) * self._limits.small_frames_per_s
        self._small_budget = min(self._limits.small_frames, self._small_budget + earned)
        self._small_budget -= traffic.small_frames - before
        self._small_at_s = now_s
        if self._small_budget < 0:
            raise Stranger("too many small frames")

    def read_inner(self) -> None:
        if self.inner is None or len(self._outward) >= _MOST_PENDING:
            return
        try:
            data = self.inner.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._inner_over = not data
        if self._unseen:
            unseen = min(self._unseen, len(data))
            data, self._unseen = data[unseen:], self._unseen - unseen
        self._outward += data

    def flush(self) -> bool:
        """Send what can be sent, and wait for what may come. False once it is over: an end has ended, and the last that
        came from it was passed on."""
        try:
            _send(self.outer, self._outward)
            _send(self.inner, self._inward)
            if (self._outer_over and not self._inward) or (self._inner_over and not self._outward):
                return False
            self._watch_both()
        except OSError:
            return False
        return True

    def _watch_both(self) -> None:
        reads = not self._outer_over and len(self._inward) < _MOST_PENDING and not self.is_full
        self._outer_events = self._watch(self.outer, self._outer_events, reads, bool(self._outward))
        if self.inner is not None:
            reads = not self._inner_over and len(self._outward) < _MOST_PENDING
            self._inner_events = self._watch(self.inner, self._inner_events, reads, bool(self._inward))

    def _watch(self, one: socket.socket, known: int, reads: bool, writes: bool) -> int:
        wanted = (_IN if reads else 0) | (_OUT if writes else 0)
        if wanted == known:
            return known
        if not known:
            self._epoll.register(one, wanted)
        elif wanted:
            self._epoll.modify(one, wanted)
        else:
            self._epoll.unregister(one)  # else its end would be reported again and again
        return wanted

    @property
    def inner_over(self) -> bool:
        """Nothing more comes from inside."""
        return self._inner_over

    def close_outer(self, at_once: bool) -> None:
        """`at_once`: without a trace in the kernel, and without what has not been sent."""
        if at_once:
            with contextlib.suppress(OSError):
                self.outer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if self._outer_events:
            self._epoll.unregister(self.outer)
        self.outer.close()

    def close_inner(self) -> None:
        if self.inner is not None:
            if self._inner_events:
                self._epoll.unregister(self.inner)
            self.inner.close()


def _send(to: socket.socket | None, pending: bytearray) -> None:
    if to is None or not pending:
        return
    with contextlib.suppress(BlockingIOError):
        del pending[: to.send(pending)]
