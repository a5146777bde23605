"""In front of a port that anybody can reach: libzmq sees only peers that speak CURVE and take their turn.

libzmq keeps what strangers send for as long as they like, takes any number of them, and keeps the parts of a message
until the last has come, however many there are. So the gate answers the greeting itself, waits for a whole HELLO, and
only then opens a way inside; it hands over one INITIATE at a time, so that it knows whose key is being asked about.
Of each peer inside it counts what was let in and not yet taken by the program, and lets in no more than that may be.

It has a thread of its own, and so has the answer to libzmq's question whose key may enter (rfc.zeromq.org/spec/27): a
program that is busy for a second would otherwise keep everybody waiting for longer than a handshake may last.
"""

import collections
import contextlib
import itertools
import os
import resource
import select
import socket
import threading
import time
from collections.abc import Iterable
from typing import Final, Protocol

from .passage import Limits, Passage
from .zmtp import FRAME_MEMORY, Stranger

_BACKLOG: Final = 4_096
_ACCEPTED_AT_A_STRETCH: Final = 64
_DESCRIPTORS: Final = 16_384
_SPARE_DESCRIPTORS: Final = 64
_NAP_S: Final = 0.05
_GONE_MS: Final = 4_000
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class Door(Protocol):
    """Answers libzmq's questions whether the owner of a key may enter."""

    @property
    def fd(self) -> int:
        """Readable when there may be a question."""

    def answer(self, serial: int) -> str | None:
        """Answers a question as one about the connection of that number, 0 for none: the key as text, "" for one that
        is refused. None without a question."""

    def close(self) -> None: ...


