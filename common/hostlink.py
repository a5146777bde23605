"""A supervisor's end of the bus between hosts: CURVE, with the coordinator's key pinned."""

import contextlib
import math
import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import zmq

from .bounded import MOST_TEXT
from .endpoint import host_and_port
from .errors import UsageError
from .hostcodec import decode_order, encode
from .hostmessages import AnyHostNotice, AnyHostOrder, Refuse
from .hostsocket import QUIET_S, HostSocket
from .join import Join
from .keys import Keys, belong_together, is_key
from .reliable import NONCE_BYTES, Broken, Frame, Kind, Stream, frame_bytes, parse_frame
from .wire import BadMessage

_MOST_KEPT_BYTES: Final = 32 << 20
_HEARTBEAT_MS: Final = 500
_DEAD_MS: Final = 1_000
"""A connection on which nothing comes for so long is given up: well within a lease, so that another one is tried."""
_DEAD_AT_HUB_MS: Final = 2_000
_CONNECT_MS: Final = 500
_RETRY_MS: Final = 50
_WELCOME_S: Final = 1.0
_REVIVE_S: Final = 1.5
"""Without a connection, and without a sign that libzmq tries to have one."""
_ENDS: Final = (
    zmq.EVENT_DISCONNECTED,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
)
_NO_PIPE_S: Final = 0.005
_REFUSED: Final = "the coordinator does not want this process"


