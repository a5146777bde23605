"""From every agent's samples to the figures of the run: the window, throughput, latencies, timeline. Pure.

Percentiles are nearest rank over the merged samples, never averaged over agents. Samples stay in the messages that they
came in; each holds consecutive inferences of one request, so its ends ascend and a time span of it is a slice.

The confidence intervals of the whole come from its batches in time (`cells`, `uncertainty`): exact samples are cut into
equal cells, what was folded has only its slices.

Where a model is given several groups of shapes in turn, inference k of request r has the one of index (r + k) modulo
their number. A slice of consecutive inferences, exact or folded, therefore has a closed form for its frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS, NS_PER_S
from ovbench.common.histogram import COARSE, nearest_rank, percentile
from ovbench.common.messages import Folded, Samples
from ovbench.common.schedule import slice_edges_ns, slice_length_ns

from .cells import Cells, cell_edges, frames_done, longest_gap_ns, progress, tally
from .latency import Latency, differences, folded_intervals, folded_latency, intervals_of, latency_of
from .result import Interval
from .uncertainty import rate_half_width

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_SLICES: Final = 256
LEAST_GAP_NS: Final = 100 * NS_PER_MS
"""A shorter time without the end of an inference is none to look for."""


@dataclass(frozen=True)
class Piece:
    """Consecutive inferences of one request, of which `first` is the index of the first since the start.

    `samples`: int64 [n, 2] of (start_ns, end_ns), ends ascending.
    """

    request: int
    first: int
    samples: Int64s

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def latencies(self) -> Int64s:
        """In ns, int64 [n]."""
        values: Int64s = self.samples[:, 1] - self.samples[:, 0]
        return values

    def between(self, low: int, high: int) -> "Piece":
        """Its inferences from `low` to before `high`, counted from its own first."""
        return Piece(self.request, self.first + low, self.samples[low:high])

    def of_group(self, group: int, groups: int) -> Int64s:
        """The samples that were measured with this one of so many groups of shapes."""
        return self.samples[(group - self.request - self.first) % groups :: groups]


@dataclass(frozen=True)
class Recorded:
    """One agent's load as it was delivered. `batches`: frames in an inference, for each group of shapes in turn."""

    agent: int
    start_ns: int
    stop_ns: int
    completed: int
    pieces: tuple[Piece, ...]
    folded: tuple[Folded, ...] = ()
    batches: tuple[int, ...] = (1,)


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
class Slice:
    """A part of the window, given by its edges. `agent_frames`: of each agent, in their order."""

    start_ns: int
    stop_ns: int
    count: int
    frames: int
    p99_ms: float | None
    agent_frames: tuple[int, ...] = ()


@dataclass(frozen=True)
class Merged:
    """`frames`: the sum of the batches of all that is counted. `groups`: by group of shapes, if that was asked for."""

    window: Window
    count: int
    frames: int
    latency: Latency | None
    agent_counts: dict[int, int]
    agent_frames: dict[int, int]
    agent_latencies: dict[int, Latency | None]
    timeline: tuple[Slice, ...]
    groups: tuple[Latency | None, ...]
    edges_exact: bool
    """False where an agent's exact samples do not reach to an edge of the window (see `_folded_inside`)."""
    cells: Cells | None = None
    """None in an empty window."""
    fps_ci95: Interval | None = None
    agent_fps_ci95: dict[int, Interval | None] = field(default_factory=dict)
    agent_gaps_ms: dict[int, float] = field(default_factory=dict)
    """The longest time in which no inference of an agent ended; of those where it is LEAST_GAP_NS or more."""

    @property
    def fps(self) -> float:
        """0 in an empty window."""
        return self.frames / self.window.duration_s if self.window.duration_s > 0 else 0.0


