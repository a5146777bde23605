"""One agent as the coordinator knows it: what it was asked for, where it stands, what came from it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from ovbench.common.clock import NS_PER_S, to_ns
from ovbench.common.job import Job
from ovbench.common.lifecycle import State
from ovbench.common.messages import (
    Counted,
    Dropped,
    Failed,
    Finished,
    Folded,
    Graph,
    Layers,
    Notice,
    Progress,
    Ready,
    Samples,
    Tally,
    tag,
)

from .crew import Contact
from .record import AgentRecord, agent_name, batches_of

Result = Samples | Folded | Dropped | Layers | Graph
"""What an agent measured, as it delivers it."""

_LAYER_BYTES: Final = 100
_MESSAGE_BYTES: Final = 256
"""What a message takes in memory beside what is in it."""


@dataclass
class Member:
    """One agent as the coordinator knows it."""

    id: int
    job: Job
    state: State = State.EXPECTED
    peer: bytes | None = None
    pid: int | None = None
    host: str = ""
    nonce: str = ""
    heard_ns: int = 0
    why: str = ""
    failure: Failed | None = None
    ready: Ready | None = None
    finished: Finished | None = None
    samples: list[Samples] = field(default_factory=list)
    folded: list[Folded] = field(default_factory=list)
    layers: list[Layers] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    graph: list[Graph] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)
    """How much of its results is kept, by the tags of their messages: see `weight`."""
    progress: Progress | None = None
    progress_ns: int = 0
    counted: Counted | None = None
    since_ns: int = 0
    """When it came into its state; for one with an instant to begin at, that instant."""
    moved_ns: int = 0
    """When it last made progress in its state."""
    received_bytes: int = 0
    """Of what it measured, about."""
    tallied: int = 0
    """Cells of time that it has sent what it did in."""
    end_ns: int | None = None
    """When its load is to end, if that was ordered."""
    idle_notices: int = 0
    """Since the last tick: messages that brought neither results nor another state."""

    @property
    def name(self) -> str:
        return agent_name(self.id, self.pid)

    @property
    def received(self) -> int:
        """Messages with what it measured."""
        results = len(self.samples) + len(self.folded) + len(self.dropped)
        return results + len(self.layers) + len(self.graph)

    @property
    def batches(self) -> tuple[int, ...]:
        """Frames in an inference, for each of its groups of shapes in turn; 1 until it is ready."""
        return batches_of(self.ready)

    @property
    def period_s(self) -> float:
        """How far apart its inferences may be because its rate is limited."""
        pace = self.job.load.pace
        return 0.0 if pace is None else pace.frame_period_ns * max(self.batches) / NS_PER_S

    @property
    def round_s(self) -> float | None:
        """How long one round of its requests takes, by its first inference; None where there was none."""
        if self.ready is None:
            return None
        effective = self.ready.effective
        rounds = -(-effective.requests // max(1, effective.streams))
        if self.job.null is not None:
            return self.job.null.service_ns / NS_PER_S * rounds + self.job.null.stall_s
        first_s = self.ready.phases.first_inference_ms / 1e3
        return first_s * rounds if first_s else None

    @property
    def step(self) -> int:
        """Which of the eleven it is preparing at."""
        return max(1, self.progress.step) if self.progress is not None else 1

    def record(self) -> AgentRecord:
        """What is left of it. Its messages are shared, not copied."""
        return AgentRecord(
            id=self.id,
            job=self.job,
            pid=self.pid,
            host=self.host,
            why=self.why,
            failure=self.failure,
            ready=self.ready,
            finished=self.finished,
            samples=tuple(self.samples),
            folded=tuple(self.folded),
            dropped=tuple(self.dropped),
            layers=tuple(self.layers),
            graph=tuple(self.graph),
        )

    @property
    def contact(self) -> Contact | None:
        """None where it cannot be reached, or no longer."""
        if self.peer is None or self.state is State.LOST:
            return None
        return Contact(self.peer, self.pid, self.host, self.nonce)

    def enter(self, state: State, since_ns: int) -> None:
        self.state = state
        self.since_ns = self.moved_ns = since_ns

    def beat(self, progress: Progress, now_ns: int) -> None:
        """A heartbeat; whether it shows progress depends on the state."""
        before, self.progress, self.progress_ns = self.progress, progress, now_ns
        if self.state is State.PREPARING:
            if before is None or (progress.step, progress.busy_ms // 1000) != (before.step, before.busy_ms // 1000):
                self.moved_ns = now_ns
        elif self.state is State.RUNNING and (
            progress.idle or before is None or progress.completed != before.completed
        ):
            end_ns = self._end_ns(progress.completed)
            self.moved_ns = max(self.moved_ns, now_ns if end_ns is None else min(now_ns, end_ns))

    def _end_ns(self, completed: int) -> int | None:
        """When the load is over, None where that is not known yet: inferences beyond it are no progress."""
        load = self.job.load
        if self.end_ns is not None:
            return self.end_ns
        if load.iterations is not None and completed <= load.iterations + self._requests:
            return None
        return self.since_ns + to_ns(load.lead_in_s + (load.duration_s or 0.0))

    @property
    def _requests(self) -> int:
        return self.ready.effective.requests if self.ready is not None else 0

    def keep(self, notice: Notice) -> None:
        """Keep what it reports and what it measured; other messages carry nothing to keep."""
        match notice:
            case Ready():
                self.ready = notice
            case Finished():
                self.finished = notice
            case Failed(message=message):
                self.failure, self.why = notice, message
            case Tally():
                self.tallied += 1
            case Counted():
                self.counted = notice
            case Samples() | Folded() | Dropped() | Layers() | Graph():
                self._take(notice)

    def _take(self, part: Result) -> None:
        self.held[tag(part)] += weight(part)
        match part:
            case Samples(data=data):
                self.samples.append(part)
                self.received_bytes += len(data)
            case Folded():
                self.folded.append(part)
                self.received_bytes += sum(map(len, (part.fine_buckets, part.fine_counts, part.slice_counts)))
            case Dropped(data=data):
                self.dropped.append(part)
                self.received_bytes += len(data)
            case Layers(layers=layers):
                self.layers.append(part)
                self.received_bytes += _LAYER_BYTES * len(layers)
            case Graph(data=data):
                self.graph.append(part)
                self.received_bytes += len(data)

    def forget(self) -> None:
        """What it measured is not whole, and so is nothing."""
        for received in (self.samples, self.folded, self.dropped, self.layers, self.graph, self.held):
            received.clear()


def weight(part: Result) -> int:
    """How much of a result an agent may deliver only so much of: samples, dropped arrivals, layers, bytes of a graph.
    Of histograms it is 0, as there is one for each request."""
    match part:
        case Samples() | Dropped():
            return len(part)
        case Folded():
            return 0
        case Layers(layers=layers):
            return len(layers) + 1  # a message without any takes memory, too
        case Graph(data=data):
            return len(data) + _MESSAGE_BYTES
