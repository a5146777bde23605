"""From every agent's samples to the figures of the run: the window, throughput, latencies, timeline. Pure.

An inference is counted where it ends, and rates are of the work that was done: what is under way at an edge of the
window counts there by its share (`progress`). Percentiles are nearest rank over the merged samples, never averaged over
agents.

At a rate latencies, waits and services are of the inferences that were due in the window, whenever they ended, and what
never completed counts as the longest (`latency`). Rates stay those of what was done in the window.

The confidence intervals of the whole come from its batches in time (`cells`, `uncertainty`): exact samples are cut into
equal cells, what was folded has only its slices; those of a rate of few inferences come from their times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS
from ovbench.common.messages import Folded
from ovbench.common.samples import SampleArray

from ..result.latency import Interval
from ..session.record import RunRecord
from .backlog import Backlog
from .cells import Cells, cell_edges, longest_gap_ns, longest_stall_ns
from .counted import Counted
from .flow import Flow
from .latency import Latency, folded_intervals, latency_of
from .offered import Offered
from .population import Missing, Population
from .progress import CumulativeWork, Work, progress
from .punctuality import Lateness
from .queues import Queue, queues_of
from .rates import Rates
from .recording import Recorded, Window, recorded, window_of
from .timeline import Slice, Span, counts_of, folded_timeline, p99s_ms, spans_of
from .times import LATENCY, SERVICE, WAIT, Time

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LEAST_GAP_NS: Final = 100 * NS_PER_MS
"""A shorter time without the end of an inference is none to look for."""


@dataclass(frozen=True)
class Turnout:
    """What became of the arrivals that were due in the window."""

    delivered: int
    dropped: int
    unfinished: int

    @property
    def offered(self) -> int:
        return self.delivered + self.dropped + self.unfinished


@dataclass(frozen=True)
class Merged:
    """`count`, `frames`: the inferences that ended in the window and the sum of their batches; `agent_work`: what was
    done in it. `groups`: by group of shapes, if that was asked for.

    `population`: whose latencies it is of. At a rate alone: `service` (also by agent and by group), `wait`, `turnout`
    and the `queues` of all arrivals of the load; also, where no sample was folded, `lateness`.
    """

    window: Window
    population: Population
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
    """The longest time in which no inference of an agent ended, at a rate although one was due; of those where it is
    LEAST_GAP_NS or more."""
    service: Latency | None = None
    agent_services: dict[int, Latency | None] = field(default_factory=dict)
    group_services: tuple[Latency | None, ...] = ()
    wait: Latency | None = None
    turnout: Turnout | None = None
    queues: tuple[Queue, ...] = ()
    lateness: Lateness | None = None

    @cached_property
    def offered(self) -> Offered | None:
        """All arrivals of the load; None in a closed loop, and where some are known as a histogram only."""
        if not self.queues or any(queue.folded for queue in self.queues):
            return None
        return Offered.joined([queue.offered for queue in self.queues])

    @cached_property
    def backlog(self) -> Backlog | None:
        """Of all of the load; None where `offered` is."""
        return None if self.offered is None else Backlog.of(self.offered)

    @cached_property
    def flow(self) -> Flow | None:
        """By slice of the timeline; None without one, and where `offered` is."""
        if self.offered is None or self.backlog is None or not self.timeline:
            return None
        slices = [self.window.start_ns, *(part.stop_ns for part in self.timeline)]
        return Flow.of(self.offered, self.backlog, np.asarray(slices, np.int64))

    @property
    def work(self) -> Work:
        """Of all agents."""
        every = self.agent_work.values()
        return Work(sum(work.inferences for work in every), sum(work.frames for work in every))

    @property
    def fps(self) -> float:
        """0 in an empty window."""
        return self.work.frames / self.window.duration_s if self.window.duration_s > 0 else 0.0


def merge_run(record: RunRecord) -> Merged | None:
    """The figures that the run was asked for, over the agents that count. None where no agent delivered."""
    loads, output = recorded(record.agents), record.request.output
    if not loads:
        return None
    return merge(loads, output.latency_percentile, output.pcseq, queues_of(record, loads))


def merge(
    agents: Sequence[Recorded], chosen: float = 50.0, by_group: bool = False, queues: tuple[Queue, ...] = ()
) -> Merged:
    """`chosen`: a percentile beside the usual ones. `by_group`: latencies of each of several groups of shapes, too.
    `queues`: of a load at a rate."""
    window = window_of(agents)
    loads = [Counted.of(agent, window) for agent in agents]
    at_rate = any(agent.at_rate for agent in agents)
    population = Population(
        [Counted.of(agent, window, by_due=True) for agent in agents] if at_rate else loads,
        Missing.of(agents, window, queues),
        cell_edges(window.start_ns, window.stop_ns),
        at_rate,
    )
    edges_exact = all(_folded_inside(part, window) for part in population.folded)
    if population.folded:
        latency, latencies, histogram = population.folded_latencies(chosen)
        work = _folded_work(agents, loads, window, edges_exact)
        timeline, coarse = folded_timeline(loads, window, work)
        cells = _cells_of_slices(timeline, [load.agent for load in loads])
        if latency is not None:
            latency = replace(latency, ci95=folded_intervals(latency, histogram, coarse, chosen))
    else:
        course = _Course.of(agents, loads, window)
        latency, latencies = population.latencies(chosen)
        work, cells = course.work, course.in_cells()
        timeline = tuple(course.slices(loads, population))
    counts = {load.agent: len(load) for load in loads}
    agent_frames = {load.agent: load.frames for load in loads}
    rates = Rates(agents, window, cells, work) if cells is not None else None
    merged = Merged(
        window=window,
        population=population,
        count=sum(counts.values()),
        frames=sum(agent_frames.values()),
        latency=latency,
        agent_counts=counts,
        agent_frames=agent_frames,
        agent_work=work,
        agent_latencies=latencies,
        timeline=timeline,
        groups=tuple(_by_group(LATENCY, population.loads, chosen)) if by_group else (),
        edges_exact=edges_exact,
        cells=cells,
        fps_ci95=rates.of(agents) if rates is not None else None,
        agent_fps_ci95={agent.agent: rates.of([agent]) for agent in agents} if rates is not None else {},
        agent_gaps_ms=dict(_stalls(agents, window) if at_rate else _gaps(agents, loads, window, latencies)),
    )
    return _at_rate(merged, queues, chosen, by_group) if queues else merged


def _at_rate(merged: Merged, queues: tuple[Queue, ...], chosen: float, by_group: bool) -> Merged:
    """With what a load at a rate has besides."""
    population, edges = merged.population, (merged.window.start_ns, merged.window.stop_ns)
    offered = [queue.offered.between(*edges) for queue in queues]
    return replace(
        merged,
        service=population.times(SERVICE, chosen),
        agent_services=population.services(chosen),
        group_services=tuple(_by_group(SERVICE, population.loads, chosen)) if by_group else (),
        wait=population.times(WAIT, chosen),
        turnout=Turnout(
            sum(len(load) for load in population.loads),
            sum(len(part.dropped_ns) for part in offered),
            sum(len(part.unfinished_ns) for part in offered),
        ),
        queues=queues,
        lateness=Lateness.of(queues, *edges),
    )


def _folded_inside(part: Folded, window: Window) -> bool:
    """Whether all that a request folded ended in the window, so that counting all of it is right."""
    return window.start_ns <= part.first_end_ns and part.last_end_ns <= window.stop_ns


def _gaps(
    agents: Sequence[Recorded], loads: Sequence[Counted], window: Window, latencies: dict[int, Latency | None]
) -> Iterator[tuple[int, float]]:
    """Looked for where every request of an agent has an inference so long, as requests do not wait between theirs, or
    where the last has not ended in the window.

    Of several requests that folded some, the ends are not known; one that is alone has its gap in its longest latency.
    """
    for agent, load in zip(agents, loads, strict=True):
        latency = latencies[agent.agent]
        longest_ms = 0.0 if latency is None else latency.least("max")
        last = max((int(piece.samples.ends[-1]) for piece in load.pieces), default=window.start_ns)
        gap = window.stop_ns - last
        if longest_ms * NS_PER_MS >= LEAST_GAP_NS:
            gap = max(gap, min(load.longest_ns(request) for request in load.requests))
        if gap >= LEAST_GAP_NS and not load.folded:
            gap = longest_gap_ns([p.samples.ends for p in agent.pieces], window.start_ns, window.stop_ns)
        if gap >= LEAST_GAP_NS and (not load.folded or len(load.requests) == 1):
            yield agent.agent, gap / NS_PER_MS


def _stalls(agents: Sequence[Recorded], window: Window) -> Iterator[tuple[int, float]]:
    """At a rate an agent that nothing is due for ends nothing. Looked for where anything took so long.

    Where some samples are folded, the stall of a request that is alone is in its longest service.
    """
    for agent in agents:
        stall = 0
        services = [part.service.most_ns for part in agent.folded if part.service is not None]
        if services:
            stall = max(services) if agent.requests == 1 else 0
        elif any(int(piece.samples.latencies.max()) >= LEAST_GAP_NS for piece in agent.pieces):
            samples = SampleArray.joined([piece.samples for piece in agent.pieces])
            stall = longest_stall_ns(samples, window.start_ns, window.stop_ns)
        if stall >= LEAST_GAP_NS:
            yield agent.agent, stall / NS_PER_MS


@dataclass(frozen=True)
class _Course:
    """What agents with exact samples alone had done at the edges of cells and slices, from the window's start to its
    end. `done`: by agent."""

    at: Int64s
    cells: Int64s
    spans: list[Span]
    done: dict[int, CumulativeWork]

    @classmethod
    def of(cls, agents: Sequence[Recorded], loads: Sequence[Counted], window: Window) -> "_Course":
        cells = cell_edges(window.start_ns, window.stop_ns)
        spans = list(spans_of(loads, window))
        at = np.asarray(sorted({*cells.tolist(), *(span.stop for span in spans)}), np.int64)
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

    def in_cells(self) -> Cells | None:
        """None in an empty window."""
        return None if self.cells[0] == self.cells[-1] else Cells(self.cells, self.frames(self.cells))

    def slices(self, loads: Sequence[Counted], population: Population) -> Iterator[Slice]:
        """`loads`: what ended in the window; the times are of `population`."""
        if not self.spans:
            return
        edges = np.asarray([self.spans[0].start, *(span.stop for span in self.spans)], np.int64)
        frames = np.stack(list(self.frames(edges).values()), axis=1).tolist()
        counts, p99s = counts_of(self.spans, loads).tolist(), p99s_ms(self.spans, population)
        for span, count, of_agents, p99 in zip(self.spans, counts, frames, p99s, strict=True):
            yield Slice(span.start, span.stop, count, sum(of_agents), p99, tuple(of_agents))


def _folded_work(
    agents: Sequence[Recorded], loads: Sequence[Counted], window: Window, edges_exact: bool
) -> dict[int, Work]:
    """What is counted, with the shares at the window's edges."""
    at = np.asarray([window.start_ns, window.stop_ns], np.int64)
    found = {}
    for agent, load in zip(agents, loads, strict=True):
        shares = progress(agent, at).shares if edges_exact else np.zeros((2, 2))
        inferences, frames = (shares[:, 1] - shares[:, 0]).tolist()
        found[agent.agent] = Work(len(load) + inferences, load.frames + frames)
    return found


def _by_group(time: Time, loads: Sequence[Counted], chosen: float) -> Iterator[Latency | None]:
    """By group of shapes, where there are several; of exact samples, as a histogram has those of all groups."""
    groups = max(len(load.batches) for load in loads)
    for group in range(groups if groups > 1 else 0):
        samples = [piece.of_group(group, len(load.batches)) for load in loads for piece in load.pieces]
        yield latency_of(time.joined(samples), chosen)


def _cells_of_slices(slices: Sequence[Slice], agents: Sequence[int]) -> Cells | None:
    """Of a load that was folded in part, of which nothing finer is known."""
    if not slices:
        return None
    edges = np.asarray([slices[0].start_ns, *(part.stop_ns for part in slices)], np.int64)
    frames = np.asarray([part.agent_frames for part in slices], np.float64).T
    return Cells(edges, dict(zip(agents, frames, strict=True)))
