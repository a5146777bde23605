"""The bus between a coordinator and the supervisors of other hosts: CURVE over TCP, one conversation per host.

What is sent arrives once and in order (`reliable`), over whatever connections there are in its time. A host is its key,
which libzmq proves; who a message says it is from is never asked. The first process that comes with a key keeps its
place for good: another one with the same key is refused, also when the first is gone.
"""

import contextlib
import math
import time
from collections import deque
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import zmq

from .endpoint import host_and_port
from .gate import Gate
from .hostcodec import ENCRYPTION_BYTES, MOST_FRAME_BYTES, decode_notice, encode
from .hostmessages import AnyHostNotice, AnyHostOrder, ForeignHost
from .hostsocket import QUIET_S, HostSocket
from .keys import Keys, key_text
from .passage import Limits
from .reliable import NONCE_BYTES, Broken, Frame, Kind, Stream, frame_bytes, parse_frame
from .runfolder import run_folder
from .wire import BadMessage

_LIMITS: Final = Limits()
_DOMAIN: Final = b"ovbench"
_SECOND: Final = "another process has joined with this key, and a key is for one process; start the run again"
_GIVEN_UP: Final = "the run has given this host up"
_LEAVING_S: Final = 0.5
"""Until who was turned away is cut off, if it does not go by itself."""


