"""What happens in a run, as events: immutable, each complete in itself, and ready to be written as JSON.

A sink gets events and nothing else. `at_ns` is CLOCK_MONOTONIC of the coordinator's host.
"""

from typing import Protocol

from msgspec import Struct

from ovbench.common.job import Runtime
from ovbench.common.lifecycle import State
from ovbench.common.messages import Ready

from ..result.report import Status


class Event(Struct, frozen=True, tag_field="event"):
    """Anything that a sink may be handed. One that a sink does not know is not for it."""

    at_ns: int


class RunPlanned(Event, frozen=True, tag="run"):
    """A run is about to begin, with so many agents on hosts of these names, none where there is one. `duration_s` is
    None where only a number of inferences is known. `started_at` is in UTC, as in its report."""

    ovbench: str
    command: tuple[str, ...]
    started_at: str
    model: str
    agents: int
    hosts: tuple[str, ...]
    warmup_s: float
    duration_s: float | None


class HostsAwaited(Event, frozen=True, tag="hosts_awaited"):
    """Other hosts are awaited, before anything is planned for them. `missing`: their names; none where all are there.
    `hosts`: how many there are to be."""

    hosts: int
    missing: tuple[str, ...]


class FilesUnderWay(Event, frozen=True, tag="files_under_way"):
    """Models and inputs go to hosts. `missing`: the names of those that lack some; `taken_bytes`: what all of them have
    written so far."""

    hosts: int
    missing: tuple[str, ...]
    taken_bytes: int


class Joining(Event, frozen=True, tag="joining"):
    """Agents are awaited. `missing`: their ids; `agents`: how many there are to be. `hosts`: of several, the names of
    those that they are on."""

    agents: int
    missing: tuple[int, ...]
    hosts: tuple[str, ...] = ()


class Preparing(Event, frozen=True, tag="preparing"):
    """All agents have joined, and `ready` of them have prepared. `slowest`: the one that is furthest behind, None where
    none is preparing; `step`: which of the eleven it is at, 0 until it has reported one. `host`: of several, the one
    that it is on."""

    agents: int
    ready: int
    slowest: int | None
    step: int
    host: str = ""


class WarmingUp(Event, frozen=True, tag="warming_up"):
    agents: int


class Delivering(Event, frozen=True, tag="delivering"):
    """No load runs any more, and `delivered` of the agents have sent all their results."""

    agents: int
    delivered: int


Awaited = FilesUnderWay | Joining | Preparing | WarmingUp | Delivering
"""What a run waits for while no load runs. Repeated several times a second."""


class ReadyAgent(Struct, frozen=True):
    """An agent that has prepared. `runtime`: what was asked of OpenVINO; `reported`: what came of it. `host`: which of
    several it is on."""

    id: int
    pid: int | None
    cpus: tuple[int, ...]
    runtime: Runtime
    reported: Ready
    host: str = ""


class AgentsReady(Event, frozen=True, tag="agents_ready"):
    """Every agent that is left has prepared; once in a run, and before anything is inferred for it."""

    agents: tuple[ReadyAgent, ...]


class AgentLoad(Struct, frozen=True):
    """`fps` is None until two heartbeats are known. `host`: which of several it is on."""

    id: int
    cpus: tuple[int, ...]
    fps: float | None
    completed: int
    host: str = ""


class Snapshot(Event, frozen=True, tag="snapshot"):
    """How the load goes, estimated from heartbeats, about once a second: to be looked at, not to be reported.

    `left_s` and `share` (of the time that is over) are None where only a number of inferences is known; `completed`
    counts inferences; `backlog`, arrivals that wait to be started, is None without a schedule. `half_width_percent` is
    of the figure of --until, at the latest look. `others_percent`: of the measured CPUs, what was busy with something
    other than agents. The others are None until they can be known.
    """

    elapsed_s: float
    left_s: float | None
    share: float | None
    fps: float | None
    completed: int
    p99_ms: float | None
    busy_percent: float | None
    agents: tuple[AgentLoad, ...]
    backlog: int | None = None
    half_width_percent: float | None = None
    others_percent: float | None = None


class AgentCounts(Struct, frozen=True):
    """All that an agent has completed of its load so far. `latency_counts`: how many latencies are at most each of
    `Counts.bounds_s`, so ascending. At a rate all this is of what was due in the window; `dropped` are arrivals.

    `cpu_s`: CPU time of its process since the load began.
    """

    id: int
    inferences: int
    frames: float
    latency_sum_s: float
    latency_counts: tuple[int, ...]
    dropped: int
    cpu_s: float
    host: str = ""


class Counts(Event, frozen=True, tag="counts"):
    """What was completed so far, of every inference, with each heartbeat and when the load has ended, where it was
    asked for. Nothing of it is sampled, and none of it becomes less during a run.

    `bounds_s`: of latencies, each known to 0.05 %. `p50_ms` and `p99_ms` are of all agents together.
    """

    bounds_s: tuple[float, ...]
    agents: tuple[AgentCounts, ...]
    p50_ms: float | None
    p99_ms: float | None


class AgentLost(Event, frozen=True, tag="agent_lost"):
    """`name`: the agent as it is shown, with its process where that is known, and its host, of several."""

    agent: int
    name: str
    why: str


class Stopping(Event, frozen=True, tag="stopping"):
    """The user has asked for an end; what was measured so far is still delivered."""


class AgentEnd(Struct, frozen=True):
    """`why` is empty for one that has delivered."""

    id: int
    state: State
    why: str


class RunEnded(Event, frozen=True, tag="ended"):
    """The run is over; nothing more comes of it. `interrupted`: the user asked for that."""

    interrupted: bool
    agents: tuple[AgentEnd, ...]


class Standing(Event, frozen=True, tag="standing"):
    """What is already known of the verdict, whenever that changes; the report may know more. `because`: the codes of
    findings, as in a report."""

    status: Status
    because: tuple[str, ...]


class Concluded(Event, frozen=True, tag="concluded"):
    """The report has been made: its verdict and its main figures. `report`: its file, None where it is not kept."""

    status: Status
    because: tuple[str, ...]
    fps: float | None
    median_ms: float | None
    p99_ms: float | None
    report: str | None


class SinkFailed(Event, frozen=True, tag="sink_failed"):
    """A sink raised an error and gets no more events."""

    sink: str
    why: str

    @property
    def text(self) -> str:
        return f"{self.sink} gets no more events, as it failed: {self.why}"


class Sink(Protocol):
    def handle(self, event: Event) -> None:
        """Called by the loop that keeps agents alive, so it must not wait for a disk, a terminal or a network."""


class Fanout:
    """Several sinks as one. A sink that raises is left out from then on, and the others are handed a `SinkFailed`: the
    run does not depend on who watches it."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = list(sinks)
        self.unheard: list[SinkFailed] = []
        """Failures after which no sink was left."""

    def join(self, sink: Sink) -> None:
        """Before all others."""
        self._sinks.insert(0, sink)

    def leave(self, sink: Sink) -> None:
        """It gets no more events."""
        if sink in self._sinks:
            self._sinks.remove(sink)

    def handle(self, event: Event) -> None:
        failed = []
        for sink in tuple(self._sinks):
            try:
                sink.handle(event)
            except Exception as error:
                self._sinks.remove(sink)
                name = getattr(sink, "name", type(sink).__name__)
                why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
                failed.append(SinkFailed(event.at_ns, name, why))
        if not self._sinks:
            self.unheard += failed
        for failure in failed:
            self.handle(failure)
