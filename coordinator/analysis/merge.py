"""From every agent's samples to the figures of the run: the window, throughput, latencies, timeline. Pure.

An inference is counted where it ends, and rates are of the work that was done: what is under way at an edge of the
window counts there by its share (`progress`). Percentiles are nearest rank over the merged samples, never averaged over
agents.

The confidence intervals of the whole come from its batches in time (`cells`, `uncertainty`): exact samples are cut into
equal cells, what was folded has only its slices; those of a rate of few inferences come from their times.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS
from ovbench.common.histogram import COARSE, nearest_rank, percentile
from ovbench.common.messages import Folded
from ovbench.common.samples import SampleArray
from ovbench.common.schedule import slice_edges_ns, slice_length_ns

from ..result.report import Interval
from ..session.record import RunRecord
from .cells import Cells, cell_edges, longest_gap_ns, tally
from .latency import Latency, folded_intervals, folded_latency, intervals_of, latencies_of, latency_of
from .progress import CumulativeWork, Work, progress
from .rates import Rates
from .recording import Piece, Recorded, Window, frames, inside, recorded, window_of

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_SLICES: Final = 256
LEAST_GAP_NS: Final = 100 * NS_PER_MS
"""A shorter time without the end of an inference is none to look for."""


@dataclass(frozen=True)
class Slice:
    """A part of the window, given by its edges. `count`: inferences that ended in it; `frames`: what was done, of each
    agent in `agent_frames`, in their order. Where agents folded samples, inferences have their frames where they end.
    """

    start_ns: int
    stop_ns: int
    count: int
    frames: float
    p99_ms: float | None
    agent_frames: tuple[float, ...] = ()


@dataclass(frozen=True)
class Merged:
    """`count`, `frames`: the inferences that ended in the window and the sum of their batches; `agent_work`: what was
    done in it. `groups`: by group of shapes, if that was asked for."""

    window: Window
    count: int
    frames: int
    latency: Latency | None
    agent_counts: dict[int, int]
    agent_frames: dict[int, int]
    agent_work: dict[int, Work]
    agent_latencies: dict[int, Latency | None]
    timeline: tuple[Slice, ...]
    groups: tuple[Latency | None, ...]
    edges_exact: bool
    """False where an agent's exact samples do not reach to an edge of the window (see `_folded_inside`): its inferences
    have no shares there."""
    cells: Cells | None = None
    """None in an empty window."""
    fps_ci95: Interval | None = None
    agent_fps_ci95: dict[int, Interval | None] = field(default_factory=dict)
    agent_gaps_ms: dict[int, float] = field(default_factory=dict)
    """The longest time in which no inference of an agent ended; of those where it is LEAST_GAP_NS or more."""

    @property
    def work(self) -> Work:
        """Of all agents."""
        every = self.agent_work.values()
        return Work(sum(work.inferences for work in every), sum(work.frames for work in every))

    @property
    def fps(self) -> float:
        """0 in an empty window."""
        return self.work.frames / self.window.duration_s if self.window.duration_s > 0 else 0.0


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
    def samples(self) -> list[SampleArray]:
        return [piece.samples for piece in self.pieces]

    @property
    def requests(self) -> set[int]:
        return {piece.request for piece in self.pieces} | {part.request for part, _ in self.folded}

    def longest_ns(self, request: int) -> int:
        """The longest latency of a request of it."""
        exact = (int(piece.samples.latencies.max()) for piece in self.pieces if piece.request == request)
        return max([*exact, *(part.most_ns for part, _ in self.folded if part.request == request)])

    def between(self, start_ns: int, stop_ns: int) -> "_Load":
        """With those exact samples that ended in [start, stop]; what was folded is not divided."""
        return _Load(self.agent, self.batches, list(inside(self.pieces, start_ns, stop_ns)), self.folded)


def merge_run(record: RunRecord) -> Merged | None:
    """What was asked of the run, of the agents that count. None where no agent delivered."""
    loads, request = recorded(record.agents), record.request
    return merge(loads, request.output.latency_percentile, by_group=request.output.pcseq) if loads else None


def merge(agents: Sequence[Recorded], chosen: float = 50.0, by_group: bool = False) -> Merged:
    """`chosen`: a percentile beside the usual ones. `by_group`: latencies of each of several groups of shapes, too."""
    window = window_of(agents)
    loads = [_counted(agent, window) for agent in agents]
    folded = [part for load in loads for part, _ in load.folded]
    edges_exact = all(_folded_inside(part, window) for part in folded)
    latencies: dict[int, Latency | None]
    if folded:
        latencies = {
            load.agent: folded_latency(load.samples, [part for part, _ in load.folded], chosen)[0] for load in loads
        }
        latency, histogram = folded_latency(_samples(loads), folded, chosen)
        work = _folded_work(agents, loads, window, edges_exact)
        timeline, coarse = _folded_timeline(loads, window, work)
        cells = _cells_of_slices(timeline, [load.agent for load in loads])
        if latency is not None:
            latency = replace(latency, ci95=folded_intervals(latency, histogram, coarse, chosen))
    else:
        course = _Course.of(agents, loads, window)
        latency, latencies, cells = _exact(course, loads, chosen)
        work = course.work
        timeline = tuple(course.slices(loads))
    counts = {load.agent: load.count for load in loads}
    agent_frames = {load.agent: load.frames for load in loads}
    rates = Rates(agents, window, cells, work) if cells is not None else None
    return Merged(
        window=window,
        count=sum(counts.values()),
        frames=sum(agent_frames.values()),
        latency=latency,
        agent_counts=counts,
        agent_frames=agent_frames,
        agent_work=work,
        agent_latencies=latencies,
        timeline=timeline,
        groups=tuple(_by_group(loads, chosen)) if by_group else (),
        edges_exact=edges_exact,
        cells=cells,
        fps_ci95=rates.of(agents) if rates is not None else None,
        agent_fps_ci95={agent.agent: rates.of([agent]) for agent in agents} if rates is not None else {},
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


def _samples(loads: Sequence[_Load]) -> list[SampleArray]:
    return [samples for load in loads for samples in load.samples]


def _gaps(
    agents: Sequence[Recorded], loads: Sequence[_Load], window: Window, latencies: dict[int, Latency | None]
) -> Iterator[tuple[int, float]]:
    """Looked for where every request of an agent has an inference so long, as requests do not wait between theirs, or
    where the last has not ended in the window.

    Of several requests that folded some, the ends are not known; one that is alone has its gap in its longest latency.
    """
    for agent, load in zip(agents, loads, strict=True):
        latency = latencies[agent.agent]
        last = max((int(piece.samples.ends[-1]) for piece in load.pieces), default=window.start_ns)
        gap = window.stop_ns - last
        if latency is not None and latency.max * NS_PER_MS >= LEAST_GAP_NS:
            gap = max(gap, min(load.longest_ns(request) for request in load.requests))
        if gap >= LEAST_GAP_NS and not load.folded:
            gap = longest_gap_ns([p.samples.ends for p in agent.pieces], window.start_ns, window.stop_ns)
        if gap >= LEAST_GAP_NS and (not load.folded or len(load.requests) == 1):
            yield agent.agent, gap / NS_PER_MS


@dataclass(frozen=True)
class _Course:
    """What agents with exact samples alone had done at the edges of cells and slices, from the window's start to its
    end. `done`: by agent."""

    at: Int64s
    cells: Int64s
    spans: list["_Span"]
    done: dict[int, CumulativeWork]

    @classmethod
    def of(cls, agents: Sequence[Recorded], loads: Sequence[_Load], window: Window) -> "_Course":
        cells = cell_edges(window.start_ns, window.stop_ns)
        spans = list(_spans(loads, window))
        at = np.unique(np.concatenate([cells, np.asarray([span.stop for span in spans], np.int64)]))
        return cls(at, cells, spans, {agent.agent: progress(agent, at) for agent in agents})

    @property
    def work(self) -> dict[int, Work]:
        found = {}
        for agent, done in self.done.items():
            whole = done.whole + done.shares
            inferences, frames = (whole[:, -1] - whole[:, 0]).tolist()
            found[agent] = Work(inferences, frames)
        return found

    def frames(self, edges: Int64s) -> dict[int, Floats]:
        """From each of these edges to the next, by agent."""
        places = np.searchsorted(self.at, edges)
        return {agent: np.diff(done.frames[places]) for agent, done in self.done.items()}

    def slices(self, loads: Sequence[_Load]) -> Iterator[Slice]:
        if not self.spans:
            return
        edges = np.asarray([self.spans[0].start, *(span.stop for span in self.spans)], np.int64)
        frames = np.stack(list(self.frames(edges).values()), axis=1).tolist()
        for span, of_agents in zip(self.spans, frames, strict=True):
            values = latencies_of(_samples([load.between(span.start, span.end) for load in loads]))
            p99_ms = None
            if len(values):
                rank = nearest_rank(len(values), 99.0)
                values.partition(rank)
                p99_ms = float(values[rank]) / NS_PER_MS
            yield Slice(span.start, span.stop, len(values), sum(of_agents), p99_ms, tuple(of_agents))


def _exact(
    course: _Course, loads: Sequence[_Load], chosen: float
) -> tuple[Latency | None, dict[int, Latency | None], Cells | None]:
    """Of all and of each agent. One array holds every latency; an agent's is a part of it, so nothing is held twice."""
    everything = latencies_of(_samples(loads))
    latencies: dict[int, Latency | None] = {}
    at = 0
    for load in loads:
        begin, at = at, at + _count(load.pieces)
        latencies[load.agent] = latency_of(everything[begin:at], chosen, near=len(loads) == 1)
    latency = next(iter(latencies.values())) if len(loads) == 1 else latency_of(everything, chosen, near=True)
    edges = course.cells
    if edges[0] == edges[-1]:
        return latency, latencies, None
    limits = [] if latency is None else latency.limits_ns
    distinct = sorted(set(limits))
    counts, below = tally(_samples(loads), edges, distinct)
    cells = Cells(edges, course.frames(edges))
    if latency is not None:
        rows = below[[distinct.index(limit) for limit in limits]]
        latency = replace(latency, ci95=intervals_of(everything, rows, counts, chosen))
    return latency, latencies, cells


