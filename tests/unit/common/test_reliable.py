"""Streams over a channel that loses, repeats, reorders and cuts what crosses it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.reliable import (
    FRAME_COST_BYTES,
    Broken,
    Frame,
    Kind,
    Stream,
    frame_bytes,
    parse_frame,
)

WINDOW: Final = 300


@dataclass
class End:
    stream: Stream = field(default_factory=lambda: Stream(most_bytes=10_000, window_bytes=WINDOW))
    offered: list[bytes] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    under_way: list[bytes] = field(default_factory=list)
    """To this end."""


@dataclass
class Conversation:
    ends: tuple[End, End] = field(default_factory=lambda: (End(), End()))

    def other(self, end: End) -> End:
        return self.ends[end is self.ends[0]]

    def offer(self, end: End, size: int) -> None:
        body = len(end.offered).to_bytes(4, "big") + bytes(size)
        if end.stream.offer(body):
            end.offered.append(body)
        self.pump(end)

    def pump(self, end: End) -> None:
        to = self.other(end).under_way
        while (frame := end.stream.due()) is not None:
            to.append(frame_bytes(frame))
            end.stream.sent()
        if end.stream.attached and end.stream.missing:
            to.append(frame_bytes(end.stream.again()))
        if end.stream.attached and end.stream.pressed:
            to.append(frame_bytes(end.stream.ack()))

    def heartbeat(self, end: End) -> None:
        if end.stream.attached:
            self.other(end).under_way.append(frame_bytes(end.stream.urgent(b"beat")))

    def deliver(self, end: End, which: int, keep: bool) -> None:
        if not end.under_way:
            return
        which %= len(end.under_way)
        frame = parse_frame(end.under_way[which] if keep else end.under_way.pop(which))
        body = end.stream.take(frame)
        if body is not None and frame.kind == Kind.DATA:
            end.taken.append(bytes(body))
        self.pump(end)

    def lose(self, end: End, which: int) -> None:
        if end.under_way:
            end.under_way.pop(which % len(end.under_way))

    def cut(self, stale: bool) -> None:
        """And connect again. `stale`: what was under way may still come, late."""
        a, b = self.ends
        for end in self.ends:
            end.stream.detach()
            if not stale:
                end.under_way.clear()
        expected = a.stream.expected, b.stream.expected
        a.stream.attach(expected[1])
        b.stream.attach(expected[0])
        for end in self.ends:
            self.pump(end)

    def settle(self) -> None:
        """All that is under way arrives, with heartbeats, until nothing is left."""
        for _ in range(500):
            for end in self.ends:
                self.heartbeat(end)
            while any(end.under_way for end in self.ends):
                for end in self.ends:
                    self.deliver(end, 0, keep=False)
            if not any(end.stream.kept_bytes for end in self.ends):
                return
        pytest.fail("it never comes to an end")


NUMBERS: Final = st.integers(0, 30)
STEPS: Final = st.lists(st.tuples(st.integers(0, 6), st.booleans(), NUMBERS), max_size=80)


def step(talk: Conversation, what: int, which: bool, number: int) -> None:
    end = talk.ends[which]
    doing: tuple[Callable[[], None], ...] = (
        lambda: talk.offer(end, number),
        lambda: talk.deliver(end, 0, keep=False),
        lambda: talk.deliver(end, number, keep=False),
        lambda: talk.deliver(end, number, keep=True),
        lambda: talk.lose(end, number),
        lambda: talk.heartbeat(end),
        lambda: talk.cut(stale=number % 2 == 0),
    )
    doing[what]()


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, cut_in_the_end=st.booleans())
def test_everything_arrives_once_and_in_order_whatever_becomes_of_it(
    steps: list[tuple[int, bool, int]], cut_in_the_end: bool
) -> None:
    talk = Conversation()
    talk.cut(stale=False)
    for one in steps:
        step(talk, *one)
        for end in talk.ends:
            assert end.taken == talk.other(end).offered[: len(end.taken)]
    if cut_in_the_end:
        talk.cut(stale=False)
    talk.settle()
    for end in talk.ends:
        assert end.taken == talk.other(end).offered
        assert end.stream.kept_bytes == 0


def test_no_more_is_under_way_than_the_window_and_one_message() -> None:
    talk = Conversation()
    talk.cut(stale=False)
    for _ in range(50):
        talk.offer(talk.ends[0], 16)
    assert len(talk.ends[1].under_way) == -(-WINDOW // (20 + FRAME_COST_BYTES)) < 50
    talk.settle()
    assert len(talk.ends[1].taken) == 50


def test_one_message_that_is_larger_than_the_window_crosses_it() -> None:
    talk = Conversation()
    talk.cut(stale=False)
    talk.offer(talk.ends[0], 10 * WINDOW)
    talk.offer(talk.ends[0], 10 * WINDOW)
    assert len(talk.ends[1].under_way) == 1
    talk.settle()
    assert len(talk.ends[1].taken) == 2


def test_what_is_kept_is_bounded_and_room_comes_back_with_an_acknowledgement() -> None:
    stream = Stream(most_bytes=10)
    assert stream.offer(bytes(9))
    assert stream.offer(bytes(100)), "one that is too large for the rest still goes"
    assert not stream.offer(b"")
    stream.attach(1)
    assert not stream.room
    stream.attach(2)
    assert stream.offer(b"x")
    assert stream.kept_bytes == 1


def test_nothing_is_due_without_a_connection() -> None:
    stream = Stream()
    stream.offer(b"x")
    assert stream.due() is None
    stream.attach(0)
    assert stream.due() == Frame(Kind.DATA, 0, 0, b"x")
    stream.detach()
    assert stream.due() is None


@pytest.mark.parametrize("ack", [1, 1 << 60])
def test_who_acknowledges_what_was_never_sent_is_broken(ack: int) -> None:
    with pytest.raises(Broken):
        Stream().take(Frame(Kind.ACK, 0, ack))
    with pytest.raises(Broken):
        Stream().attach(ack)


def test_who_has_forgotten_what_was_acknowledged_is_broken() -> None:
    stream = Stream()
    stream.offer(b"x")
    stream.attach(1)
    with pytest.raises(Broken):
        stream.attach(0)


@given(data=st.binary(max_size=40))
def test_bytes_are_a_frame_or_broken(data: bytes) -> None:
    try:
        frame = parse_frame(data)
    except Broken:
        return
    assert frame_bytes(frame) == data
