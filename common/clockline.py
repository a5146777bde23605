"""A line between two clocks: which instant of the one is which of the other. Pure.

It keeps the order of instants in both directions, and what is between two of them but for the drift. There and back is
the same instant, give or take a nanosecond.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]
_Instants = TypeVar("_Instants", int, Int64s)

MOST_DRIFT_ONE_IN: Final = 999
"""Two clocks drift apart by at most a nanosecond in so many, 1001 ppm.

What disciplines CLOCK_MONOTONIC changes its rate by at most 500 ppm either way (MAXFREQ in the kernel's
include/linux/timex.h; RFC 5905, section 11.3), and needs that for what its crystal is off. One clock may be fast by so
much while the other is slow: (1 + 500e-6) / (1 - 500e-6). Where chrony makes up for seconds by more than that
(`maxslewrate`), round trips contradict each other.
"""

_END_NS: Final = 1 << 62
"""Of instants: see `bounded.Nanoseconds`."""


class NoInstant(ValueError):
    """What was to be mapped, or what came of it, is no instant of a clock."""


def drifted_ns(time_ns: _Instants) -> _Instants:
    """By how much two clocks can drift apart in a time that is not negative, rounded up; an int or int64 [n]."""
    return time_ns // MOST_DRIFT_ONE_IN + 1


@dataclass(frozen=True, eq=False)
class ClockLine:
    """From knot to knot straight, before the first and behind the last as beside it.

    At `at_ns` of the coordinator's clock the host's is ahead by `offset_ns`, which from there on changes by `slopes`
    ns per ns; [knots] each, instants ascending.
    """

    at_ns: Int64s
    offset_ns: Int64s
    slopes: _Floats

    @classmethod
    def straight(cls, at_ns: int, offset_ns: int, slope: float = 0.0) -> "ClockLine":
        return cls(np.asarray([at_ns], np.int64), np.asarray([offset_ns], np.int64), np.asarray([slope]))

    @classmethod
    def through(cls, at_ns: Int64s, offset_ns: Int64s) -> "ClockLine":
        """Through these offsets, at least one; they change by less than what lies between their instants."""
        if len(at_ns) == 1:
            return cls.straight(int(at_ns[0]), int(offset_ns[0]))
        slopes = np.diff(offset_ns) / np.diff(at_ns)
        return cls(at_ns, offset_ns, np.append(slopes, slopes[-1]))

    @property
    def drift_ppm(self) -> float:
        """By how much the host's clock is faster, the mean from the first knot to the last."""
        if len(self.at_ns) == 1:
            return 1e6 * float(self.slopes[0])
        return 1e6 * int(self.offset_ns[-1] - self.offset_ns[0]) / int(self.at_ns[-1] - self.at_ns[0])

    def offsets_ns(self, at_ns: Int64s) -> Int64s:
        """By how much the host's clock is ahead at instants of the coordinator's, int64 [n]."""
        knot = self._knots(self.at_ns, at_ns)
        offsets: Int64s = self.offset_ns[knot] + _rounded(self.slopes[knot] * (at_ns - self.at_ns[knot]))
        return offsets

    def to_host_ns(self, at_ns: _Instants) -> _Instants:
        """What the host's clock reads at instants of the coordinator's, an int or int64 of any shape. Raises
        NoInstant."""
        if isinstance(at_ns, int):
            return int(self.to_host_ns(_array(at_ns))[0])
        return _checked(_checked(at_ns) + self.offsets_ns(at_ns))

    def to_coordinator_ns(self, host_ns: _Instants) -> _Instants:
        """What the coordinator's clock reads at instants of the host's, an int or int64 of any shape. Raises
        NoInstant."""
        if isinstance(host_ns, int):
            return int(self.to_coordinator_ns(_array(host_ns))[0])
        begins = self.at_ns + self.offset_ns
        knot = self._knots(begins, _checked(host_ns))
        since, slope = host_ns - begins[knot], self.slopes[knot]
        return _checked(self.at_ns[knot] + since - _rounded(since * (slope / (1 + slope))))

    @staticmethod
    def _knots(begins: Int64s, instants: Int64s) -> Int64s:
        """The place of each instant's knot; of a straight line one for all."""
        if len(begins) == 1:
            return np.zeros(1, np.int64)
        knots: Int64s = np.maximum(np.searchsorted(begins, instants, side="right") - 1, 0)
        return knots


def _array(instant: int) -> Int64s:
    if not 0 <= instant < _END_NS:
        raise NoInstant(f"{instant} is no instant of a clock, in ns")
    return np.asarray([instant], np.int64)


def _checked(instants: Int64s) -> Int64s:
    if instants.size and not (instants.min() >= 0 and instants.max() < _END_NS):
        strange = (instants < 0) | (instants >= _END_NS)
        raise NoInstant(f"{int(instants[strange][0])} is no instant of a clock, in ns")
    return instants


def _rounded(values: _Floats) -> Int64s:
    return np.rint(values).astype(np.int64)
