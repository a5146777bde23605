"""One agent as the coordinator knows it: what it was asked for, where it stands, what came from it."""

from collections import Counter
from dataclasses import dataclass, field

from ovbench.common.clock import NS_PER_S
from ovbench.common.job import Job
from ovbench.common.lifecycle import State
from ovbench.common.messages import Failed, Finished, Folded, Graph, Layers, Progress, Ready, Samples


@dataclass
class Member:
    """One agent as the coordinator knows it."""

    id: int
    job: Job
    state: State = State.EXPECTED
    peer: bytes | None = None
    pid: int | None = None
    host: str = ""
    heard_ns: int = 0
    why: str = ""
    failure: Failed | None = None
    ready: Ready | None = None
    finished: Finished | None = None
    samples: list[Samples] = field(default_factory=list)
    folded: list[Folded] = field(default_factory=list)
    layers: list[Layers] = field(default_factory=list)
    graph: list[Graph] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)
    """How much of its results is kept, by the names of their messages: samples, layers, bytes of the graph."""
    progress: Progress | None = None
    progress_ns: int = 0
    moved_ns: int = 0
    """When the count of completed inferences last rose."""

    @property
    def name(self) -> str:
        pid = f" (pid {self.pid})" if self.pid is not None else ""
        return f"agent {self.id}{pid}"

    @property
    def received(self) -> int:
        """Messages with what it measured."""
        return len(self.samples) + len(self.folded) + len(self.layers) + len(self.graph)

    @property
    def batches(self) -> tuple[int, ...]:
        """Frames in an inference, for each of its groups of shapes in turn; 1 until it is ready."""
        if self.ready is None:
            return (1,)
        effective = self.ready.effective
        return tuple(group.batch for group in effective.groups) or (effective.batch,)

    @property
    def period_s(self) -> float:
        """How far apart its inferences may be because its rate is limited."""
        pace = self.job.load.pace
        return 0.0 if pace is None else pace.frame_period_ns * max(self.batches) / NS_PER_S

    @property
    def stall_s(self) -> float:
        """How long one round of its requests may take at the most, by its first inference."""
        if self.ready is None:
            return 0.0
        effective = self.ready.effective
        rounds = -(-effective.requests // max(1, effective.streams))
        return self.ready.phases.first_inference_ms / 1e3 * rounds
