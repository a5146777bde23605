"""How much of a load was done at an instant, an inference that is under way then by the share of its time. Pure.

Whole inferences would jump by one, which in a load of few and long ones is more than all that varies. The time of an
inference is from its start to its end, with two exceptions:

* With more requests than streams, one that waits for a stream makes no progress. Streams take what waits in the order
  of the starts, so with K streams the n-th start is served from the (n - K)-th end on, or from its own start if that is
  later. Of what is under way at an instant, the k-th oldest is therefore served since the (K - k + 1)-th latest end, as
  far as none overtook another.
* At a limited rate an inference stands for the time until the load's next start is due, if that is later than its end:
  what idles because of the limit is not faster than the limit.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ovbench.common.samples import SampleArray

from .recording import Piece, Recorded

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Work:
    """What was done in a time, inferences under way at its edges by their share."""

    inferences: float
    frames: float


@dataclass(frozen=True)
class CumulativeWork:
    """At n instants, as [2, n]: inferences, and frames. `whole`: exact ones that have ended, `shares`: of others, and
    what those that have ended have still to stand for, less."""

    whole: Floats
    shares: Floats

    @property
    def frames(self) -> Floats:
        done: Floats = self.whole[1] + self.shares[1]
        return done


@dataclass(frozen=True)
class _UnderWay:
    """What of a piece is under way at n instants, if anything: start, end, and frames; [n] each."""

    here: npt.NDArray[np.bool_]
    start: Int64s
    end: Int64s
    frames: Int64s


def lanes_of(load: Recorded) -> int:
    """How many inferences are served at a time; 0 if there are none."""
    return load.requests if load.streams is None else min(load.requests, load.streams)


def progress(load: Recorded, at: Int64s) -> CumulativeWork:
    """`at`: instants in ascending order, none of them between an agent's exact samples where it folded those."""
    whole, shares = np.zeros((2, len(at))), np.zeros((2, len(at)))
    lanes = lanes_of(load)
    queue = _Lanes(at, lanes) if lanes < load.requests else None
    turn = np.asarray(load.batches, np.int64)
    for piece in load.pieces:
        if not len(piece):
            continue
        ended = _ended(piece, at)
        whole += np.stack([ended, frames_done(ended, turn, piece.request + piece.first)])
        going = _under_way(piece, ended, at, turn)
        if load.period_ns:
            shares -= _still_to_stand_for(piece, ended, at, turn, load.period_ns)
        if queue is not None:
            queue.add(piece, ended, going)
        elif going.here.any():
            shares += _shares(going, going.start, at, load.period_ns)
    if queue is not None:
        for going, since in queue.served():
            shares += _shares(going, since, at, load.period_ns)
    return CumulativeWork(whole, shares)


def frames_done(done: Int64s, turn: Int64s, first: int) -> Int64s:
    """The frames in so many inferences from one whose index and request add up to `first`; batches in `turn`."""
    if len(turn) == 1:
        scaled: Int64s = done * turn[0]
        return scaled
    turn = np.roll(turn, -(first % len(turn)))
    rounds, rest = np.divmod(done, len(turn))
    frames: Int64s = rounds * turn.sum() + np.concatenate([[0], np.cumsum(turn)])[rest]
    return frames


def _ended(piece: Piece, at: Int64s) -> Int64s:
    """How many inferences of the piece have ended at each instant."""
    ends = piece.samples.ends
    low, high = np.searchsorted(at, [ends[0], ends[-1]])
    ended = np.zeros(len(at), np.int64)
    ended[high:] = len(piece)
    if low < high:
        ended[low:high] = np.searchsorted(ends, at[low:high], side="right")
    return ended


def _frames_of(piece: Piece, index: Int64s, turn: Int64s) -> Int64s:
    frames: Int64s = turn[(piece.request + piece.first + index) % len(turn)]
    return frames


def _under_way(piece: Piece, ended: Int64s, at: Int64s, turn: Int64s) -> _UnderWay:
    index = np.minimum(ended, len(piece) - 1)
    found = piece.samples[index]
    start, end = found.starts, found.ends
    return _UnderWay((ended < len(piece)) & (start <= at), start, end, _frames_of(piece, index, turn))