def _folded_work(
    agents: Sequence[Recorded], loads: Sequence[_Load], window: Window, edges_exact: bool
) -> dict[int, Work]:
    """What is counted, with the shares at the window's edges."""
    at = np.asarray([window.start_ns, window.stop_ns], np.int64)
    found = {}
    for agent, load in zip(agents, loads, strict=True):
        shares = progress(agent, at).shares if edges_exact else np.zeros((2, 2))
        inferences, frames = (shares[:, 1] - shares[:, 0]).tolist()
        found[agent.agent] = Work(load.count + inferences, load.frames + frames)
    return found


def _by_group(loads: Sequence[_Load], chosen: float) -> Iterator[Latency | None]:
    """By group of shapes, where there are several; of exact samples, as a histogram has those of all groups."""
    groups = max(len(load.batches) for load in loads)
    for group in range(groups if groups > 1 else 0):
        samples = [piece.of_group(group, len(load.batches)) for load in loads for piece in load.pieces]
        yield latency_of(latencies_of(samples), chosen)


def _spans(loads: Sequence[_Load], window: Window) -> Iterator["_Span"]:
    """The window in slices of equal length, the last as long as what remains; a short rest joins the one before."""
    length = slice_length_ns(window.stop_ns - window.start_ns, MOST_SLICES)
    length = max([length, *(part.slice_ns for load in loads for part, _ in load.folded)])
    edges = slice_edges_ns(window.start_ns, window.stop_ns, length)
    for index in range(len(edges) - 1):
        yield _Span(edges[index], edges[index + 1], index, index == len(edges) - 2, length)


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


