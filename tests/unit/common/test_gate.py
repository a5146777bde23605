"""The gate with a stand-in for libzmq behind it: who gets how far, and how much."""

import contextlib
import os
import queue
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from ovbench.common.gate import Gate
from ovbench.common.passage import Limits
from ovbench.common.zmtp import GREETING_BYTES, SERVER_GREETING
from tests.process.driver import PATIENCE_S

GREETING: Final = SERVER_GREETING[:32] + bytes(32)
HELLO: Final = b"\x04\xc8\x05HELLO\x01\x00" + bytes(192)
INITIATE: Final = b"\x06" + (300).to_bytes(8, "big") + b"\x08INITIATE" + bytes(291)
MOST: Final = 1 << 20


def frame(size: int) -> bytes:
    return b"\x02" + size.to_bytes(8, "big") + bytes(size) if size > 255 else bytes([0, size]) + bytes(size)


@dataclass
class FakeDoor:
    """Asked when a test puts a key into `questions`, empty for one that is refused."""

    fd: int = field(default_factory=lambda: os.eventfd(0, os.EFD_NONBLOCK))
    questions: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    asked: list[int] = field(default_factory=list)
    closed: bool = False

    def ask(self, key: str) -> None:
        self.questions.put(key)
        os.eventfd_write(self.fd, 1)

    def answer(self, serial: int) -> str | None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)
        try:
            key = self.questions.get_nowait()
        except queue.Empty:
            return None
        self.asked.append(serial)
        return key

    def close(self) -> None:
        self.closed = True