class Gate:
    """Listens at a port, and connects whoever may enter with the socket at `inner`."""

    def __init__(self, host: str, port: int, inner: str, most: int, door: Door, limits: Limits) -> None:
        """`most`: bytes in an encrypted frame. Raises OSError where the port cannot be had."""
        self._most_descriptors = _want_descriptors() - _SPARE_DESCRIPTORS
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        _notice_who_is_gone(self._listener)
        self._address = self._listener.getsockname()
        self._inner, self._most, self._door, self._limits = inner, most, door, limits
        self._listens_again_s: float | None = None
        self._serial = 0
        self._peers: dict[int, Passage] = {}
        self._strangers: dict[Passage, float] = {}
        """Those whose key is not known yet, in the order in which they came, and until when it must be."""
        self._of_address: collections.Counter[str] = collections.Counter()
        self._shaking: dict[Passage, float] = {}
        """Those that libzmq sees, in the order in which they came to it, and until when they keep their places if
        others wait for one."""
        self._turns: collections.deque[Passage] = collections.deque()
        """They have sent HELLO, and wait until libzmq has time for it."""
        self._queue: collections.deque[Passage] = collections.deque()
        """They have sent INITIATE, which waits likewise."""
        self._asked: Passage | None = None
        """It has handed over INITIATE. Until libzmq has asked about it or has closed its way inside, nobody else is
        asked about, even if it has gone: a question does not say which connection it is about."""
        self._at: dict[int, tuple[Passage, bool]] = {}
        """By descriptor: whose it is, and whether it is the outer one."""
        self._orders: collections.deque[tuple[str, int]] = collections.deque()
        self.refused = 0
        """Connections that ended, by either side's wish, before their key was known to be one that may enter; and
        those that were cut off later."""
        self._until_s: float | None = None
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        for fd in (self._listener.fileno(), self._wake, door.fd):
            self._epoll.register(fd, _IN)
        self._shut, self._closed = False, threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        host, port, *_ = self._address
        return host, port

    def took(self, serial: int, size: int) -> None:
        """The program has taken a frame of a peer, of `size` bytes as it was encrypted."""
        peer = self._peers.get(serial)
        if peer is not None:
            stopped = peer.is_full
            peer.taken_bytes += size + FRAME_MEMORY
            if stopped:
                self._order("look", serial)

    def attached(self, serial: int) -> None:
        """It is a connection of a process that the program knows."""
        peer = self._peers.get(serial)
        if peer is not None:
            peer.attached = True
            self._order("look", serial)

    def stands(self, serial: int) -> bool:
        return serial in self._peers

    def cut(self, serial: int) -> None:
        self._order("cut", serial)

    def let_nobody_in(self) -> None:
        """No further connection; those that are inside stay. Returns when the door is closed."""
        self._order("shut", 0)
        self._closed.wait()

    def close(self, linger_s: float) -> None:
        """When nothing more comes from inside. Waits at most so long for what came to leave."""
        self._until_s = time.monotonic() + linger_s
        self._order("close", 0)
        self._thread.join()
        os.close(self._wake)

    def _order(self, what: str, serial: int) -> None:
        self._orders.append((what, serial))
        os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        try:
            while self._until_s is None or (self._peers and time.monotonic() < self._until_s):
                for fd, events in self._epoll.poll(self._patience_s()):
                    if fd in self._at:
                        self._attend(*self._at[fd], events)
                    elif fd == self._wake:
                        self._obey()
                    elif fd == self._listener.fileno():
                        self._admit()
                self._hear_answers()
                self._expire(time.monotonic())
                self._give_turns()
        finally:
            for peer in list(self._peers.values()):
                self._part(peer)
            self._shut_door()
            self._epoll.close()

    def _patience_s(self) -> float | None:
        ends = [one for one in (self._until_s, self._listens_again_s) if one is not None]
        ends += _first(self._strangers.values())
        ends += _first(self._shaking.values()) if self._turns else []
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _obey(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        while self._orders:
            what, serial = self._orders.popleft()
            peer = self._peers.get(serial)
            if what == "shut":
                self._shut_door()
            elif peer is not None and what == "cut":
                self._refuse(peer)
            elif peer is not None:
                self._flush(peer)

    def _shut_door(self) -> None:
        if self._shut:
            return
        self._shut = True
        for peer in list(self._strangers):
            self._part(peer)
        if self._asked is not None:
            self._close_inside(self._asked)
        if self._listens_again_s is None:
            self._epoll.unregister(self._listener)
        self._listens_again_s = None
        self._listener.close()
        self._epoll.unregister(self._door.fd)
        self._door.close()
        self._closed.set()

    def _admit(self) -> None:
        for _ in range(_ACCEPTED_AT_A_STRETCH):
            try:
                outer, where = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                self._rest_from_listening()
                return
            if outer.fileno() > self._most_descriptors:
                outer.close()
                self.refused += 1
                self._rest_from_listening()
                return
            self._welcome(outer, str(where[0]))

    def _rest_from_listening(self) -> None:
        """Out of descriptors: whoever waits goes on waiting."""
        self._epoll.unregister(self._listener)
        self._listens_again_s = time.monotonic() + _NAP_S

    def _welcome(self, outer: socket.socket, address: str) -> None:
        # The oldest goes, not the one who has just come: a peer of ours needs milliseconds.
        if self._of_address[address] >= self._limits.strangers_of_address:
            self._refuse(next(one for one in self._strangers if one.address == address))
        elif len(self._strangers) >= self._limits.strangers:
            self._refuse(next(iter(self._strangers)))
        self._serial += 1
        outer.setblocking(False)
        peer = Passage(self._serial, address, outer, self._epoll, self._limits)
        self._peers[peer.serial] = peer
        self._strangers[peer] = time.monotonic() + self._limits.handshake_s
        self._of_address[address] += 1
        self._at[outer.fileno()] = peer, True
        self._flush(peer)

    def _expire(self, now_s: float) -> None:
        while self._strangers and next(iter(self._strangers.values())) <= now_s:
            self._refuse(next(iter(self._strangers)))
        if self._listens_again_s is not None and self._listens_again_s <= now_s:
            self._listens_again_s = None
            self._epoll.register(self._listener, _IN)

    def _give_turns(self) -> None:
        while self._turns:
            if len(self._shaking) >= self._limits.handshakes:
                oldest, until_s = next(iter(self._shaking.items()))
                if until_s > time.monotonic():
                    break
                self._refuse(oldest)
            else:
                self._open(self._turns.popleft())
        if self._queue and self._asked is None:
            self._asked = self._queue.popleft()
            self._asked.hand_over()
            self._flush(self._asked)

    def _open(self, peer: Passage) -> None:
        """A way inside, and HELLO through it."""
        try:
            peer.open(self._inner)
        except OSError:
            self._refuse(peer)
            return
        assert peer.inner is not None
        self._shaking[peer] = time.monotonic() + self._limits.place_s
        self._at[peer.inner.fileno()] = peer, False
        peer.hand_over()
        self._flush(peer)

    def _hear_answers(self) -> None:
        while not self._shut:
            peer = self._asked
            key = self._door.answer(peer.serial if peer is not None and self.stands(peer.serial) else 0)
            if key is None:
                return
            self._asked = None
            if peer is None:
                continue
            if not self.stands(peer.serial):
                self._close_inside(peer)
            elif key:
                self._let_in(peer, key)
            else:
                self._refuse(peer)

    def _let_in(self, peer: Passage, key: str) -> None:
        self._is_no_stranger(peer)
        peer.let_in(key, self._most, time.monotonic())
        same = [one for one in self._peers.values() if one.key == key]
        if len(same) > self._limits.connections_of_key:
            self._refuse(next((one for one in same if not one.attached), same[0]))

    def _attend(self, peer: Passage, outer: bool, events: int) -> None:
        if not self.stands(peer.serial):
            peer.read_inner()
            if peer.inner_over:
                self._close_inside(peer)
            return
        try:
            if events & ~_OUT and outer:
                data = peer.read_outer(time.monotonic())
                if data:
                    self._shake(peer, data)
            elif events & ~_OUT:
                peer.read_inner()
        except Stranger:
            self._refuse(peer)
        else:
            self._flush(peer)

    def _shake(self, peer: Passage, data: bytes) -> None:
        if peer.held or peer is self._asked:
            raise Stranger("it was not its turn")
        if peer.inner is None:
            peer.held = peer.handshake.hello(data) or b""
            waiting = self._turns
        else:
            peer.held = peer.handshake.initiate(data) or b""
            waiting = self._queue
        if peer.held:
            waiting.append(peer)

    def _flush(self, peer: Passage) -> None:
        if not peer.flush():
            self._part(peer)

    def _refuse(self, peer: Passage) -> None:
        self.refused += peer.inside
        self._part(peer, at_once=True)

    def _part(self, peer: Passage, at_once: bool = False) -> None:
        self.refused += not peer.inside
        self._is_no_stranger(peer)
        for queue in (self._turns, self._queue):
            if peer.held and peer in queue:
                queue.remove(peer)
        del self._peers[peer.serial]
        self._at.pop(peer.outer.fileno())
        peer.close_outer(at_once)
        if peer is not self._asked or self._shut:
            self._close_inside(peer)

    def _close_inside(self, peer: Passage) -> None:
        if peer is self._asked:
            self._asked = None
        if peer.inner is not None:
            self._at.pop(peer.inner.fileno())
            peer.close_inner()

    def _is_no_stranger(self, peer: Passage) -> None:
        """Known, or gone."""
        self._shaking.pop(peer, None)
        if self._strangers.pop(peer, None) is None:
            return
        self._of_address[peer.address] -= 1
        if not self._of_address[peer.address]:
            del self._of_address[peer.address]


def _first(times: Iterable[float]) -> list[float]:
    return list(itertools.islice(times, 1))


def _notice_who_is_gone(listener: socket.socket) -> None:
    """Within seconds, also one that is gone without a word. Those who are accepted have the same options (tcp(7))."""
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_NODELAY, 1),
        (socket.TCP_KEEPIDLE, 1),
        (socket.TCP_KEEPINTVL, 1),
        (socket.TCP_KEEPCNT, 3),
        (socket.TCP_USER_TIMEOUT, _GONE_MS),
    ):
        listener.setsockopt(socket.IPPROTO_TCP, option, value)


def _want_descriptors() -> int:
    """How many there may be. A peer inside has three, and 1,024 is a common limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return _DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