def _folded_timeline(
    loads: Sequence[_Load], window: Window, work: Mapping[int, Work]
) -> tuple[tuple[Slice, ...], Int64s]:
    """The slices, and a histogram of each in COARSE: int64 [slices, COARSE.size]. What an agent did beyond what is
    counted was at the window's edges: the last slice has it."""
    spans = list(_spans(loads, window))
    found = [_folded_slice(span, [load.between(span.start, span.end) for load in loads]) for span in spans]
    slices = [part for part, _ in found]
    if slices:
        last = slices[-1]
        beyond = (work[load.agent].frames - load.frames for load in loads)
        of_agents = tuple(frames + more for frames, more in zip(last.agent_frames, beyond, strict=True))
        slices[-1] = replace(last, frames=sum(of_agents), agent_frames=of_agents)
    histograms = [histogram for _, histogram in found]
    return tuple(slices), np.asarray(histograms, np.int64).reshape(len(found), COARSE.size)


def _folded_slice(span: _Span, parts: Sequence[_Load]) -> tuple[Slice, Int64s]:
    """Agents fold by slices of the same origin, give or take the start skew; p99 has an error of at most 0.8 %."""
    histogram = np.zeros(COARSE.size, np.int64)
    done = []
    for load in parts:
        total = load.exact_frames
        for piece in load.pieces:
            histogram += COARSE.count(piece.samples.latencies)
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
