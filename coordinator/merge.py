"""From every agent's samples to the figures of the run: the window, throughput, percentiles, timeline. Pure.

Percentiles are nearest rank over the merged samples, never averaged over agents. Samples stay in the messages that they
came in; each holds consecutive inferences of one request, so its ends ascend and a time span of it is a slice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS, NS_PER_S
from ovbench.common.histogram import COARSE, FINE, nearest_rank, percentile
from ovbench.common.messages import Folded, Samples
from ovbench.common.schedule import slice_length_ns

Int64s = npt.NDArray[np.int64]

PERCENTILES: Final = (50.0, 90.0, 95.0, 99.0, 99.9)
MOST_SLICES: Final = 256


@dataclass(frozen=True)
class Recorded:
    """One agent's load as it was delivered. `pieces`: int64 [n, 2] of (start_ns, end_ns), ends ascending."""

    agent: int
    start_ns: int
    stop_ns: int
    completed: int
    pieces: tuple[Int64s, ...]
    folded: tuple[Folded, ...] = ()


@dataclass(frozen=True)
class Window:
    """The span in which the load of all agents was whole: [latest start, earliest stop]."""

    start_ns: int
    stop_ns: int
    start_skew_ns: int
    stop_skew_ns: int

    @property
    def duration_s(self) -> float:
        return (self.stop_ns - self.start_ns) / NS_PER_S


@dataclass(frozen=True)
class Latency:
    """In ms. `percentiles` in the order of PERCENTILES; `stddev` is the population's."""

    exact: bool
    count: int
    min: float
    mean: float
    stddev: float
    percentiles: tuple[float, ...]
    max: float


@dataclass(frozen=True)
class Slice:
    """A part of the window, given by its edges."""

    start_ns: int
    stop_ns: int
    count: int
    p99_ms: float | None


@dataclass(frozen=True)
class Merged:
    window: Window
    count: int
    latency: Latency | None
    agent_counts: dict[int, int]
    agent_latencies: dict[int, Latency | None]
    timeline: tuple[Slice, ...]
    edges_exact: bool
    """False where an agent's exact samples do not reach to an edge of the window (see `_folded_inside`)."""


def pieces_of(samples: Sequence[Samples]) -> tuple[Int64s, ...]:
    """The samples of messages, without copying them. Raises ValueError where one is not whole pairs."""
    return tuple(np.frombuffer(message.data, "<i8").reshape(-1, 2) for message in samples)


def window_of(agents: Sequence[Recorded]) -> Window:
    """Of at least one agent. It is empty (stop = start) where the loads of some did not overlap."""
    starts = [agent.start_ns for agent in agents]
    stops = [agent.stop_ns for agent in agents]
    start = max(starts)
    return Window(start, max(start, min(stops)), start - min(starts), max(stops) - min(stops))


def inside(pieces: Sequence[Int64s], start_ns: int, stop_ns: int) -> Iterator[Int64s]:
    """What of `pieces` ended in [start, stop]: an inference counts where it ends."""
    for piece in pieces:
        ends = piece[:, 1]
        low = np.searchsorted(ends, start_ns, side="left")
        high = np.searchsorted(ends, stop_ns, side="right")
        if low < high:
            yield piece[low:high]


def merge(agents: Sequence[Recorded]) -> Merged:
    window = window_of(agents)
    folded = [part for agent in agents for part in agent.folded]
    counted = {a.agent: list(inside(a.pieces, window.start_ns, window.stop_ns)) for a in agents}
    counts = {a.agent: _count(counted[a.agent]) + sum(part.count for part in a.folded) for a in agents}
    latencies: dict[int, Latency | None]
    if folded:
        latencies = {a.agent: _from_histogram(counted[a.agent], a.folded) for a in agents}
        pieces = [piece for parts in counted.values() for piece in parts]
        latency = _from_histogram(pieces, folded)
    else:
        latency, latencies = _exact(counted)
    return Merged(
        window,
        sum(counts.values()),
        latency,
        counts,
        latencies,
        tuple(_timeline(agents, counted, window)),
        all(_folded_inside(part, window) for part in folded),
    )


def _folded_inside(part: Folded, window: Window) -> bool:
    """Whether all that a request folded ended in the window, so that counting all of it is right."""
    return window.start_ns <= part.first_end_ns and part.last_end_ns <= window.stop_ns


def _count(pieces: Sequence[Int64s]) -> int:
    return sum(len(piece) for piece in pieces)


def _exact(counted: dict[int, list[Int64s]]) -> tuple[Latency | None, dict[int, Latency | None]]:
    """Of all and of each agent. One array holds every latency; an agent's is a part of it, so nothing is held twice."""
    everything = _differences([piece for pieces in counted.values() for piece in pieces])
    latencies: dict[int, Latency | None] = {}
    at = 0
    for agent, pieces in counted.items():
        begin, at = at, at + _count(pieces)
        latencies[agent] = _of_values(everything[begin:at])
    if len(counted) == 1:
        return next(iter(latencies.values())), latencies
    return _of_values(everything), latencies


def _differences(pieces: Sequence[Int64s]) -> Int64s:
    """The latencies in all pieces, in one array and without another on the way to it."""
    values = np.empty(_count(pieces), np.int64)
    at = 0
    for piece in pieces:
        np.subtract(piece[:, 1], piece[:, 0], out=values[at : at + len(piece)])
        at += len(piece)
    return values