class Place:
    """A gate, the socket behind it, and peers in front of it."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.behind = socket.socket(socket.AF_UNIX)
        self.behind.bind(str(folder / "inner"))
        self.behind.listen()
        self.door = FakeDoor()
        self.gate = Gate("127.0.0.1", 0, str(folder / "inner"), MOST, self.door, limits)
        self.open: list[socket.socket] = [self.behind]

    def peer(self) -> socket.socket:
        made = socket.create_connection(self.gate.address, timeout=PATIENCE_S)
        self.open.append(made)
        return made

    def inner(self, patience_s: float = PATIENCE_S) -> socket.socket:
        self.behind.settimeout(patience_s)
        made, _ = self.behind.accept()
        made.settimeout(PATIENCE_S)
        self.open.append(made)
        return made

    def greeted(self) -> tuple[socket.socket, socket.socket]:
        """A peer that has had its turn, and its way inside."""
        peer = self.peer()
        peer.sendall(GREETING + HELLO)
        inner = self.inner()
        assert read(inner, len(GREETING + HELLO)) == GREETING + HELLO
        assert read(peer, GREETING_BYTES) == SERVER_GREETING
        inner.sendall(SERVER_GREETING)
        return peer, inner

    def inside(self, key: str = "key") -> tuple[socket.socket, socket.socket]:
        peer, inner = self.greeted()
        peer.sendall(INITIATE)
        assert read(inner, len(INITIATE)) == INITIATE
        self.door.ask(key)
        inner.sendall(b"READY")
        assert read(peer, 5) == b"READY"
        return peer, inner

    def close(self) -> None:
        for one in self.open:
            one.close()
        self.gate.close(0.0)
        os.close(self.door.fd)


def read(of: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += of.recv(count - len(data)) or pytest.fail("it ended before")
    return data


def is_cut_off(one: socket.socket) -> bool:
    try:
        while one.recv(1 << 16):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    made = Place(tmp_path, getattr(request, "param", Limits()))
    yield made
    made.close()


def test_who_is_let_in_talks_with_libzmq_and_sees_one_greeting(place: Place) -> None:
    peer, inner = place.inside()
    peer.sendall(frame(100))
    assert read(inner, 102) == frame(100)
    inner.sendall(b"anything")
    assert read(peer, 8) == b"anything"
    assert place.gate.stands(1)
    assert place.gate.refused == 0


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", GREETING + b"\x01\x00", GREETING + HELLO + b"x"])
def test_a_stranger_who_does_not_speak_curve_never_gets_inside(place: Place, data: bytes) -> None:
    peer = place.peer()
    peer.sendall(data)
    assert is_cut_off(peer)
    with pytest.raises(TimeoutError):
        place.inner(0.01)
    assert place.gate.refused == 1


@pytest.mark.parametrize("place", [Limits(handshake_s=0.05)], indirect=True)
@pytest.mark.parametrize("said", [b"", GREETING[:20], GREETING + HELLO[:100], GREETING + HELLO])
def test_who_takes_too_long_is_cut_off(place: Place, said: bytes) -> None:
    peer = place.peer()
    peer.sendall(said)
    assert is_cut_off(peer)
    assert place.gate.refused == 1


@pytest.mark.parametrize("place", [Limits(strangers_of_address=3), Limits(strangers=3)], indirect=True)
def test_of_too_many_strangers_the_oldest_goes(place: Place) -> None:
    peers = [place.peer() for _ in range(4)]
    assert is_cut_off(peers[0])
    peers[3].sendall(GREETING + HELLO)
    assert read(place.inner(), 64) == GREETING
    assert place.gate.refused == 1


@pytest.mark.parametrize("place", [Limits(handshakes=1)], indirect=True)
def test_libzmq_sees_no_more_handshakes_at_a_time_than_it_may(place: Place) -> None:
    first, _ = place.greeted()
    second = place.peer()
    second.sendall(GREETING + HELLO)
    with pytest.raises(TimeoutError):
        place.inner(0.02)
    first.close()
    assert read(place.inner(), 64) == GREETING


@pytest.mark.parametrize("place", [Limits(handshakes=1, place_s=0.02)], indirect=True)
def test_who_goes_on_with_nothing_makes_room_for_those_who_wait(place: Place) -> None:
    first, _ = place.greeted()
    second = place.peer()
    second.sendall(GREETING + HELLO)
    assert read(place.inner(), 64) == GREETING
    assert is_cut_off(first)


def test_one_key_is_asked_about_at_a_time(place: Place) -> None:
    (one, one_inner), (two, two_inner) = place.greeted(), place.greeted()
    one.sendall(INITIATE)
    assert read(one_inner, len(INITIATE)) == INITIATE
    two.sendall(INITIATE)
    two_inner.settimeout(0.02)
    with pytest.raises(TimeoutError):
        two_inner.recv(1)
    place.door.ask("")
    assert is_cut_off(one)
    two_inner.settimeout(PATIENCE_S)
    assert read(two_inner, len(INITIATE)) == INITIATE
    place.door.ask("key")
    two_inner.sendall(b"READY")
    assert read(two, 5) == b"READY"
    two.sendall(frame(60))
    assert read(two_inner, 62) == frame(60)
    assert place.door.asked == [1, 2]


def test_who_is_not_asked_about_as_libzmq_refuses_it_keeps_nobody_waiting(place: Place) -> None:
    (one, one_inner), (two, two_inner) = place.greeted(), place.greeted()
    one.sendall(INITIATE)
    assert read(one_inner, len(INITIATE)) == INITIATE
    two.sendall(INITIATE)
    one_inner.close()
    assert is_cut_off(one)
    assert read(two_inner, len(INITIATE)) == INITIATE


def test_a_question_about_one_who_has_gone_is_not_taken_for_one_about_the_next(place: Place) -> None:
    (one, one_inner), (two, two_inner) = place.greeted(), place.greeted()
    one.sendall(INITIATE)
    assert read(one_inner, len(INITIATE)) == INITIATE
    one.close()
    two.sendall(INITIATE)
    two_inner.settimeout(0.02)
    with pytest.raises(TimeoutError):
        two_inner.recv(1)
    place.door.ask("key of one")
    assert is_cut_off(one_inner)
    two_inner.settimeout(PATIENCE_S)
    assert read(two_inner, len(INITIATE)) == INITIATE
    place.door.ask("key of two")
    two_inner.sendall(b"READY")
    assert read(two, 5) == b"READY"
    two.sendall(frame(60))
    assert read(two_inner, 62) == frame(60)
    assert place.door.asked == [0, 2]


@pytest.mark.parametrize("place", [Limits(untaken_bytes=20_000)], indirect=True)
def test_no_more_is_let_in_than_is_taken(place: Place) -> None:
    peer, inner = place.inside()
    place.gate.attached(1)
    sent = 0
    peer.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += peer.send(frame(1_000))
    inner.settimeout(0.05)
    let_in = 0
    with contextlib.suppress(TimeoutError):
        while True:
            let_in += len(inner.recv(1 << 20))
    assert let_in < 20_000 + (1 << 16) < sent
    place.gate.took(1, let_in)
    assert inner.recv(1 << 20), "what was taken makes room"


def test_an_unknown_process_may_say_little(place: Place) -> None:
    peer, inner = place.inside()
    for _ in range(100):
        peer.sendall(frame(1_000))
    assert read(inner, 1_009) == frame(1_000)
    inner.settimeout(0.05)
    with contextlib.suppress(TimeoutError):
        while inner.recv(1 << 20):
            pass
    place.gate.attached(1)
    for _ in range(100):
        peer.sendall(frame(1_000))
    inner.settimeout(PATIENCE_S)
    assert inner.recv(1 << 20)


@pytest.mark.parametrize(
    "data", [frame(10) * 1_000, b"\x01\x40" + bytes(64), frame(MOST + 1)], ids=["small frames", "a part", "too large"]
)
def test_what_libzmq_does_not_send_ends_a_connection_also_later(place: Place, data: bytes) -> None:
    peer, inner = place.inside()
    with contextlib.suppress(ConnectionError):
        peer.sendall(data)
    assert is_cut_off(peer)
    assert is_cut_off(inner)
    assert place.gate.refused == 1


def test_of_too_many_connections_with_a_key_one_goes_whose_process_is_not_known(place: Place) -> None:
    first, _ = place.inside()
    place.gate.attached(1)
    second, _ = place.inside()
    place.inside()
    assert is_cut_off(second)
    first.sendall(frame(60))
    assert place.gate.stands(1)
    assert place.gate.stands(3)


def test_when_nobody_is_let_in_any_more_those_inside_stay_and_hear_the_last_word(place: Place) -> None:
    peer, inner = place.inside()
    stranger = place.peer()
    place.gate.let_nobody_in()
    assert is_cut_off(stranger)
    with pytest.raises(ConnectionRefusedError):
        place.peer()
    assert place.door.closed
    peer.sendall(frame(60))
    assert read(inner, 62) == frame(60)
    inner.sendall(b"last word")
    inner.close()
    assert read(peer, 9) == b"last word"
    assert peer.recv(1) == b""


def test_a_connection_is_cut_when_the_program_says_so(place: Place) -> None:
    peer, inner = place.inside()
    place.gate.cut(1)
    assert is_cut_off(peer)
    assert is_cut_off(inner)
    place.gate.cut(1)
    assert not place.gate.stands(1)
