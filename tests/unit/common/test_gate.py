"""What comes through the gate in front of a port, and what is cut off."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.gate import Filter, Gate
from ovbench.common.messages import MAX_MESSAGE_BYTES
from tests.process.driver import PATIENCE_S

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL" + bytes(48)
READY = b"\x04\x05" + b"hello"
MOST = 1000


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + len(body).to_bytes(8, "big") + body


@settings(max_examples=100, deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=400), max_size=5), cuts=st.lists(st.integers(1, 300), min_size=1, max_size=20)
)
def test_messages_of_one_part_pass_wherever_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    data = GREETING + READY + b"".join(frame(body) for body in bodies)
    peer, at = Filter(MOST), 0
    while at < len(data):
        step = cuts[at % len(cuts)]
        assert peer.passes(data[at : at + step])
        at += step


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" + bytes(8) + b"\x7f" + b"\x01\x00",
        b"\x01\x00",
        GREETING + frame(b"x", flags=1),
        GREETING + READY + frame(b"fine") + frame(b"", flags=1),
        GREETING + frame(bytes(300), flags=1),
        GREETING + frame(b"x", flags=8),
        GREETING + frame(bytes(MOST + 1)),
        GREETING + b"\x02" + b"\xff" * 8,
        GREETING + frame(bytes(5000), flags=4),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_what_no_agent_sends_does_not_pass(data: bytes, step: int) -> None:
    peer = Filter(MOST)
    assert not all(peer.passes(data[at : at + step]) for at in range(0, len(data), step))


@pytest.fixture
def inner(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "inner"))
        made.listen()
        made.settimeout(PATIENCE_S)
        yield made


def gate(folder: Path) -> tuple[Gate, socket.socket]:
    made = Gate("127.0.0.1", 0, str(folder / "inner"), MAX_MESSAGE_BYTES)
    return made, socket.create_connection(made.address, timeout=PATIENCE_S)


def read(of: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += of.recv(count - len(data)) or pytest.fail("it ended before")
    return data


def test_large_messages_pass_both_ways_and_the_last_word_is_delivered(tmp_path: Path, inner: socket.socket) -> None:
    made, peer = gate(tmp_path)
    inside, _ = inner.accept()
    inside.settimeout(PATIENCE_S)
    message = frame(os.urandom(3 << 20))
    peer.sendall(GREETING)
    peer.setblocking(False)
    sent, got = 0, b""
    while len(got) < len(GREETING + message):  # one thread is both ends
        with contextlib.suppress(BlockingIOError):
            sent += peer.send(message[sent : sent + (1 << 16)])
        got += inside.recv(1 << 16)
    assert got == GREETING + message
    peer.settimeout(PATIENCE_S)
    inside.sendall(b"last word")
    inside.close()
    made.close(PATIENCE_S)
    assert read(peer, 9) == b"last word"
    assert peer.recv(1) == b""
    peer.close()


def test_a_message_of_endless_parts_is_cut_off_at_its_first_and_others_go_on(
    tmp_path: Path, inner: socket.socket
) -> None:
    made, peer = gate(tmp_path)
    inside, _ = inner.accept()
    inside.settimeout(PATIENCE_S)
    peer.sendall(GREETING + frame(b"", flags=1) * 10_000)
    with contextlib.suppress(ConnectionError):
        assert peer.recv(1) == b""
    assert inside.recv(1) == b""
    inside.close()
    other = socket.create_connection(made.address, timeout=PATIENCE_S)
    inside, _ = inner.accept()
    inside.settimeout(PATIENCE_S)
    other.sendall(GREETING + frame(b"x"))
    assert read(inside, 67) == GREETING + frame(b"x")
    for one in (peer, other, inside):
        one.close()
    made.close(0.0)