def _of_values(values: Int64s) -> Latency | None:
    """Reorders `values`."""
    count = len(values)
    if count == 0:
        return None
    ranks = [nearest_rank(count, p) for p in PERCENTILES]
    values.partition(sorted({0, count - 1, *ranks}))
    mean = int(values.sum()) / count
    return Latency(
        exact=True,
        count=count,
        min=float(values[0]) / NS_PER_MS,
        mean=mean / NS_PER_MS,
        stddev=_deviation(values, mean) / NS_PER_MS,
        percentiles=tuple(float(values[rank]) / NS_PER_MS for rank in ranks),
        max=float(values[-1]) / NS_PER_MS,
    )


def _deviation(values: Int64s, mean: float, block: int = 1 << 20) -> float:
    """Population standard deviation, block by block, as the differences of all would need as much memory again."""
    total = 0.0
    for at in range(0, len(values), block):
        difference = values[at : at + block] - mean
        total += float(np.dot(difference, difference))
    return float(np.sqrt(total / len(values)))


def _from_histogram(pieces: Sequence[Int64s], folded: Sequence[Folded]) -> Latency | None:
    """With an error of at most 0.05 % of the value in the percentiles; count, min, mean, stddev and max are exact."""
    histogram = np.zeros(FINE.size, np.int64)
    count, total, least, most = 0, 0.0, [], []
    for piece in pieces:
        values = piece[:, 1] - piece[:, 0]
        histogram += FINE.count(values)
        count += len(values)
        total += float(values.sum())
        least.append(int(values.min()))
        most.append(int(values.max()))
    for part in folded:
        histogram[np.frombuffer(part.fine_buckets, "<i4")] += np.frombuffer(part.fine_counts, "<i8")
        count += part.count
        total += part.count * part.pivot_ns + part.total_deviation_ns
        least.append(part.least_ns)
        most.append(part.most_ns)
    if count == 0:
        return None
    mean = total / count
    squares = sum(float(np.square(piece[:, 1] - piece[:, 0] - mean).sum()) for piece in pieces)
    squares += sum(_squares_about(part, mean) for part in folded)
    low, high = min(least), max(most)
    # The middle of a bucket may lie beyond the extremes, which are exact.
    percentiles = tuple(min(max(percentile(FINE, histogram, p), low), high) / NS_PER_MS for p in PERCENTILES)
    return Latency(
        exact=False,
        count=count,
        min=low / NS_PER_MS,
        mean=mean / NS_PER_MS,
        stddev=float(np.sqrt(max(0.0, squares) / count)) / NS_PER_MS,
        percentiles=percentiles,
        max=high / NS_PER_MS,
    )


def _squares_about(part: Folded, mean: float) -> float:
    """Sum of (x - mean)^2 from the sums about the pivot: with d = pivot - mean, it is S2 + 2 d S1 + n d^2."""
    shift = part.pivot_ns - mean
    return part.total_square_ns2 + 2 * shift * part.total_deviation_ns + part.count * shift * shift


def _timeline(agents: Sequence[Recorded], counted: dict[int, list[Int64s]], window: Window) -> Iterator[Slice]:
    """The window in slices of equal length, the last as long as what remains; a short rest joins the one before."""
    length = slice_length_ns(window.stop_ns - window.start_ns, MOST_SLICES)
    folded = [part for agent in agents for part in agent.folded]
    length = max([length, *(part.slice_ns for part in folded)])
    edges = list(range(window.start_ns, window.stop_ns, length))
    if len(edges) > 1 and window.stop_ns - edges[-1] < length // 2:
        edges.pop()
    edges.append(window.stop_ns)
    pieces = [piece for parts in counted.values() for piece in parts]
    for index in range(len(edges) - 1):
        last = index == len(edges) - 2
        start, stop = edges[index], edges[index + 1]
        inner = list(inside(pieces, start, stop if last else stop - 1))
        if folded:
            yield _folded_slice(_Span(start, stop, index, last, length), inner, folded)
        else:
            yield _exact_slice(start, stop, inner)


def _exact_slice(start: int, stop: int, pieces: list[Int64s]) -> Slice:
    values = _differences(pieces)
    if not len(values):
        return Slice(start, stop, 0, None)
    rank = nearest_rank(len(values), 99.0)
    values.partition(rank)
    return Slice(start, stop, len(values), float(values[rank]) / NS_PER_MS)


@dataclass(frozen=True)
class _Span:
    """Slice `index` of the timeline; `length` is that of all but the last."""

    start: int
    stop: int
    index: int
    last: bool
    length: int


def _folded_slice(span: _Span, pieces: list[Int64s], folded: Sequence[Folded]) -> Slice:
    """Agents fold by slices of the same origin, give or take the start skew; p99 has an error of at most 0.8 %."""
    histogram = np.zeros(COARSE.size, np.int64)
    for piece in pieces:
        histogram += COARSE.count(piece[:, 1] - piece[:, 0])
    for part in folded:
        slices = np.frombuffer(part.slice_indices, "<i4") // (span.length // part.slice_ns)
        chosen = slices >= span.index if span.last else slices == span.index
        buckets = np.frombuffer(part.slice_buckets, "<i4")[chosen]
        np.add.at(histogram, buckets, np.frombuffer(part.slice_counts, "<i8")[chosen])
    count = int(histogram.sum())
    return Slice(span.start, span.stop, count, percentile(COARSE, histogram, 99.0) / NS_PER_MS if count else None)
