"""How the clock of another host stands to the coordinator's, from round trips alone, with a bound that holds.

A round trip reads the host's clock at an unknown instant between two of the coordinator's. However the delay divides
into there and back, at the instant of sending the offset (the host's clock less the coordinator's) is at most
`host_ns - sent_ns`, and at the instant of receiving at least `host_ns - received_ns`: had it been otherwise then, the
host would have read another time. From there on both bounds widen by what two clocks can drift apart. What all round
trips together leave, those after a load too, is the bound.

Instants are CLOCK_MONOTONIC ns, int64 where there are many. Pure.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from .clockfit import fitted
from .clockline import MOST_DRIFT_ONE_IN, ClockLine, drifted_ns

Int64s = npt.NDArray[np.int64]
_Instants = TypeVar("_Instants", int, Int64s)

_MOST_POINTS: Final = 4_096
"""Kept of each bound: those of an hour of pings a second apart; beyond it every other one is given up."""


@dataclass(frozen=True)
class RoundTrip:
    """Sent and received by the coordinator's clock, read by the host's between the two."""

    sent_ns: int
    host_ns: int
    received_ns: int

    def __post_init__(self) -> None:
        if self.received_ns < self.sent_ns:
            raise ValueError("an answer comes after its question")

    @property
    def length_ns(self) -> int:
        return self.received_ns - self.sent_ns


class NoRoundTrip(ValueError):
    """Nothing is known of that clock yet."""


class HostClock:
    """Of one host; takes round trips in any order.

    `contradictions`: round trips that no clock can have made which drifts no faster than clocks do: it jumped, as that
    of a suspended or migrated machine may, or its host does not report what it read. From the first one on the bound
    spans all that was ever reported.
    """

    def __init__(self) -> None:
        self.round_trips = 0
        self.contradictions = 0
        self.least_round_trip_ns = 0
        self._most = _Ceiling()
        """Of the offset: the least that round trips leave."""
        self._negative_least = _Ceiling()
        self._first_ns = self._last_ns = 0
        self._reported = (0, 0)
        """The least and the most of all offsets that round trips would allow, each by itself."""
        self._line: ClockLine | None = None

    def add(self, trip: RoundTrip) -> None:
        """Take another round trip into account."""
        most, least = trip.host_ns - trip.sent_ns, trip.host_ns - trip.received_ns
        if self.round_trips == 0:
            self.least_round_trip_ns, self._first_ns, self._last_ns = trip.length_ns, trip.sent_ns, trip.received_ns
            self._reported = (least, most)
        self.least_round_trip_ns = min(self.least_round_trip_ns, trip.length_ns)
        self._first_ns, self._last_ns = min(self._first_ns, trip.sent_ns), max(self._last_ns, trip.received_ns)
        self._reported = (min(self._reported[0], least), max(self._reported[1], most))
        self.round_trips += 1
        if self.round_trips > 1 and (
            most + self._negative_least.at(trip.sent_ns) < 0 or self._most.at(trip.received_ns) - least < 0
        ):
            self.contradictions += 1
        if self.contradictions:
            return
        self._most.add(trip.sent_ns, most)
        self._negative_least.add(trip.received_ns, -least)
        self._line = None

    def forget(self, keep_ns: int) -> None:
        """Keep only what was learnt in so long a time before the last round trip: what comes is to be mapped, and not
        what was, and by the drift of now."""
        before_ns = self._last_ns - keep_ns
        if self.consistent and self._first_ns < before_ns:
            self._first_ns = min(self._most.forget(before_ns), self._negative_least.forget(before_ns))
            self._reported = (-max(self._negative_least.values), max(self._most.values))
            self._line = None

    @property
    def consistent(self) -> bool:
        """Whether one clock can have made all round trips."""
        return self.contradictions == 0

    def offset_bounds_ns(self, at_ns: Int64s) -> tuple[Int64s, Int64s]:
        """The least and the most that the offset can be at instants of the coordinator's clock; int64 [n] each. Raises
        NoRoundTrip."""
        self._must_know()
        if not self.consistent:
            # Between what it reported it may have drifted, on either side of a jump.
            beyond = np.maximum(np.maximum(self._first_ns - at_ns, at_ns - self._last_ns), 0)
            wide = drifted_ns(beyond + (self._last_ns - self._first_ns))
            return self._reported[0] - wide, self._reported[1] + wide
        return -self._negative_least.at_all(at_ns), self._most.at_all(at_ns)

    def line(self) -> ClockLine:
        """The best estimate by now, and from now on the same, whatever round trips come: later ones change only what is
        known of its error. Raises NoRoundTrip.

        It is straight where the drift may have been constant, which between clocks of machines it nearly is for
        minutes, and then never leaves the bounds (see `clockfit`).
        """
        self._must_know()
        if self._line is None:
            at_ns, negative = self._negative_least.points
            self._line = fitted(self._most.points, (at_ns, -negative), self.offset_bounds_ns)
        return self._line

    def error_ns(self, at_ns: int, line: ClockLine | None = None) -> int:
        """By how much an instant may be wrong that a line maps, either way, near `at_ns` of the coordinator's clock.
        `line`: one of this clock, from whenever; None for that of now. Raises NoRoundTrip."""
        return int(self.errors_ns(np.asarray([at_ns], np.int64), line)[0])

    def errors_ns(self, at_ns: Int64s, line: ClockLine | None = None) -> Int64s:
        """The same of many, int64 [n]."""
        low, high = self.offset_bounds_ns(at_ns)
        offset = (line or self.line()).offsets_ns(at_ns)
        error: Int64s = np.maximum(np.maximum(high - offset, offset - low), 0)
        # An instant of the coordinator's is wrong by what the offset is, and by what that changes within as long.
        return error + error // (MOST_DRIFT_ONE_IN - 1) + 2

    def to_host_ns(self, at_ns: _Instants) -> _Instants:
        """As `ClockLine.to_host_ns` of the line of now."""
        return self.line().to_host_ns(at_ns)

    def to_coordinator_ns(self, at_ns: _Instants) -> _Instants:
        """As `ClockLine.to_coordinator_ns` of the line of now."""
        return self.line().to_coordinator_ns(at_ns)

    def _must_know(self) -> None:
        if not self.round_trips:
            raise NoRoundTrip("the clock of that host has not been read yet")


class _Ceiling:
    """A function of time that lies below each of some points at its instant, and changes no faster than clocks drift.

    Points are kept in the order of their instants, those that say nothing beyond their neighbours are not. So what
    holds at an instant follows from the points on either side of it: were one further away to say more, it would say
    more at theirs, too.
    """

    def __init__(self) -> None:
        self.instants: list[int] = []
        self.values: list[int] = []

    def add(self, at_ns: int, value: int) -> None:
        place = bisect_left(self.instants, at_ns)
        if self.instants and self.at(at_ns) <= value:
            return
        low = high = place
        while low > 0 and self._follows(low - 1, at_ns, value):
            low -= 1
        while high < len(self.instants) and self._follows(high, at_ns, value):
            high += 1
        self.instants[low:high], self.values[low:high] = [at_ns], [value]
        if len(self.instants) > _MOST_POINTS:
            self._thin()

    def at(self, at_ns: int) -> int:
        """The most that the function can be."""
        place = bisect_left(self.instants, at_ns)
        return min(
            self.values[point] + drifted_ns(abs(at_ns - self.instants[point]))
            for point in (place - 1, place)
            if 0 <= point < len(self.instants)
        )

    def at_all(self, at_ns: Int64s) -> Int64s:
        """The same at many instants."""
        instants, values = self.points
        right = np.searchsorted(instants, at_ns)
        sides = (np.maximum(right - 1, 0), np.minimum(right, len(instants) - 1))
        before, behind = (values[side] + drifted_ns(np.abs(at_ns - instants[side])) for side in sides)
        most: Int64s = np.minimum(before, behind)
        return most

    def forget(self, before_ns: int) -> int:
        """Give up the points before an instant, but for the last of all; the first instant that is left."""
        gone = min(bisect_left(self.instants, before_ns), len(self.instants) - 1)
        del self.instants[:gone], self.values[:gone]
        return self.instants[0]

    @property
    def points(self) -> tuple[Int64s, Int64s]:
        """Instants and values, [n] each."""
        return np.asarray(self.instants, np.int64), np.asarray(self.values, np.int64)

    def _follows(self, point: int, at_ns: int, value: int) -> bool:
        """Whether a point that is kept says nothing beyond another one."""
        return value + drifted_ns(abs(at_ns - self.instants[point])) <= self.values[point]

    def _thin(self) -> None:
        """Give up the higher one of each two neighbours: the function becomes higher, never lower."""
        pairs = range(0, len(self.instants), 2)
        kept = [min(range(first, min(first + 2, len(self.values))), key=self.values.__getitem__) for first in pairs]
        self.instants = [self.instants[place] for place in kept]
        self.values = [self.values[place] for place in kept]
