"""What agents recorded: consecutive inferences by request, and the window that all of their loads share. Pure.

Samples stay in the messages that they came in; each holds consecutive inferences of one request, so its ends ascend and
a time span of it is a slice.

Where a model is given several groups of shapes in turn, inference k of request r has the one of index (r + k) modulo
their number. A slice of consecutive inferences, exact or folded, therefore has a closed form for its frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_S
from ovbench.common.messages import Finished, Folded, Samples
from ovbench.common.samples import SampleArray, instants_of

from ..session.placed import after_start_ns
from ..session.record import AgentRecord
from .offered import Offered

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """Consecutive inferences of one request, of which `first` is the index of the first since the start.

    `samples` are in the order of their ends.
    """

    request: int
    first: int
    samples: SampleArray

    def __len__(self) -> int:
        return len(self.samples)

    def between(self, low: int, high: int) -> "Piece":
        """Its inferences from `low` to before `high`, counted from its own first."""
        return Piece(self.request, self.first + low, self.samples[low:high])

    def frames(self, batches: tuple[int, ...]) -> Int64s:
        """Of each inference, int64 [n]; `batches` by group of shapes."""
        turn = np.asarray(batches, np.int64)
        each: Int64s = turn[(self.request + self.first + np.arange(len(self))) % len(turn)]
        return each

    def of_group(self, group: int, groups: int) -> SampleArray:
        """The samples that were measured with this one of so many groups of shapes."""
        return self.samples[(group - self.request - self.first) % groups :: groups]


@dataclass(frozen=True)
class Recorded:
    """One agent's load as it was delivered. `batches`: frames in an inference, for each group of shapes in turn.

    `streams`: how many inferences it serves at a time, None where all of its requests are. `available`: its requests.
    `period_ns`: with -max_irate, the time from one start of the whole load, all agents together, to the next; else 0.
    `dropped_ns`: when those arrivals were due that it dropped, ascending.
    """

    agent: int
    start_ns: int
    stop_ns: int
    completed: int
    pieces: tuple[Piece, ...]
    folded: tuple[Folded, ...] = ()
    batches: tuple[int, ...] = (1,)
    streams: int | None = None
    period_ns: float = 0.0
    at_rate: bool = False
    available: int = 1
    dropped_ns: Int64s = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def requests(self) -> int:
        """How many have recorded anything."""
        return len({piece.request for piece in self.pieces if len(piece)} | {part.request for part in self.folded})

    @property
    def served_at_a_time(self) -> int:
        """Of its requests, whether or not they recorded anything."""
        return self.available if self.streams is None else min(self.available, self.streams)


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


def frames(batches: tuple[int, ...], request: int, first: int, count: int) -> int:
    """In `count` inferences of a request from that of index `first` on; `batches` by group of shapes."""
    rounds, rest = divmod(count, len(batches))
    begin = (request + first) % len(batches)
    turn = batches[begin:] + batches[:begin]
    return rounds * sum(batches) + sum(turn[:rest])


def pieces_of(samples: Sequence[Samples]) -> tuple[Piece, ...]:
    """The samples of messages, without copying them."""
    return tuple(Piece(message.request, message.first, message.array) for message in samples)


def window_of(agents: Sequence[Recorded]) -> Window:
    """Of at least one agent. It is empty (stop = start) where the loads of some did not overlap."""
    starts = [agent.start_ns for agent in agents]
    stops = [agent.stop_ns for agent in agents]
    start = max(starts)
    return Window(start, max(start, min(stops)), start - min(starts), max(stops) - min(stops))


def inside(pieces: Sequence[Piece], start_ns: int, stop_ns: int, by_due: bool = False) -> Iterator[Piece]:
    """What of `pieces` ended in [start, stop]: an inference counts where it ends. `by_due`: what was due in [start,
    stop)."""
    for piece in pieces:
        low, high = _bounds(piece, start_ns, stop_ns, by_due)
        if low < high:
            yield piece.between(low, high)


def outside(pieces: Sequence[Piece], start_ns: int, stop_ns: int, by_due: bool = False) -> Iterator[Piece]:
    """What of `pieces` is not `inside`."""
    for piece in pieces:
        low, high = _bounds(piece, start_ns, stop_ns, by_due)
        yield from (part for part in (piece.between(0, low), piece.between(high, len(piece))) if len(part))


def _bounds(piece: Piece, start_ns: int, stop_ns: int, by_due: bool) -> tuple[int, int]:
    """A request takes arrivals in their order, so its dues ascend as its ends do."""
    instants = piece.samples.dues if by_due else piece.samples.ends
    low = int(np.searchsorted(instants, start_ns, side="left"))
    return low, max(low, int(np.searchsorted(instants, stop_ns, side="left" if by_due else "right")))


def recorded(agents: Sequence[AgentRecord]) -> list[Recorded]:
    """The loads that count (see `AgentRecord.counts`)."""
    return [
        Recorded(
            agent=agent.id,
            start_ns=agent.finished.start_ns,
            stop_ns=agent.finished.stop_ns,
            completed=agent.finished.completed,
            pieces=pieces_of(agent.samples),
            folded=agent.folded,
            batches=agent.batches,
            streams=agent.ready.effective.streams if agent.ready is not None else None,
            period_ns=_period_ns(agents, agent.batches),
            at_rate=agent.job.load.at_rate,
            available=agent.ready.effective.requests if agent.ready is not None else 1,
            dropped_ns=_dropped_ns(agent, agent.finished),
        )
        for agent in agents
        if agent.finished is not None and agent.counts
    ]


def _dropped_ns(agent: AgentRecord, finished: Finished) -> Int64s:
    since = np.concatenate([np.empty(0, np.int64), *(instants_of(part.data) for part in agent.dropped)])
    return after_start_ns(finished, since)


def _period_ns(agents: Sequence[AgentRecord], batches: Sequence[int]) -> float:
    """Between starts of the whole load, as far as it is planned, at a limited rate; 0 without a limit."""
    paces = [agent.job.load.pace for agent in agents]
    frames_per_ns = sum(1 / pace.frame_period_ns for pace in paces if pace is not None)
    return sum(batches) / len(batches) / frames_per_ns if frames_per_ns and None not in paces else 0.0


def sample_arrays(
    agents: Sequence[Recorded], window: Window, offered: Offered | None = None
) -> dict[str, Int64s] | None:
    """All that the figures are made of, by name, int64: `window_ns`, its two edges; `agent_<id>_start_ns` and
    `..._end_ns` of the inferences that are counted; `agent_<id>_outside_start_ns` and `..._end_ns` of all others that
    were recorded, among them those under way at an edge; where inferences differ in their frames, these as
    `agent_<id>_frames` and `agent_<id>_outside_frames`.

    At a rate those are counted that were due in the window; when they were is in `..._due_ns`, and when those were due
    in the load that never completed in `dropped_due_ns` and `unfinished_due_ns`.

    None where some are known only as a histogram.
    """
    if any(agent.folded for agent in agents):
        return None
    edges = window.start_ns, window.stop_ns
    arrays = {"window_ns": np.asarray(edges, np.int64)}
    for agent in agents:
        counted = list(inside(agent.pieces, *edges, agent.at_rate))
        others = list(outside(agent.pieces, *edges, agent.at_rate))
        for name, pieces in ((f"agent_{agent.agent}", counted), (f"agent_{agent.agent}_outside", others)):
            samples = SampleArray.joined([piece.samples for piece in pieces], timed=agent.at_rate)
            # From the ends: of another host's samples these differences, and no others, are what it measured.
            ends = arrays[f"{name}_end_ns"] = samples.ends
            arrays[f"{name}_start_ns"] = ends - samples.services
            if agent.at_rate:
                arrays[f"{name}_due_ns"] = ends - samples.latencies
            if len(set(agent.batches)) > 1:
                each = [piece.frames(agent.batches) for piece in pieces]
                arrays[f"{name}_frames"] = np.concatenate([np.empty(0, np.int64), *each])
    if offered is not None:
        arrays |= {"dropped_due_ns": offered.dropped_ns, "unfinished_due_ns": offered.unfinished_ns}
    return arrays
