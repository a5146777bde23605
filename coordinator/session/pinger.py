"""When the clock of a host is read, and which answers count. Pure.

Of a burst the shortest round trips count, so pings go out one after the other: each when the one before is answered, so
that none waits behind another, or when that takes too long. Between bursts there is one each heartbeat.
"""

from bisect import insort
from dataclasses import dataclass, field
from typing import Final

from ovbench.common.clock import NS_PER_MS
from ovbench.common.hostclock import RoundTrip
from ovbench.common.hostmessages import Ping, Pong

BURST: Final = 64
"""Round trips of a burst: of so many the shortest is within 3 us of the shortest there is (on loopback)."""

_PATIENCE_NS: Final = 20 * NS_PER_MS
"""In a burst the next ping does not wait longer for an answer."""

_MOST_UNANSWERED: Final = 256
"""Pings whose answer would still count; one that comes later than so many others is of no use."""


@dataclass
class Pinger:
    """To one host. `heartbeat_ns`: between pings outside of bursts."""

    heartbeat_ns: int
    strange: int = 0
    """Answers to no ping that was sent, or to one that was answered."""
    _due_ns: int = 0
    _planned: list[tuple[int, int]] = field(default_factory=list)
    """When bursts are to begin, ascending, and of how many pings."""
    _left: int = 0
    _number: int = 0
    _sent_ns: dict[int, int] = field(default_factory=dict)

    def burst(self, at_ns: int, pings: int = BURST) -> None:
        """Have a burst of so many pings begin at an instant."""
        insort(self._planned, (at_ns, pings))

    @property
    def next_ns(self) -> int:
        """When the next ping is due."""
        return min([self._due_ns, *(at_ns for at_ns, _ in self._planned[:1])])

    @property
    def in_burst(self) -> bool:
        return self._left > 0

    def due(self, now_ns: int) -> Ping | None:
        """The ping to be sent at once, if one is due; the time is to be read just before."""
        if now_ns < self.next_ns:
            return None
        while self._planned and self._planned[0][0] <= now_ns:
            self._left = max(self._left, self._planned.pop(0)[1])
        self._number += 1
        self._sent_ns[self._number] = now_ns
        if len(self._sent_ns) > _MOST_UNANSWERED:
            del self._sent_ns[next(iter(self._sent_ns))]
        self._left = max(0, self._left - 1)
        self._due_ns = now_ns + (_PATIENCE_NS if self._left else self.heartbeat_ns)
        return Ping(self._number, now_ns)

    def heard(self, pong: Pong, received_ns: int) -> RoundTrip | None:
        """The round trip that an answer completes; None where it answers nothing. What is due next may be due now."""
        sent_ns = self._sent_ns.get(pong.number)
        if sent_ns is None or sent_ns != pong.sent_ns:
            self.strange += 1
            return None
        del self._sent_ns[pong.number]
        if self._left and pong.number == self._number:
            self._due_ns = received_ns
        return RoundTrip(sent_ns, pong.host_ns, received_ns)