@dataclass(frozen=True)
class _Load:
    """What of an agent's load counts: exact samples in the window, and all that was folded, with its first index."""

    agent: int
    batches: tuple[int, ...]
    pieces: list[Piece]
    folded: list[tuple[Folded, int]]

    @property
    def count(self) -> int:
        return _count(self.pieces) + sum(part.count for part, _ in self.folded)

    @property
    def frames(self) -> int:
        folded = sum(frames(self.batches, part.request, first, part.count) for part, first in self.folded)
        return self.exact_frames + folded

    @property
    def exact_frames(self) -> int:
        return sum(frames(self.batches, piece.request, piece.first, len(piece)) for piece in self.pieces)

    @property
    def samples(self) -> list[Int64s]:
        return [piece.samples for piece in self.pieces]

    @property
    def requests(self) -> set[int]:
        return {piece.request for piece in self.pieces} | {part.request for part, _ in self.folded}

    def longest_ns(self, request: int) -> int:
        """The longest latency of a request of it."""
        exact = (int(piece.latencies.max()) for piece in self.pieces if piece.request == request)
        return max([*exact, *(part.most_ns for part, _ in self.folded if part.request == request)])

    def between(self, start_ns: int, stop_ns: int) -> "_Load":
        """With those exact samples that ended in [start, stop]; what was folded is not divided."""
        return _Load(self.agent, self.batches, list(inside(self.pieces, start_ns, stop_ns)), self.folded)


def frames(batches: tuple[int, ...], request: int, first: int, count: int) -> int:
    """In `count` inferences of a request from that of index `first` on; `batches` by group of shapes."""
    rounds, rest = divmod(count, len(batches))
    begin = (request + first) % len(batches)
    turn = batches[begin:] + batches[:begin]
    return rounds * sum(batches) + sum(turn[:rest])


def pieces_of(samples: Sequence[Samples]) -> tuple[Piece, ...]:
    """The samples of messages, without copying them. Raises ValueError where one is not whole pairs."""
    return tuple(Piece(m.request, m.first, np.frombuffer(m.data, "<i8").reshape(-1, 2)) for m in samples)


def window_of(agents: Sequence[Recorded]) -> Window:
    """Of at least one agent. It is empty (stop = start) where the loads of some did not overlap."""
    starts = [agent.start_ns for agent in agents]
    stops = [agent.stop_ns for agent in agents]
    start = max(starts)
    return Window(start, max(start, min(stops)), start - min(starts), max(stops) - min(stops))


def inside(pieces: Sequence[Piece], start_ns: int, stop_ns: int) -> Iterator[Piece]:
    """What of `pieces` ended in [start, stop]: an inference counts where it ends."""
    for piece in pieces:
        ends = piece.samples[:, 1]
        low = int(np.searchsorted(ends, start_ns, side="left"))
        high = int(np.searchsorted(ends, stop_ns, side="right"))
        if low < high:
            yield piece.between(low, high)


def merge(agents: Sequence[Recorded], chosen: float = 50.0, by_group: bool = False) -> Merged:
    """`chosen`: a percentile beside the usual ones. `by_group`: latencies of each of several groups of shapes, too."""
    window = window_of(agents)
    loads = [_counted(agent, window) for agent in agents]
    folded = [part for load in loads for part, _ in load.folded]
    latencies: dict[int, Latency | None]
    if folded:
        latencies = {
            load.agent: folded_latency(load.samples, [part for part, _ in load.folded], chosen)[0] for load in loads
        }
        latency, histogram = folded_latency(_samples(loads), folded, chosen)
        timeline, coarse = _folded_timeline(loads, window)
        cells = _cells_of_slices(timeline, [load.agent for load in loads])
        if latency is not None:
            latency = replace(latency, ci95=folded_intervals(latency, histogram, coarse, chosen))
    else:
        latency, latencies, cells = _exact(agents, loads, window, chosen)
        timeline = tuple(_exact_slice(span, parts) for span, parts in _spans(loads, window))
    counts = {load.agent: load.count for load in loads}
    agent_frames = {load.agent: load.frames for load in loads}
    return Merged(
        window=window,
        count=sum(counts.values()),
        frames=sum(agent_frames.values()),
        latency=latency,
        agent_counts=counts,
        agent_frames=agent_frames,
        agent_latencies=latencies,
        timeline=timeline,
        groups=tuple(_by_group(loads, chosen)) if by_group else (),
        edges_exact=all(_folded_inside(part, window) for part in folded),
        cells=cells,
        fps_ci95=_rate_interval(cells, loads) if cells is not None else None,
        agent_fps_ci95={load.agent: _rate_interval(cells, [load]) for load in loads} if cells is not None else {},
        agent_gaps_ms=dict(_gaps(agents, loads, window, latencies)),
    )


