"""Peers without a key that may enter, of many kinds, beside a run of two hosts, which is exact and on time.

Two of twelve kinds are hosts of the run that flood the coordinator, with the parts of one message or with nonsense.
"""

import contextlib
import itertools
import random
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import zmq

from ovbench.common.endpoint import tcp_endpoint
from ovbench.common.keys import new_keys
from ovbench.common.reliable import Frame, Kind, frame_bytes
from ovbench.common.zmtp import SERVER_GREETING

from .hostends import Coordinator, Supervisor, coordinator

RUNS = 600
LONGEST_S: Final = 1.0
"""Of the round trips of pings: a third of a lease."""
JOINED_S: Final = 10.0
PEAK_MB: Final = 64.0
NOTICES: Final = 60
EVERY_S: Final = 0.02
HALF_OPEN: Final = 10_000
_GREETING: Final = SERVER_GREETING[:32] + bytes(32)
_HELLO: Final = b"\x04\xc8\x05HELLO\x01\x00" + bytes(192)
_ATTACK_MS: Final = 1_000
_FLOOD_BYTES: Final = 32 << 20
_GONE_S: Final = 10.0


def attempt(number: int, folder: Path) -> str:
    attack = ATTACKS[number % len(ATTACKS)]
    with coordinator(["early", "late", "hostile"]) as here:
        early = Supervisor(here.join("early"), [100] * NOTICES, EVERY_S)
        late = Supervisor(here.join("late"), [100] * NOTICES)
        early.start()
        while early.is_alive() and not early.orders:
            early.join(0.01)
        problem = attack(here, random.Random(number), late.start)
        problems = [problem, early.result(), late.result()]
        seen = here.end()
    of_hosts = attack in OF_HOSTS
    if seen.counts != {"early": NOTICES, "late": NOTICES, "hostile": 0} or (seen.dropped and not of_hosts):
        problems.append(f"it saw {seen}")
    if late.joined_s > JOINED_S:
        problems.append(f"who came late was taken after {late.joined_s:.1f} s")
    if seen.longest_s > LONGEST_S or seen.peak_mb > PEAK_MB:
        problems.append(f"round trip {seen.longest_s:.2f} s, memory +{seen.peak_mb:.0f} MB")
    if not seen.refused and not of_hosts:
        problems.append("nobody was refused")
    return ", ".join(f"{attack.__name__.strip('_')}: {one}" for one in problems if one)