class _Door:
    """Says which keys may enter, in the thread of the gate (the messages are those of rfc.zeromq.org/spec/27)."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", keys: Container[str]) -> None:
        self._keys = keys
        self._socket = context.socket(zmq.REP)
        self._socket.set(zmq.LINGER, 0)
        self._socket.bind("inproc://zeromq.zap.01")
        self.fd = int(self._socket.get(zmq.FD))

    def answer(self, serial: int) -> str | None:
        if not int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            return None
        version, request, domain, _, _, mechanism, *credentials = self._socket.recv_multipart()
        key = key_text(credentials[0]) if mechanism == b"CURVE" and len(credentials) == 1 else ""
        known = serial > 0 and domain == _DOMAIN and key in self._keys
        status, words, user = (b"200", b"OK", f"{serial} {key}".encode()) if known else (b"400", b"no", b"")
        self._socket.send_multipart((version, request, status, words, user, b""))
        return key if known else ""

    def close(self) -> None:
        self._socket.close()


@dataclass(eq=False)
class _Guest:
    """A host that may come, and its conversation. `known`: all connections of its process, by their numbers; of the
    latest, `serial` is the number, and `route` where the ROUTER finds it."""

    host: str
    stream: Stream = field(default_factory=Stream)
    nonce: bytes = b""
    known: set[int] = field(default_factory=set)
    serial: int = 0
    route: bytes = b""
    forgotten: bool = False


class HostHub(HostSocket):
    """The coordinator's end: one ROUTER behind a gate. A host's name is what the caller calls the owner of a key."""

    def __init__(self, bind: str, own: Keys, guests: Mapping[str, str], limits: Limits = _LIMITS) -> None:
        """`bind`: tcp://ADDRESS:PORT, port 0 for any that is free. `guests`: names of hosts by public key. Raises
        OSError with the reason where the address or the port cannot be had."""
        address, port = host_and_port(bind, least=0)
        super().__init__(zmq.ROUTER)
        # Without it a message to a peer that has gone is dropped without a word.
        self._socket.set(zmq.ROUTER_MANDATORY, 1)
        self._socket.set(zmq.CURVE_SERVER, 1)
        self._socket.set(zmq.CURVE_SECRETKEY, own.secret.encode())
        self._socket.set(zmq.ZAP_DOMAIN, _DOMAIN)
        self._socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)  # nobody enters where nobody is there to ask
        self._socket.set(zmq.BACKLOG, 4_096)
        self._guests: dict[str, _Guest] = {}
        self._of_host: dict[str, _Guest] = {}
        self.add_guests(guests)
        self.dropped = 0
        """What came from hosts and was no message of ours."""
        self._second_processes = 0
        self._owing: set[_Guest] = set()
        self._owing_since_s = 0.0
        self._leaving: deque[tuple[float, int]] = deque()
        # As short as an address has to be, locked, and removed by the next run where this one is killed.
        self._behind = contextlib.ExitStack()
        inner = f"{self._behind.enter_context(run_folder())}/gate"
        self._socket.bind(f"ipc://{inner}")
        door = _Door(self._context, self._guests)
        try:
            self._gate = Gate(address, port, inner, MOST_FRAME_BYTES, door, limits)
        except OSError as error:
            door.close()
            self._end(0.0)
            self._behind.close()
            raise OSError(error.errno, error.strerror or str(error)) from None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._gate.address

    @property
    def refused(self) -> int:
        """Connections that were not let in, or were cut off for what they sent, and processes that came with the key
        of another one."""
        return self._gate.refused + self._second_processes

    def add_guests(self, guests: Mapping[str, str]) -> None:
        """Names of hosts by public key, as in the constructor."""
        for key, host in guests.items():
            guest = _Guest(host)
            self._of_host[host] = guest
            self._guests[key] = guest

    def wait(self, timeout_s: float) -> set[int]:
        """Sleep until a message, a watched descriptor or the timeout; returns the descriptors that can be read."""
        end_s = time.monotonic() + timeout_s
        if self._quiet_s() == 0:
            self._acknowledge()
        ready = self._poll(min(timeout_s, self._quiet_s()))
        if not ready:
            self._acknowledge()
            ready = self._poll(end_s - time.monotonic())
        while self._leaving and self._leaving[0][0] < time.monotonic():
            self._gate.cut(self._leaving.popleft()[1])
        return {fd for fd, _ in ready if isinstance(fd, int)}

    def messages(self, most: int, most_bytes: int) -> Iterator[tuple[str, AnyHostNotice | ForeignHost | BadMessage]]:
        """What has arrived, each with its host, without waiting, in turn from each host that has sent something.

        Not more than `most` are looked at, what is dropped among them, and none after `most_bytes` of them; the rest
        the next time. BadMessage is returned, not raised, for what a host sent and was no message.
        """
        read_bytes = 0
        for _ in range(most):
            try:
                route = self._socket.recv(zmq.NOBLOCK) if read_bytes < most_bytes else None
            except zmq.Again:
                route = None
            if route is None:
                return
            part = self._socket.recv(copy=False)
            read_bytes += len(part)
            serial, key = str(part.get("User-Id")).split(" ")
            guest = self._guests[key]
            try:
                body = self._take(guest, int(serial), route, part)
                if body is not None:
                    yield guest.host, decode_notice(body)
            except BadMessage as bad:
                self.dropped += 1
                yield guest.host, bad
            except Broken as broken:
                self.dropped += 1
                self._gate.cut(int(serial))
                if not guest.forgotten:
                    yield guest.host, BadMessage(str(broken))

    def _take(self, guest: _Guest, serial: int, route: bytes, part: zmq.Frame) -> bytes | memoryview | None:
        if part.more:
            while self._socket.get(zmq.RCVMORE):
                self._socket.recv()
            raise Broken("it has several parts")
        self._gate.took(serial, len(part) + ENCRYPTION_BYTES)
        frame = parse_frame(part.buffer)
        if frame.kind == Kind.ATTACH:
            self._attach(guest, serial, route, frame)
            return None
        if serial not in guest.known:
            return None
        body = guest.stream.take(frame)
        self._follow_up(guest)
        return body

    def _attach(self, guest: _Guest, serial: int, route: bytes, frame: Frame) -> None:
        nonce = bytes(frame.body)
        if len(nonce) != NONCE_BYTES:
            raise Broken("it has no nonce")
        if guest.forgotten or guest.nonce not in (b"", nonce):
            self._second_processes += not guest.forgotten
            why = _GIVEN_UP if guest.forgotten else _SECOND
            with contextlib.suppress(zmq.ZMQError):
                self._socket.send_multipart((route, frame_bytes(Frame(Kind.SPENT, 0, 0, why.encode()))), zmq.NOBLOCK)
            self._leaving.append((time.monotonic() + _LEAVING_S, serial))
            return
        guest.stream.attach(frame.ack)
        guest.nonce = nonce
        if guest.serial != serial:
            self._gate.cut(guest.serial)
        guest.known.add(serial)
        guest.serial, guest.route = serial, route
        self._gate.attached(serial)
        self._send(guest, guest.stream.welcome())
        self._follow_up(guest)

    def _follow_up(self, guest: _Guest) -> None:
        """After a frame of the host, or with something for it."""
        stream = guest.stream
        while (frame := stream.due()) is not None and self._send(guest, frame):
            stream.sent()
        if stream.missing:
            self._send(guest, stream.again())
        if stream.pressed:
            self._send(guest, stream.ack())
        if stream.owes and guest not in self._owing:
            self._owing_since_s = self._owing_since_s if self._owing else time.monotonic()
            self._owing.add(guest)

    def _quiet_s(self) -> float:
        return max(0.0, self._owing_since_s + QUIET_S - time.monotonic()) if self._owing else math.inf

    def _acknowledge(self) -> None:
        for guest in self._owing:
            if guest.stream.owes:
                self._send(guest, guest.stream.ack())
        self._owing.clear()

    def _send(self, guest: _Guest, frame: Frame) -> bool:
        if not guest.stream.attached:
            return False
        try:
            self._socket.send_multipart((guest.route, frame_bytes(frame)), zmq.NOBLOCK)
        except zmq.ZMQError:
            guest.stream.detach()
            return False
        return True

    def send(self, host: str, order: AnyHostOrder, urgent: bool = False) -> bool:
        """False where it will not arrive: the host is not known or forgotten, or has left too much unacknowledged.
        Otherwise it arrives once and in order, or the host is lost. `urgent`: now or never, before what waits; False
        where there is no connection."""
        guest = self._of_host.get(host)
        if guest is None or guest.forgotten:
            return False
        if urgent:
            return self._send(guest, guest.stream.urgent(encode(order)))
        taken = guest.stream.offer(encode(order))
        self._follow_up(guest)
        return taken

    def connected(self, host: str) -> bool:
        guest = self._of_host[host]
        return guest.stream.attached and self._gate.stands(guest.serial)

    def unsent_bytes(self, host: str) -> int:
        """Of what was sent to it, how much it has not acknowledged."""
        return self._of_host[host].stream.kept_bytes

    def forget(self, host: str) -> None:
        """Nothing more is taken from it, nor sent to it; who comes with its key is turned away."""
        guest = self._of_host[host]
        guest.forgotten, guest.stream = True, Stream()
        guest.known.clear()
        self._gate.cut(guest.serial)

    def let_nobody_in(self) -> None:
        """No further connection, not even of a host that has lost its own; those that stand stay."""
        self._gate.let_nobody_in()

    def close(self, linger_s: float = 0.0) -> None:
        """Waits at most so long until hosts have what was sent to them. Again is no harm."""
        if self._socket.closed:
            return
        end_s = time.monotonic() + linger_s
        self._acknowledge()
        while (left_s := end_s - time.monotonic()) > 0 and any(
            self.connected(guest.host) and guest.stream.kept_bytes for guest in self._guests.values()
        ):
            self._socket.poll(math.ceil(left_s * 1000))
            for _ in self.messages(1_000, MOST_FRAME_BYTES):
                pass
        self._gate.let_nobody_in()
        self._end(max(0.0, end_s - time.monotonic()))
        self._gate.close(max(0.0, end_s - time.monotonic()))
        self._behind.close()