def _counted(agent: Recorded, window: Window) -> _Load:
    folded = [(part, _first_folded(part, agent.pieces)) for part in agent.folded]
    return _Load(agent.agent, agent.batches, list(inside(agent.pieces, window.start_ns, window.stop_ns)), folded)


def _first_folded(part: Folded, pieces: Sequence[Piece]) -> int:
    """The index of the first inference that was folded: where the exact samples from the request's start on end."""
    index = 0
    for piece in sorted((p for p in pieces if p.request == part.request), key=lambda p: p.first):
        if piece.first != index:
            break
        index += len(piece)
    return index


def _folded_inside(part: Folded, window: Window) -> bool:
    """Whether all that a request folded ended in the window, so that counting all of it is right."""
    return window.start_ns <= part.first_end_ns and part.last_end_ns <= window.stop_ns


def _count(pieces: Sequence[Piece]) -> int:
    return sum(len(piece) for piece in pieces)


def _samples(loads: Sequence[_Load]) -> list[Int64s]:
    return [samples for load in loads for samples in load.samples]


def _rate_interval(cells: Cells, loads: Sequence[_Load]) -> Interval | None:
    """Of the frames per second of these agents together, about the rate of what is counted."""
    frames = np.sum([cells.frames[load.agent] for load in loads], axis=0)
    if not frames.any():
        return None
    edges = sum(max(load.batches) ** 2 * len(load.requests) for load in loads)
    half = rate_half_width(frames, cells.seconds, edges)
    if half is None:
        return None
    fps = sum(load.frames for load in loads) / float(cells.seconds.sum())
    return Interval(max(0.0, fps - half), fps + half)


def _gaps(
    agents: Sequence[Recorded], loads: Sequence[_Load], window: Window, latencies: dict[int, Latency | None]
) -> Iterator[tuple[int, float]]:
    """Looked for where every request of an agent has an inference so long, as requests do not wait between theirs, or
    where the last has not ended in the window.

    Of several requests that folded some, the ends are not known; one that is alone has its gap in its longest latency.
    """
    for agent, load in zip(agents, loads, strict=True):
        latency = latencies[agent.agent]
        last = max((int(piece.samples[-1, 1]) for piece in load.pieces), default=window.start_ns)
        gap = window.stop_ns - last
        if latency is not None and latency.max * NS_PER_MS >= LEAST_GAP_NS:
            gap = max(gap, min(load.longest_ns(request) for request in load.requests))
        if gap >= LEAST_GAP_NS and not load.folded:
            gap = longest_gap_ns([p.samples[:, 1] for p in agent.pieces], window.start_ns, window.stop_ns)
        if gap >= LEAST_GAP_NS and (not load.folded or len(load.requests) == 1):
            yield agent.agent, gap / NS_PER_MS


def _exact(
    agents: Sequence[Recorded], loads: Sequence[_Load], window: Window, chosen: float
) -> tuple[Latency | None, dict[int, Latency | None], Cells | None]:
    """Of all and of each agent. One array holds every latency; an agent's is a part of it, so nothing is held twice."""
    everything = differences(_samples(loads))
    latencies: dict[int, Latency | None] = {}
    at = 0
    for load in loads:
        begin, at = at, at + _count(load.pieces)
        latencies[load.agent] = latency_of(everything[begin:at], chosen, near=len(loads) == 1)
    latency = next(iter(latencies.values())) if len(loads) == 1 else latency_of(everything, chosen, near=True)
    if window.stop_ns == window.start_ns:
        return latency, latencies, None
    edges = cell_edges(window.start_ns, window.stop_ns)
    limits = [] if latency is None else latency.limits_ns
    distinct = sorted(set(limits))
    counts, below = tally(_samples(loads), edges, distinct)
    cells = Cells(edges, {agent.agent: _progress(agent, edges) for agent in agents})
    if latency is not None:
        rows = below[[distinct.index(limit) for limit in limits]]
        latency = replace(latency, ci95=intervals_of(everything, rows, counts, chosen))
    return latency, latencies, cells


def _progress(agent: Recorded, edges: Int64s) -> Floats:
    """The frames of an agent in each cell, an inference on an edge by its share on either side."""
    done = np.zeros(len(edges))
    by_request: dict[int, list[Int64s]] = {}
    for piece in sorted(agent.pieces, key=lambda piece: piece.first):
        if len(piece):
            by_request.setdefault(piece.request, []).append(piece.samples)
    for request, parts in by_request.items():
        done += frames_done(progress(parts, edges), agent.batches, request)
    frames: Floats = np.diff(done)
    return frames


