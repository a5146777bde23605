"""Messages that arrive exactly once and in order, over connections that are cut, stall, and lose what was under way.

Each end of a conversation has a `Stream`. What is offered to it gets a number and is kept until the other end has
acknowledged it; after a new connection everything that was not is sent again. A `Frame` is what crosses: data, or a
word about data. This module only counts: it has no socket and no clock.
"""

import struct
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_HEADER: Final = struct.Struct(">BQQ")
HEADER_BYTES: Final = _HEADER.size
NONCE_BYTES: Final = 16

WINDOW_BYTES: Final = 2 << 20
"""Under way on a connection, and not yet acknowledged, when nothing more is sent: 0.2 s of a line of 100 Mbit/s, behind
which a heartbeat waits."""

MOST_KEPT_BYTES: Final = 64 << 20
"""Offered, and not yet acknowledged, when nothing more is taken."""

FRAME_COST_BYTES: Final = 128
"""What a frame takes beside its body, on the line and in the memory of the other end: counts as under way."""

_ACK_BYTES: Final = WINDOW_BYTES // 8
_ACK_FRAMES: Final = 64


class Kind(IntEnum):
    """What a frame is. ATTACH and SPENT may never change, as ends of different versions exchange them."""

    DATA = 1
    URGENT = 2
    """Neither numbered nor sent again: a heartbeat is of no use later."""
    ACK = 3
    AGAIN = 4
    """Send again from `ack` on: something before this was lost."""
    ATTACH = 5
    """The first on a connection, from the one who has connected. Body: the nonce of its process."""
    WELCOME = 6
    """Answers ATTACH."""
    SPENT = 7
    """Answers ATTACH: nobody else may take this place. Body: why, in words."""


class Broken(Exception):
    """No end of ours sends such a frame; the connection is of no further use."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`number`: of DATA, its own; otherwise of the next DATA, so that all before it have been sent. `ack`: of the next
    DATA that is expected, so that all before it have been taken."""

    kind: Kind
    number: int
    ack: int
    body: bytes | memoryview = b""


def frame_bytes(frame: Frame) -> bytes:
    return b"".join((_HEADER.pack(frame.kind, frame.number, frame.ack), frame.body))


def parse_frame(data: bytes | memoryview) -> Frame:
    """The body is a view of `data`. Raises Broken for what is no frame."""
    if len(data) < HEADER_BYTES:
        raise Broken("it is shorter than a header")
    kind, number, ack = _HEADER.unpack_from(data)
    if not Kind.DATA <= kind <= Kind.SPENT:
        raise Broken(f"there is no frame of kind {kind}")
    return Frame(Kind(kind), number, ack, memoryview(data)[HEADER_BYTES:])


class Stream:
    """One end of a conversation, whatever connections it has over time.

    To send: `offer` a message, then send `due()` and say `sent()` until nothing is due. Of what comes, `take` has the
    message if it is the next. `owes` and `pressed` report when an `ack()` should be sent, `missing` when an `again()`.
    """

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES, window_bytes: int = WINDOW_BYTES) -> None:
        self._most, self._window = most_bytes, window_bytes
        self._kept: deque[bytes] = deque()
        self._first = 0  # the number of the leftmost that is kept
        self._cursor = 0  # of the next that is to be sent
        self._kept_bytes = self._flying_bytes = 0
        self._attached = False
        self.expected = 0
        """The number of the next message to take."""
        self._owed_frames = self._owed_bytes = 0
        self._told_missing = -1
        self.missing = False
        self.twice = 0
        """Messages that came again after they had been taken, and were dropped."""

    @property
    def attached(self) -> bool:
        return self._attached

    @property
    def kept_bytes(self) -> int:
        """Offered, and not acknowledged."""
        return self._kept_bytes

    @property
    def room(self) -> bool:
        return self._kept_bytes < self._most

    @property
    def _next(self) -> int:
        return self._first + len(self._kept)

    def offer(self, body: bytes) -> bool:
        """Number a message and keep it; False where there is no room."""
        if not self.room:
            return False
        self._kept.append(body)
        self._kept_bytes += len(body)
        return True

    def attach(self, ack: int) -> None:
        """A connection stands, and its other end has taken everything before `ack`. Raises Broken if it cannot have."""
        if not self._first <= ack <= self._next:
            raise Broken(f"the other end expects {ack}, of {self._first} to {self._next}")
        self._attached = True
        self._acknowledge(ack)
        self._rewind()
        self._told_missing, self.missing = -1, False

    def detach(self) -> None:
        """There is no connection."""
        self._attached = False

    def due(self) -> Frame | None:
        """What is to be sent next: at least one message at a time is under way, however large."""
        if not self._attached or self._cursor == self._next or self._flying_bytes >= self._window:
            return None
        return Frame(Kind.DATA, self._cursor, self.expected, self._kept[self._cursor - self._first])

    def sent(self) -> None:
        """What was due has been sent."""
        self._flying_bytes += len(self._kept[self._cursor - self._first]) + FRAME_COST_BYTES
        self._cursor += 1
        self._settle()

    def urgent(self, body: bytes) -> Frame:
        return self._word(Kind.URGENT, body)

    def ack(self) -> Frame:
        return self._word(Kind.ACK)

    def again(self) -> Frame:
        self._told_missing, self.missing = self.expected, False
        return self._word(Kind.AGAIN)

    def attaching(self, nonce: bytes) -> Frame:
        return self._word(Kind.ATTACH, nonce)

    def welcome(self) -> Frame:
        return self._word(Kind.WELCOME)

    def _word(self, kind: Kind, body: bytes = b"") -> Frame:
        self._settle()
        return Frame(kind, self._cursor, self.expected, body)

    @property
    def owes(self) -> bool:
        """Something was taken that no frame has acknowledged yet."""
        return self._owed_frames > 0

    @property
    def pressed(self) -> bool:
        """So much that the other end may wait for it."""
        return self._owed_frames >= _ACK_FRAMES or self._owed_bytes >= _ACK_BYTES

    def _settle(self) -> None:
        self._owed_frames = self._owed_bytes = 0

    def take(self, frame: Frame) -> bytes | memoryview | None:
        """The message in it, if it is the next or urgent; None for a word, and for what was taken before or comes too
        early. Raises Broken for what cannot have been sent."""
        if frame.ack > self._next:
            raise Broken(f"what was never sent is acknowledged: {frame.ack}, of {self._next}")
        self._acknowledge(frame.ack)
        if frame.kind == Kind.AGAIN:
            self._rewind()
        if frame.kind == Kind.DATA:
            return self._take_data(frame)
        # A word comes now and then, so it may ask again; in a row of data that came too early, only the first does.
        self.missing = frame.number > self.expected
        return frame.body if frame.kind == Kind.URGENT else None

    def _take_data(self, frame: Frame) -> bytes | memoryview | None:
        if frame.number > self.expected:
            self.missing = self._told_missing != self.expected
            return None
        self._owed_frames += 1  # also for one that came again: its acknowledgement may have been lost
        self._owed_bytes += len(frame.body)
        if frame.number < self.expected:
            self.twice += 1
            return None
        self.expected += 1
        self.missing = False
        return frame.body

    def _acknowledge(self, ack: int) -> None:
        while self._first < ack:
            size = len(self._kept.popleft())
            self._kept_bytes -= size
            if self._first < self._cursor:
                self._flying_bytes -= size + FRAME_COST_BYTES
            self._first += 1
        self._cursor = max(self._cursor, self._first)

    def _rewind(self) -> None:
        self._cursor, self._flying_bytes = self._first, 0