class HostLink(HostSocket):
    """A supervisor's end: one DEALER, which connects again by itself for as long as it exists."""

    def __init__(self, join: Join) -> None:
        """Connects in the background. Raises UsageError where the join has no address or no keys."""
        try:
            address, _ = host_and_port(join.endpoint)
        except OSError as error:
            raise UsageError(f"{join.endpoint}: {error.strerror}") from None
        if not belong_together(Keys(join.public_key, join.secret_key)) or not is_key(join.coordinator_key):
            raise UsageError(f"{join!r}: its keys are none; use a join file that ovbench-coord has written")
        self._join, self._ipv6 = join, ":" in address
        super().__init__(zmq.DEALER)
        self.nonce: Final = secrets.token_hex(NONCE_BYTES)
        """Of this process, for its `Present`."""
        self._stream = Stream(_MOST_KEPT_BYTES)
        self.dropped = 0
        """What came and was no message of ours."""
        self.refused = ""
        """Why the coordinator will not have this process; empty while it may."""
        self._attach_at_s = self._revive_at_s = self._owing_since_s = math.inf
        try:
            self._connect()
        except zmq.ZMQError:
            self.close()
            raise UsageError(f"{join.endpoint}: this is no address that can be connected to") from None

    def _connect(self) -> None:
        join = self._join
        for option, value in (
            (zmq.CURVE_SERVERKEY, join.coordinator_key.encode()),
            (zmq.CURVE_PUBLICKEY, join.public_key.encode()),
            (zmq.CURVE_SECRETKEY, join.secret_key.encode()),
            (zmq.IMMEDIATE, 1),  # queue nothing for a connection that does not stand
            (zmq.IPV6, int(self._ipv6)),
            (zmq.CONNECT_TIMEOUT, _CONNECT_MS),
            (zmq.RECONNECT_IVL, _RETRY_MS),
            (zmq.HEARTBEAT_IVL, _HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, _DEAD_MS),
            (zmq.HEARTBEAT_TTL, _DEAD_AT_HUB_MS),
        ):
            self._socket.set(option, value)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_ALL)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(join.endpoint)
        self._revive_at_s = time.monotonic() + _REVIVE_S

    def _disconnect(self) -> None:
        self._poller.unregister(self._socket)
        self._poller.unregister(self._monitor)
        self._socket.disable_monitor()
        self._monitor.close()  # the context waits for it, too

    @property
    def connected(self) -> bool:
        """Whether the coordinator has taken this process on the connection that stands."""
        return self._stream.attached

    @property
    def room(self) -> bool:
        """False while so much is unacknowledged that nothing more is taken. `messages` makes room."""
        return self._stream.room

    @property
    def unsent_bytes(self) -> int:
        """Of what was sent, how much the coordinator has not acknowledged."""
        return self._stream.kept_bytes

    def wait(self, timeout_s: float) -> set[int]:
        """Sleep until a message, a watched descriptor or the timeout; returns the descriptors that can be read."""
        end_s = time.monotonic() + timeout_s
        ready: list[tuple[Any, int]] = []
        self._attend()
        while not ready:
            until_s = min(end_s, self._attach_at_s, self._revive_at_s, self._owing_since_s + QUIET_S)
            ready = self._poll(until_s - time.monotonic())
            self._attend()
            if time.monotonic() >= end_s:
                break
        return {fd for fd, _ in ready if isinstance(fd, int)}

    def _attend(self) -> None:
        """What is due by the state of the connection, and by time."""
        now_s = time.monotonic()
        while self._monitor.poll(0):
            # The event is the first 16 bits (zmq_socket_monitor); pyzmq would import asyncio to read them, for 25 ms.
            event, _ = self._monitor.recv_multipart()
            self._hear(int.from_bytes(event[:2], sys.byteorder), now_s)
        if self._revive_at_s <= now_s and not self.refused:
            # libzmq tries no more after a handshake that it does not understand, whoever spoilt it.
            self._disconnect()
            self._socket.close()
            self._socket = self._made(zmq.DEALER)
            self._connect()
        if self._attach_at_s <= now_s:
            sent = self._send(self._stream.attaching(bytes.fromhex(self.nonce)))
            self._attach_at_s = now_s + (_WELCOME_S if sent else _NO_PIPE_S)
        if self._owing_since_s + QUIET_S <= now_s:
            if self._stream.owes and self._stream.attached:
                self._send(self._stream.ack())
            self._owing_since_s = math.inf

    def _hear(self, event: int, now_s: float) -> None:
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._stream.detach()
            self._attach_at_s = math.inf if self.refused else 0.0
        elif event in _ENDS:
            self._stream.detach()
            self._attach_at_s = math.inf
        if not self._stream.attached:
            self._revive_at_s = now_s + _REVIVE_S

    def messages(self) -> Iterator[AnyHostOrder]:
        """All that has arrived, without waiting. A process that the coordinator will not have gets `Refuse`."""
        self._attend()
        while True:
            try:
                part = self._socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            try:
                body = self._take(part)
                if body is not None:
                    yield decode_order(body)
            except (Broken, BadMessage):
                self.dropped += 1
            if self.refused:
                yield Refuse(self.refused)
                return

    def _take(self, part: zmq.Frame) -> bytes | memoryview | None:
        if part.more:
            while self._socket.get(zmq.RCVMORE):
                self._socket.recv()
            raise Broken("it has several parts")
        frame = parse_frame(part.buffer)
        stream = self._stream
        if frame.kind == Kind.SPENT:
            self.refused = bytes(frame.body[:MOST_TEXT]).decode(errors="replace") or _REFUSED
            stream.detach()
            with contextlib.suppress(zmq.ZMQError):
                self._socket.disconnect(self._join.endpoint)
            return None
        body = None
        if frame.kind == Kind.WELCOME:
            stream.attach(frame.ack)
            self._attach_at_s = self._revive_at_s = math.inf
        elif stream.attached:
            body = stream.take(frame)
        self._follow_up()
        return body

    def _follow_up(self) -> None:
        stream = self._stream
        while (frame := stream.due()) is not None and self._send(frame):
            stream.sent()
        if stream.attached and stream.missing:
            self._send(stream.again())
        if stream.attached and stream.pressed:
            self._send(stream.ack())
        if stream.owes and self._owing_since_s == math.inf:
            self._owing_since_s = time.monotonic()

    def _send(self, frame: Frame) -> bool:
        try:
            self._socket.send(frame_bytes(frame), zmq.NOBLOCK)
        except zmq.ZMQError:
            self._stream.detach()
            self._revive_at_s = min(self._revive_at_s, time.monotonic() + _REVIVE_S)
            return False
        return True

    def send(self, notice: AnyHostNotice, urgent: bool = False) -> bool:
        """False where there is no room. Otherwise it arrives once and in order, if a connection stands again in time.
        `urgent`: now or never, before what waits; False where there is no connection."""
        self._attend()
        if urgent:
            return self._stream.attached and self._send(self._stream.urgent(encode(notice)))
        taken = self._stream.offer(encode(notice))
        self._follow_up()
        return taken

    def close(self, linger_s: float = 1.0) -> None:
        """Waits at most so long until a coordinator that can be reached has what was sent. Again is no harm."""
        if self._socket.closed:
            return
        end_s = time.monotonic() + linger_s
        while self._stream.kept_bytes and self._stream.attached and time.monotonic() < end_s:
            self._socket.poll(_RETRY_MS)
            for _ in self.messages():
                pass
        self._disconnect()
        self._end(max(0.0, end_s - time.monotonic()))
