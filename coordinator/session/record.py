"""What is left of a session when it has ended: a frozen record per agent, and one of the run. Pure.

Analysis, checks and reports see these and never the fleet. Samples stay in the messages that they came in, so that a
record of gigabytes costs no copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ovbench.common.job import Job
from ovbench.common.messages import Dropped, Failed, Finished, Folded, Graph, Layers, Ready, Samples
from ovbench.common.neighbours import Points, Process
from ovbench.common.sensors import Governor, SensorReading
from ovbench.common.topology import Topology
from ovbench.common.utilization import CpuTotals

from ..plan.plan import Plan
from ..request.request import Request
from ..result.environment import Environment
from .watch import LookTaken

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AgentRecord:
    """One agent: what it was asked for, and all that came from it. `why`: what it was lost for, or failed of; empty
    for one that did neither. What an agent that was lost had delivered in part is not here."""

    id: int
    job: Job
    pid: int | None = None
    host: str = ""
    why: str = ""
    failure: Failed | None = None
    ready: Ready | None = None
    finished: Finished | None = None
    samples: tuple[Samples, ...] = ()
    folded: tuple[Folded, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    layers: tuple[Layers, ...] = ()
    graph: tuple[Graph, ...] = ()

    @property
    def name(self) -> str:
        return agent_name(self.id, self.pid)

    @property
    def batches(self) -> tuple[int, ...]:
        """Frames in an inference, for each of its groups of shapes in turn; 1 where it was never ready."""
        return batches_of(self.ready)

    @property
    def counts(self) -> bool:
        """It delivered, and none of its inferences failed."""
        return self.finished is not None and not self.why and self.finished.error is None


@dataclass(frozen=True)
class ClockRecord:
    """How a host's clock stood to the coordinator's while the load ran, in ns: the host's minus the coordinator's.

    `error_ns`: a bound of the offset's error at the window's edges, the larger one. `round_trips`: so many were made,
    the shortest of which took `least_round_trip_ns`, and so many of which contradict the others.
    """

    offset_ns: int
    error_ns: int
    drift_ppm: float
    round_trips: int
    least_round_trip_ns: int
    contradictions: int = 0


@dataclass(frozen=True)
class HostRecord:
    """What is known of one host. All instants are by the coordinator's clock.

    `readings` ascend in time; `neighbours`: CPU seconds of other processes over time, by process and CPU. `name`: as
    the user calls it, empty for the coordinator's own host where that is the only one. `clock` is None for the
    coordinator's own host. `why`: what it was lost for.
    """

    topology: Topology
    readings: tuple[CpuTotals, ...]
    environment: Environment
    neighbours: Mapping[tuple[Process, int], Points] = field(default_factory=dict)
    sensors: tuple[SensorReading, ...] = ()
    governors: tuple[Governor, ...] = ()
    name: str = ""
    clock: ClockRecord | None = None
    why: str = ""
    surveyed: bool = True


@dataclass(frozen=True)
class RunRecord:
    """Everything that is known about a run when its session has ended. `agents` are in the order of the plan's jobs,
    `hosts` in that of the plan's parts."""

    request: Request
    plan: Plan
    agents: tuple[AgentRecord, ...]
    hosts: tuple[HostRecord, ...]
    started_at: str
    command: tuple[str, ...]
    version: str
    interrupted: bool
    dropped_messages: int
    refused_connections: int = 0
    schedule_ns: Int64s | None = None
    """When the arrivals were due, ns since the window's start, ascending; None without a schedule."""
    looks: tuple[LookTaken, ...] = ()
    """At the figure of --until, while the load ran."""

    @property
    def host(self) -> HostRecord:
        """The only one; of a run over several ask for a part by `on`."""
        (host,) = self.hosts
        return host

    @property
    def homes(self) -> dict[int, int]:
        """The index of the host that each agent is on, by its id."""
        if len(self.hosts) == 1:
            return dict.fromkeys((agent.id for agent in self.agents), 0)
        parts = (self.plan.agents_on(host) for host in range(len(self.hosts)))
        return {agent.id: host for host, part in enumerate(parts) for agent in self.agents[part.start : part.stop]}

    def on(self, host: int) -> "RunRecord":
        """The part of it on one host, as if there had been no other. Agents keep their ids."""
        agents = self.plan.agents_on(host)
        plan = self.plan.on(host)
        return replace(self, plan=plan, agents=self.agents[agents.start : agents.stop], hosts=(self.hosts[host],))


def agent_name(id: int, pid: int | None) -> str:
    """As messages name an agent; without a pid where it never came."""
    return f"agent {id}" + (f" (pid {pid})" if pid is not None else "")


def batches_of(ready: Ready | None) -> tuple[int, ...]:
    """Frames in an inference, for each group of shapes in turn; 1 for an agent that is not ready."""
    if ready is None:
        return (1,)
    effective = ready.effective
    return tuple(group.batch for group in effective.groups) or (effective.batch,)
