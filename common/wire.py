"""The bus of one host, ZeroMQ and msgpack at a socket in the file system. Messages go in and come out typed.

Bytes are decoded straight into the message types: what these have no place for is never built, and lengths are compared
with their bounds before anything is allocated. So bytes that are no message of ours cost a counter and nothing else.
"""

import errno
import math
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

import msgspec
import zmq

from .endpoint import Listener, listen, trusted_users
from .messages import MAX_MESSAGE_BYTES, PROTOCOL_VERSION, AnyNotice, AnyOrder, Foreign, Notice, Order, tag

_encoder = msgspec.msgpack.Encoder()
_decoders: Final[dict[Any, msgspec.msgpack.Decoder[Any]]] = {
    union: msgspec.msgpack.Decoder(union) for union in (AnyOrder, AnyNotice)
}
_LONGEST_HELLO: Final = 1 << 16
_foreign: Final = msgspec.msgpack.Decoder(Foreign)
_Received = TypeVar("_Received")


_PARTS: Final = 1_000
"""Parts of a message that are read at a stretch; ours have two."""

_WAITING: Final = 8
"""Whole messages that libzmq keeps of one peer until they are read: 64 MiB at most. Who sends more waits."""


class BadMessage(Exception):
    """Bytes that are not a message of the expected union."""


def encode(message: Order | Notice) -> bytes:
    return _encoder.encode(message)


def decode(data: bytes | memoryview, union: Any) -> Any:
    """A message of `union` (AnyOrder or AnyNotice). Raises BadMessage for anything else, whatever the bytes are."""
    try:
        return _decoders[union].decode(data)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(str(error)) from None


def _foreigner(data: bytes) -> Foreign | None:
    """A hello of another protocol, which may have other fields than ours; None for anything else."""
    if len(data) > _LONGEST_HELLO or b"hello" not in data:
        return None
    try:
        foreign = _foreign.decode(data)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    return foreign if foreign.version != PROTOCOL_VERSION else None


def decode_notice(data: bytes | memoryview) -> AnyNotice | Foreign | BadMessage:
    """What an agent said; BadMessage is returned, not raised, for bytes that are no notice."""
    foreign = _foreigner(bytes(data)) if len(data) <= _LONGEST_HELLO else None
    if foreign is not None:
        return foreign
    try:
        notice: AnyNotice = decode(data, AnyNotice)
    except BadMessage as bad:
        return bad
    return notice


def check(message: AnyNotice | AnyOrder) -> None:
    """Raises BadMessage for one that the other side would not take: it would be waited for without end."""
    try:
        data = encode(message)
        if len(data) <= MAX_MESSAGE_BYTES:
            decode(data, AnyOrder if isinstance(message, Order) else AnyNotice)
    except (BadMessage, UnicodeEncodeError) as error:
        raise BadMessage(f"'{tag(message)}' cannot be encoded: {error}") from None
    if len(data) > MAX_MESSAGE_BYTES:
        raise BadMessage(f"'{tag(message)}' would be a message of {len(data)} bytes, more than {MAX_MESSAGE_BYTES}")


def _reason(error: zmq.ZMQError) -> str:
    """Without the address, which whoever reports it knows better."""
    return zmq.strerror(error.errno) if error.errno is not None else str(error)


class _Endpoint(Generic[_Received]):
    """A socket, its context, and a poller that also wakes for file descriptors."""

    def __init__(self, kind: int, union: Any) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self._socket.set(zmq.RCVHWM, _WAITING)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._union = union
        self._passing_over = False
        self.dropped = 0
        """Messages that were malformed, oversized in number of parts, or unknown."""
        self.refused = 0
        """Connections: none are, as the folder lets nobody in who is not the user."""

    def watch(self, fd: int) -> None:
        """Wake `wait` when `fd` can be read."""
        self._poller.register(fd, zmq.POLLIN)

    def wait(self, timeout_s: float) -> set[int]:
        """Sleep until a message, a watched descriptor or the timeout; returns the descriptors that can be read."""
        # Up, as a timeout that is rounded down to nothing makes the caller ask again and again until it is due.
        ready = self._poller.poll(max(0, math.ceil(timeout_s * 1000)))
        return {fd for fd, _ in ready if isinstance(fd, int)}

    def _frames(self, most: int) -> Iterator[list[bytes]]:
        """Messages as their parts, those beyond `most` replaced by one that is empty.

        Of a message without end _PARTS are read at a stretch, and forgotten; the rest of it the next time.
        """
        while True:
            kept: list[bytes] = []
            read = 0
            while read == 0 or self._socket.get(zmq.RCVMORE):
                if read == _PARTS:
                    if not self._passing_over:
                        self._passing_over = True
                        yield [*kept, b""]
                    return
                try:
                    part = self._socket.recv(zmq.NOBLOCK)
                except zmq.Again:
                    return
                read += 1
                if read <= most:
                    kept.append(part)
            if self._passing_over:
                self._passing_over = False
                continue
            yield kept if read <= most else [*kept, b""]

    def _decode(self, data: bytes) -> _Received | BadMessage:
        try:
            message: _Received = decode(data, self._union)
        except BadMessage as bad:
            self.dropped += 1
            return bad
        return message

    def close(self) -> None:
        self._socket.close()
        self._context.term()


