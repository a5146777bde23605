"""The line between two clocks that lies best between what round trips say the offset can be at most and at least. Pure.

Of all slopes that this allows it has the middle of those that keep away from both by half of what is possible: the
middle of all where only a moment is known, the true one where the shortest round trips from far apart agree on it.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from .clockline import MOST_DRIFT_ONE_IN, ClockLine

Int64s = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]

Points = tuple[Int64s, Int64s]
"""Instants, ascending, and offsets in ns; [n] each, at least one."""

Bounds = Callable[[Int64s], Points]
"""The least and the most that the offset can be at instants."""

_MOST_SLOPE: Final = 1 / MOST_DRIFT_ONE_IN
_STEPS: Final = 60
_MOST_PIECES: Final = 64
_LEAST_PIECE_NS: Final = 250_000_000


def fitted(most: Points, least: Points, bounds: Bounds) -> ClockLine:
    """A straight line where one has room between them, else one of as few equal pieces as have; of many pieces, one
    that may leave the bounds where the drift changes within a piece."""
    straight = _straight(most, least)
    return straight if straight is not None else _bent(most, least, bounds)


def _straight(most: Points, least: Points) -> ClockLine | None:
    """None where no straight line lies between them."""
    zero_ns, offset_ns = int(most[0][0]), int(most[1][0])
    (most_at, above), (least_at, below) = (_relative(points, zero_ns, offset_ns) for points in (most, least))

    def room(slope: float) -> float:
        """Between the two, for a line of that slope; concave."""
        return float((above - slope * most_at).min() - (below - slope * least_at).max())

    low, high = -_MOST_SLOPE, _MOST_SLOPE
    for _ in range(_STEPS):
        third = (high - low) / 3
        if room(low + third) < room(high - third):
            low += third
        else:
            high -= third
    best = (low + high) / 2
    if room(best) < 0:
        return None
    left, right = (_last(room, room(best) / 2, best, edge) for edge in (-_MOST_SLOPE, _MOST_SLOPE))
    slope = (left + right) / 2
    middle = ((above - slope * most_at).min() + (below - slope * least_at).max()) / 2
    return ClockLine.straight(zero_ns, offset_ns + round(float(middle)), slope)


def _relative(points: Points, zero_ns: int, offset_ns: int) -> tuple[_Floats, _Floats]:
    return (points[0] - zero_ns).astype(np.float64), (points[1] - offset_ns).astype(np.float64)


def _last(room: Callable[[float], float], enough: float, inside: float, edge: float) -> float:
    """The slope closest to `edge` that leaves enough room, as `inside` does."""
    if room(edge) >= enough:
        return edge
    for _ in range(_STEPS):
        middle = (inside + edge) / 2
        inside, edge = (middle, edge) if room(middle) >= enough else (inside, middle)
    return inside


def _bent(most: Points, least: Points, bounds: Bounds) -> ClockLine:
    first_ns, last_ns = (int(choose(most[0][at], least[0][at])) for choose, at in ((min, 0), (max, -1)))
    if last_ns - first_ns < _LEAST_PIECE_NS:  # what is rounded looks like a drift
        (low,), (high,) = (each.tolist() for each in bounds(np.asarray([first_ns], np.int64)))
        return ClockLine.straight(first_ns, (low + high) // 2)
    known_ns = np.concatenate([most[0], least[0]])
    low, high = bounds(known_ns)
    pieces = 1
    while True:
        edges = first_ns + np.arange(pieces + 1, dtype=np.int64) * max(1, (last_ns - first_ns) // pieces)
        line = _through_pieces(edges, most, least, bounds)
        offset, pieces = line.offsets_ns(known_ns), 2 * pieces
        within = bool(((low <= offset) & (offset <= high)).all())
        if within or pieces > _MOST_PIECES or (last_ns - first_ns) // pieces < _LEAST_PIECE_NS:
            return line


def _through_pieces(edges: Int64s, most: Points, least: Points, bounds: Bounds) -> ClockLine:
    """At each edge the mean of what the lines beside it say; of a piece without one, the middle between the bounds."""
    low, high = bounds(edges)
    middle = low + (high - low) // 2
    said: list[list[int]] = [[] for _ in edges]
    for piece, (begin, end) in enumerate(pairwise(edges.tolist())):
        parts = [_within(points, begin, end) for points in (most, least)]
        line = _straight(*parts) if all(len(part[0]) > 1 for part in parts) else None
        ends = middle[piece : piece + 2] if line is None else line.offsets_ns(edges[piece : piece + 2])
        for place, offset in zip((piece, piece + 1), ends.tolist(), strict=True):
            said[place].append(offset)
    return ClockLine.through(edges, np.asarray([sum(each) // len(each) for each in said], np.int64))


def _within(points: Points, begin: int, end: int) -> Points:
    low, high = np.searchsorted(points[0], (begin, end))
    return points[0][low:high], points[1][low:high]