def _plain(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    return _by_libzmq(here, {}, during)


def _by_password(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    return _by_libzmq(here, {zmq.PLAIN_USERNAME: b"early", zmq.PLAIN_PASSWORD: b"password"}, during)


def _unknown_key(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    own = new_keys()
    keys = {zmq.CURVE_PUBLICKEY: own.public, zmq.CURVE_SECRETKEY: own.secret, zmq.CURVE_SERVERKEY: here.own.public}
    return _by_libzmq(here, {option: key.encode() for option, key in keys.items()}, during)


def _anothers_public_key(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    own, known = new_keys(), here.keys["early"]
    keys = {zmq.CURVE_PUBLICKEY: known.public, zmq.CURVE_SECRETKEY: own.secret, zmq.CURVE_SERVERKEY: here.own.public}
    return _by_libzmq(here, {option: key.encode() for option, key in keys.items()}, during)


def _wrong_coordinator(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    own = here.keys["hostile"]
    keys = {zmq.CURVE_PUBLICKEY: own.public, zmq.CURVE_SECRETKEY: own.secret, zmq.CURVE_SERVERKEY: new_keys().public}
    return _by_libzmq(here, {option: key.encode() for option, key in keys.items()}, during)


def _by_libzmq(here: Coordinator, options: dict[int, bytes], during: Callable[[], None]) -> str:
    """It tries again and again, for as long as it is there."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.set(zmq.LINGER, 0)
    peer.set(zmq.RECONNECT_IVL, 10)
    for option, value in options.items():
        peer.set(option, value)
    peer.connect(tcp_endpoint(*here.address))
    peer.send(frame_bytes(Frame(Kind.ATTACH, 0, 0, bytes(16))))
    during()
    heard = peer.poll(500)
    peer.close()
    context.term()
    return "it was answered" if heard else ""


def _garbage(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    sent = [chance.randbytes(chance.randint(1, 100_000)) for _ in range(20)]
    sent += [b"GET / HTTP/1.1\r\n\r\n", _GREETING + chance.randbytes(500), _GREETING + _HELLO]
    return _all_refused(here, sent, during)


def _parts(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    null = _GREETING.replace(b"CURVE", b"NULL\0")
    parts = b"\x01\x00" * 100_000
    return _all_refused(here, [start + parts for start in (null, _GREETING, _GREETING + _HELLO)] * 10, during)


def _large_frames(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    large = b"\x06" + (8 << 20).to_bytes(8, "big") + bytes(8 << 20)
    return _all_refused(here, [start + large for start in (_GREETING, _GREETING + _HELLO)] * 10, during)


def _all_refused(here: Coordinator, sent: list[bytes], during: Callable[[], None]) -> str:
    peers = []
    for data in sent:
        peer = socket.create_connection(here.address, timeout=_GONE_S)
        with contextlib.suppress(ConnectionError):
            peer.sendall(data)
        peers.append(peer)
    during()
    return _left(peers)


def _half_open(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    """As fast as one process can open them; the host that comes late comes in the middle."""
    peers = []
    for number in range(HALF_OPEN):
        peer = socket.socket()
        peer.setblocking(False)
        peer.connect_ex(here.address)
        peers.append(peer)
        if number == HALF_OPEN // 2:
            during()
    return _left(peers)


def _slow(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    """A byte now and then, so that each is always about to send the next."""
    peers = [socket.create_connection(here.address) for _ in range(200)]
    end_s, at = time.monotonic() + 2.5, 0
    during()
    while time.monotonic() < end_s:
        for peer in peers:
            with contextlib.suppress(ConnectionError):
                peer.send((_GREETING + _HELLO)[at : at + 1])
        at += 1
        time.sleep(0.05)
    return _left(peers)


def _left(peers: list[socket.socket]) -> str:
    """How many are still connected after a while; all are closed."""
    waiting = select.poll()
    by_fd = {peer.fileno(): peer for peer in peers}
    for fd, peer in by_fd.items():
        peer.setblocking(False)
        waiting.register(fd, select.POLLIN)
    end_s = time.monotonic() + _GONE_S
    while by_fd and time.monotonic() < end_s:
        for fd, _ in waiting.poll(100):
            if _is_over(by_fd[fd]):
                waiting.unregister(fd)
                by_fd.pop(fd).close()
    for peer in by_fd.values():
        peer.close()
    return f"{len(by_fd)} are still connected" if by_fd else ""


def _is_over(peer: socket.socket) -> bool:
    try:
        return not peer.recv(1 << 16)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _flood_of_a_host(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    """As fast as it can, what is numbered as it should be and no message."""
    with _joined(here, chance) as peer:
        during()
        end_s, body = time.monotonic() + _ATTACK_MS / 1000, b"\xc1" + bytes(chance.choice((0, 100, 100_000)))
        for number in itertools.count():
            if time.monotonic() > end_s:
                break
            with contextlib.suppress(zmq.Again):
                peer.send(frame_bytes(Frame(Kind.DATA, number, 0, body)))
    return ""


@contextlib.contextmanager
def _joined(here: Coordinator, chance: random.Random) -> "Iterator[zmq.Socket[bytes]]":
    """As a supervisor does, by a key of the run."""
    own = here.keys["hostile"]
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    peer = context.socket(zmq.DEALER)
    for option, value in ((zmq.LINGER, 0), (zmq.SNDTIMEO, 100), (zmq.RCVTIMEO, 5_000)):
        peer.set(option, value)
    keys = {zmq.CURVE_PUBLICKEY: own.public, zmq.CURVE_SECRETKEY: own.secret, zmq.CURVE_SERVERKEY: here.own.public}
    for option, key in keys.items():
        peer.set(option, key.encode())
    peer.connect(tcp_endpoint(*here.address))
    peer.send(frame_bytes(Frame(Kind.ATTACH, 0, 0, chance.randbytes(16))))
    peer.recv()
    yield peer
    peer.close()
    context.term()


def _parts_of_a_host(here: Coordinator, chance: random.Random, during: Callable[[], None]) -> str:
    """libzmq sends nothing of a message before it is whole; the gate takes less than all of it, so it never ends."""
    with _joined(here, chance) as peer:
        size = chance.choice((0, 17, 1_000))
        for _ in range(_FLOOD_BYTES // (size + 33)):
            peer.send(bytes(size), zmq.SNDMORE)
        peer.send(b"")
        during()
        peer.poll(_ATTACK_MS)
    return ""


ATTACKS: Final = (
    _plain,
    _by_password,
    _unknown_key,
    _anothers_public_key,
    _wrong_coordinator,
    _garbage,
    _parts,
    _large_frames,
    _half_open,
    _slow,
    _parts_of_a_host,
    _flood_of_a_host,
)
OF_HOSTS: Final = (_parts_of_a_host, _flood_of_a_host)
"""Those that need a key of the run."""