def _shares(going: _UnderWay, since: Int64s, at: Int64s, period_ns: float) -> Floats:
    """[2, n]: of an inference, and of its frames; served `since` then."""
    span = np.maximum(going.end, going.start + period_ns) - since
    share = np.where(going.here, (at - since) / np.maximum(span, 1), 0.0)
    return np.stack([share, share * going.frames])


def _still_to_stand_for(piece: Piece, ended: Int64s, at: Int64s, turn: Int64s, period_ns: float) -> Floats:
    """[2, n]: what those inferences that ended stand for beyond each instant, as the next start is not yet due."""
    rest = np.zeros((2, len(at)))
    for back in range(1, len(piece) + 1):
        index = np.maximum(ended - back, 0)
        left = 1 - (at - piece.samples.starts[index]) / period_ns
        early = (ended >= back) & (left > 0)
        if not early.any():
            break
        share = np.where(early, left, 0.0)
        rest += np.stack([share, share * _frames_of(piece, index, turn)])
    return rest


class _Lanes:
    """The inferences of an agent that are under way at n instants, of which only `lanes` are served."""

    def __init__(self, at: Int64s, lanes: int) -> None:
        self._latest = np.full((len(at), lanes), _NEVER)
        self._going: list[_UnderWay] = []

    def add(self, piece: Piece, ended: Int64s, going: _UnderWay) -> None:
        lanes = self._latest.shape[1]
        index = ended[:, None] - 1 - np.arange(min(lanes, len(piece)))
        ends = np.where(index >= 0, piece.samples.ends[np.maximum(index, 0)], _NEVER)
        if (ends.max(axis=1) > self._latest.min(axis=1)).any():
            both = np.concatenate([self._latest, ends], axis=1)
            self._latest = np.partition(both, both.shape[1] - lanes, axis=1)[:, -lanes:]
        if going.here.any():
            self._going.append(going)

    def served(self) -> Iterator[tuple[_UnderWay, Int64s]]:
        """What is under way, each with the instants since which it is served; what waits is left out."""
        if not self._going:
            return
        instants, lanes = self._latest.shape
        latest = np.sort(self._latest, axis=1)
        starts = np.stack([np.where(going.here, going.start, np.iinfo(np.int64).max) for going in self._going])
        older = starts.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
        for going, rank in zip(self._going, older, strict=True):
            since = np.maximum(going.start, latest[np.arange(instants), np.minimum(rank, lanes - 1)])
            here = going.here & (rank < lanes)
            yield _UnderWay(here, going.start, going.end, going.frames), since


@dataclass(frozen=True)
class Served:
    """Inferences of one agent and one group of shapes, which are alike: the time that each was served, in ns [n]."""

    times: Floats


def served(load: Recorded, start_ns: int, stop_ns: int, most: int) -> Sequence[Served] | None:
    """Of all that were under way in the window; None where there are more than `most`, or some were folded."""
    if load.folded:
        return None
    lanes, groups = lanes_of(load), len(load.batches)
    waits = lanes < load.requests
    found: list[SampleArray] = []
    kinds: list[Int64s] = []
    for piece in load.pieces:
        low = int(np.searchsorted(piece.samples.ends, start_ns, side="right"))
        high = int(np.searchsorted(piece.samples.starts, stop_ns, side="left"))
        if high - low > most:
            return None
        low = max(0, low - lanes) if waits else low
        if low < high:
            found.append(piece.samples[low:high])
            kinds.append((piece.request + piece.first + np.arange(low, high)) % groups)
    if not found:
        return ()
    samples, kind = SampleArray.joined(found), np.concatenate(kinds)
    since = _served_since(samples, lanes) if waits else samples.starts
    within = (samples.ends > start_ns) & (samples.starts < stop_ns)
    if np.count_nonzero(within) > most:
        return None
    times = np.maximum(samples.ends - since, 1).astype(np.float64)
    return tuple(Served(times[within & (kind == group)]) for group in range(groups))


def _served_since(samples: SampleArray, lanes: int) -> Int64s:
    """By the order of the starts, each on the stream that is free first."""
    since, ends = samples.starts.copy(), samples.ends
    free = [int(_NEVER)] * lanes
    for index in np.argsort(samples.starts, kind="stable"):
        since[index] = min(max(int(since[index]), heapq.heappop(free)), int(ends[index]))
        heapq.heappush(free, int(ends[index]))
    return since