def _by_group(loads: Sequence[_Load], chosen: float) -> Iterator[Latency | None]:
    """By group of shapes, where there are several; of exact samples, as a histogram has those of all groups."""
    groups = max(len(load.batches) for load in loads)
    for group in range(groups if groups > 1 else 0):
        samples = [piece.of_group(group, len(load.batches)) for load in loads for piece in load.pieces]
        yield latency_of(differences(samples), chosen)


def _spans(loads: Sequence[_Load], window: Window) -> Iterator[tuple["_Span", list[_Load]]]:
    """The window in slices of equal length, the last as long as what remains; a short rest joins the one before."""
    length = slice_length_ns(window.stop_ns - window.start_ns, MOST_SLICES)
    length = max([length, *(part.slice_ns for load in loads for part, _ in load.folded)])
    edges = slice_edges_ns(window.start_ns, window.stop_ns, length)
    for index in range(len(edges) - 1):
        span = _Span(edges[index], edges[index + 1], index, index == len(edges) - 2, length)
        yield span, [load.between(span.start, span.end) for load in loads]


def _cells_of_slices(slices: Sequence[Slice], agents: Sequence[int]) -> Cells | None:
    """Of a load that was folded in part, of which nothing finer is known."""
    if not slices:
        return None
    edges = np.asarray([slices[0].start_ns, *(part.stop_ns for part in slices)], np.int64)
    frames = np.asarray([part.agent_frames for part in slices], np.float64).T
    return Cells(edges, dict(zip(agents, frames, strict=True)))


@dataclass(frozen=True)
class _Span:
    """Slice `index` of the timeline; `length` is that of all but the last."""

    start: int
    stop: int
    index: int
    last: bool
    length: int

    @property
    def end(self) -> int:
        """The last instant of it: an edge between two slices belongs to the later one."""
        return self.stop if self.last else self.stop - 1


def _exact_slice(span: _Span, parts: Sequence[_Load]) -> Slice:
    values = differences(_samples(parts))
    if not len(values):
        return Slice(span.start, span.stop, 0, 0, None, (0,) * len(parts))
    rank = nearest_rank(len(values), 99.0)
    values.partition(rank)
    done = tuple(part.frames for part in parts)
    return Slice(span.start, span.stop, len(values), sum(done), float(values[rank]) / NS_PER_MS, done)


def _folded_timeline(loads: Sequence[_Load], window: Window) -> tuple[tuple[Slice, ...], Int64s]:
    """The slices, and a histogram of each in COARSE: int64 [slices, COARSE.size]."""
    found = [_folded_slice(span, parts) for span, parts in _spans(loads, window)]
    histograms = [histogram for _, histogram in found]
    return tuple(part for part, _ in found), np.asarray(histograms, np.int64).reshape(len(found), COARSE.size)


def _folded_slice(span: _Span, parts: Sequence[_Load]) -> tuple[Slice, Int64s]:
    """Agents fold by slices of the same origin, give or take the start skew; p99 has an error of at most 0.8 %."""
    histogram = np.zeros(COARSE.size, np.int64)
    done = []
    for load in parts:
        total = load.exact_frames
        for piece in load.pieces:
            histogram += COARSE.count(piece.latencies)
        for part, first in load.folded:
            before, here = _add_folded(histogram, span, part)
            total += frames(load.batches, part.request, first + before, here)
        done.append(total)
    count = int(histogram.sum())
    p99_ms = percentile(COARSE, histogram, 99.0) / NS_PER_MS if count else None
    return Slice(span.start, span.stop, count, sum(done), p99_ms, tuple(done)), histogram


def _add_folded(histogram: Int64s, span: _Span, part: Folded) -> tuple[int, int]:
    """Adds what a request folded in a slice; how many it had folded before, and how many in it."""
    slices = np.frombuffer(part.slice_indices, "<i4") // (span.length // part.slice_ns)
    counts = np.frombuffer(part.slice_counts, "<i8")
    within = slices >= span.index if span.last else slices == span.index
    np.add.at(histogram, np.frombuffer(part.slice_buckets, "<i4")[within], counts[within])
    return int(counts[slices < span.index].sum()), int(counts[within].sum())