class Hub(_Endpoint[AnyNotice]):
    """The coordinator's end: one ROUTER. A peer is the routing id that the socket gave it."""

    def __init__(self, endpoint: str) -> None:
        """Binds; raises OSError with the reason where that cannot be done."""
        super().__init__(zmq.ROUTER, AnyNotice)
        # Without it a message to a peer that has gone is dropped without a word.
        self._socket.set(zmq.ROUTER_MANDATORY, 1)
        self._socket.set(zmq.BACKLOG, 4_096)
        self._listener: Listener | None = None
        try:
            self._listener = listen(endpoint)
            # Left to itself, libzmq removes whatever has that name.
            self._socket.set(zmq.USE_FD, self._listener.fd)
            self._socket.bind(endpoint)
        except (OSError, zmq.ZMQError) as error:
            self.close()
            reason = _reason(error) if isinstance(error, zmq.ZMQError) else error.strerror or str(error)
            raise OSError(error.errno, reason) from None

    def messages(self, most: int, most_bytes: int) -> Iterator[tuple[bytes, AnyNotice | Foreign | BadMessage]]:
        """What has arrived, without waiting, in turn from each peer that has sent something (zmq_socket(3), ROUTER).

        Not more than `most`, those that are dropped among them, and none after `most_bytes` of them; the rest the next
        time. Whoever sends faster than this reads would keep the caller here. BadMessage, not raised, for what was
        dropped.
        """
        frames = self._frames(most=2)
        read_bytes = 0
        for _ in range(most):
            parts = next(frames, None) if read_bytes < most_bytes else None
            if parts is None:
                return
            read_bytes += sum(map(len, parts))
            if len(parts) != 2:
                self.dropped += 1
                yield parts[0], BadMessage("it has several parts")
            else:
                yield parts[0], _foreigner(parts[1]) or self._decode(parts[1])

    def send(self, peer: bytes, order: AnyOrder) -> bool:
        """False where the peer cannot be reached (it has gone, or reads nothing)."""
        return self.pass_on(peer, encode(order))

    @property
    def fd(self) -> int:
        """Becomes readable when something happens, which `waiting` then understands (ZMQ_FD in zmq_getsockopt(3))."""
        return int(self._socket.get(zmq.FD))

    @property
    def waiting(self) -> bool:
        """Whether a message can be read. To be asked last before `fd` is waited for, as any use of the hub may use up
        what made it readable."""
        return bool(int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN)

    def receive(self) -> tuple[bytes, bytes] | None:
        """The next message as it came, for whoever only passes it on, and its peer; None where there is none now."""
        for parts in self._frames(most=2):
            if len(parts) == 2:
                return parts[0], parts[1]
            self.dropped += 1
            return None
        return None

    def pass_on(self, peer: bytes, order: bytes) -> bool:
        """As `send`, of an order that somebody else has encoded."""
        try:
            self._socket.send_multipart((peer, order), zmq.NOBLOCK)
        except zmq.ZMQError:
            return False
        return True

    def let_nobody_in(self) -> None:
        """Nobody finds an ipc:// socket any more, where libzmq ends the process when it cannot accept a connection.
        Those that are connected stay, which they would not with `unbind`."""
        if self._listener is not None:
            self._listener.remove()

    def close(self, linger_s: float = 0.0) -> None:
        """Waits at most so long for what was sent to leave. Again is no harm."""
        if self._socket.closed:
            return
        if self._listener is not None:
            self._listener.remove()  # while it listens, as nobody takes its name meanwhile
        self._socket.set(zmq.LINGER, round(linger_s * 1000))
        super().close()


class Link(_Endpoint[AnyOrder]):
    """An agent's end: one DEALER, and a monitor that reports when the coordinator's end has closed."""

    def __init__(self, endpoint: str) -> None:
        """Connects in the background; raises OSError for an endpoint that is no address."""
        super().__init__(zmq.DEALER, AnyOrder)
        # Queue nothing for a connection that does not stand.
        self._socket.set(zmq.IMMEDIATE, 1)
        self._socket.set(zmq.SNDHWM, 16)
        self._socket.set(zmq.RECONNECT_IVL, 50)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED)
        self._poller.register(self._monitor, zmq.POLLIN)
        self.connected = False
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise OSError(error.errno, _reason(error)) from None

    def messages(self) -> Iterator[AnyOrder]:
        """All that has arrived, without waiting; refreshes `connected` first. Raises OSError where another user listens
        at the socket."""
        while self._monitor.poll(0):
            # The event is the first 16 bits (zmq_socket_monitor); pyzmq would import asyncio to read them, for 25 ms.
            event, _ = self._monitor.recv_multipart()
            self.connected = int.from_bytes(event[:2], sys.byteorder) == zmq.EVENT_CONNECTED
            if self.connected:
                _check_peer(int.from_bytes(event[2:6], sys.byteorder, signed=True))
        for frames in self._frames(most=1):
            if len(frames) != 1:
                self.dropped += 1
                continue
            message = self._decode(frames[0])
            if not isinstance(message, BadMessage):
                yield message

    def want_to_send(self, wanted: bool) -> None:
        """Make `wait` return also when a message can be sent."""
        self._poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if wanted else 0))

    def send(self, notice: AnyNotice) -> bool:
        """False where it cannot be sent now (no connection, or the queue is full)."""
        try:
            self._socket.send(encode(notice), zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close()  # the context waits for it, too
        super().close()


def _check_peer(fd: int) -> None:
    """That who listens at a socket in the file system is this user, or root."""
    try:
        with socket.socket(fileno=os.dup(fd)) as peer:
            _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except OSError:
        return  # it has closed already
    if user not in trusted_users():
        raise OSError(errno.EPERM, "another user listens there")


def private_endpoint(folder: str) -> str:
    """An address that only this user can reach: a socket in `folder`, which is made private."""
    os.chmod(folder, 0o700)
    return f"ipc://{folder}/bus"
