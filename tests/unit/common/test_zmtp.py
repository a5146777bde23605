"""What the gate lets through of a peer's bytes, and at which it stops."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.zmtp import FRAME_MEMORY, Handshake, Stranger, Traffic

GREETING = b"\xff" + bytes(7) + b"\x01\x7f\x03\x01CURVE" + bytes(47)
HELLO = b"\x04\xc8\x05HELLO\x01\x00" + bytes(192)
INITIATE = b"\x06" + (300).to_bytes(8, "big") + b"\x08INITIATE" + bytes(291)
MOST = 1000


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + len(body).to_bytes(8, "big") + body


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(data):
        step = cuts[len(found) % len(cuts)]
        found.append(data[at : at + step])
        at += step
    return found


def feed(take: Callable[[bytes], object], data: list[bytes]) -> None:
    for one in data:
        take(one)


CUTS = st.lists(st.integers(1, 300), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(cuts=CUTS)
def test_a_handshake_is_whole_wherever_it_was_cut(cuts: list[int]) -> None:
    peer = Handshake()
    *begun, last = chunks(GREETING + HELLO, cuts)
    assert not any(peer.hello(one) for one in begun)
    assert peer.hello(last) == GREETING + HELLO
    *begun, last = chunks(INITIATE, cuts)
    assert not any(peer.initiate(one) for one in begun)
    assert peer.initiate(last) == INITIATE


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01\x00",
        GREETING.replace(b"\x03\x01CURVE", b"\x02\x01CURVE"),
        GREETING.replace(b"CURVE", b"NULL\0"),
        GREETING.replace(b"CURVE", b"PLAIN"),
        GREETING[:32] + b"\x01" + GREETING[33:],
        GREETING + b"\x04\x19\x05READY",
        GREETING + b"\x01\x00",
        GREETING + HELLO + b"\0",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_what_no_peer_of_ours_begins_with_is_strange(data: bytes, step: int) -> None:
    peer = Handshake()
    with pytest.raises(Stranger):
        feed(peer.hello, chunks(data, [step]))


@pytest.mark.parametrize(
    "data", [HELLO, b"\x06" + (1 << 40).to_bytes(8, "big"), INITIATE + b"\0", b"\x06" + bytes(7) + b"\x20" + bytes(32)]
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_what_no_peer_of_ours_goes_on_with_is_strange(data: bytes, step: int) -> None:
    peer = Handshake()
    with pytest.raises(Stranger):
        feed(peer.initiate, chunks(data, [step]))


@settings(max_examples=100, deadline=None)
@given(bodies=st.lists(st.binary(max_size=400), max_size=8), cuts=CUTS)
def test_frames_are_counted_wherever_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    traffic = Traffic(MOST)
    for one in chunks(b"".join(map(frame, bodies)), cuts):
        traffic.follow(one)
    assert traffic.large_bytes == sum(len(body) + FRAME_MEMORY for body in bodies if len(body) > 48)
    assert traffic.small_frames == sum(len(body) <= 48 for body in bodies)


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x", flags=1),
        frame(bytes(300), flags=1),
        frame(b"x", flags=4),
        frame(b"x", flags=8),
        frame(bytes(MOST + 1)),
        b"\x02" + b"\xff" * 8,
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_no_frame_is_strange_that_libzmq_does_not_send_with_curve(data: bytes, step: int) -> None:
    traffic = Traffic(MOST)
    with pytest.raises(Stranger):
        feed(traffic.follow, chunks(frame(bytes(60)) + data, [step]))
