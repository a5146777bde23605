"""What a run says of each of its hosts, as `report.json` has it."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from .cpu import CpuPart
from .environment import AgentPython, Environment
from .finding import Finding
from .latency import LatencyPart
from .throughput import EfficiencyPart, Throughput

_MOST_NAMED: Final = 4

HostState = Literal["ok", "partial", "lost"]


class HostClock(Struct, frozen=True):
    """How the host's CLOCK_MONOTONIC stood to the coordinator's while the load ran: the host's minus the other."""

    offset_us: float
    offset_error_us: Annotated[float, Meta(description="the offset is right to that, at both edges of the window")]
    drift_ppm: float
    round_trips: Annotated[int, Meta(description="that the offset is from")]
    least_round_trip_us: float


class HostTopology(Struct, frozen=True):
    """In short. `cores`: physical ones; `cpus`: logical ones online; `allowed`: those that its agents could use."""

    model: str
    sockets: int
    nodes: int
    cores: int
    cpus: int
    allowed: tuple[int, ...]
    quota_cpus: Annotated[float | None, Meta(description="CPUs' time by control groups; null is no limit")] = None


class HostPart(Struct, frozen=True):
    """A host: what it is, and what its agents did in the window of all hosts. CPUs are by the host's own numbers."""

    name: Annotated[str, Meta(description="as it was asked for")]
    hostname: Annotated[str, Meta(description="as it calls itself")]
    state: Annotated[
        HostState, Meta(description="partial: some of its agents failed or were lost; lost: the host was, with all")
    ]
    reason: Annotated[str, Meta(description="why it was lost")]
    kind: Annotated[
        int, Meta(description="hosts of one class (CPU model, cores, OpenVINO build) have the same number, from 1")
    ] = field(name="class")
    clock: Annotated[HostClock | None, Meta(description="null for the coordinator's own host")]
    topology: HostTopology
    kernel: str
    governor: Annotated[str | None, Meta(description="of the measured CPUs; null where the kernel shows none")]
    openvino: Annotated[str, Meta(description="the build that its agents loaded")]
    python: str
    libraries: dict[str, str]
    precision: Annotated[str, Meta(description="of inference, in effect; empty where it is not known or not one")]
    isa: Annotated[str, Meta(description="widest instructions of its CPUs, by oneDNN's names; empty where not known")]
    capabilities: Annotated[tuple[str, ...], Meta(description="what OpenVINO's device says it is optimized for")]
    agents: Annotated[tuple[int, ...], Meta(description="their ids")]
    throughput: Annotated[Throughput | None, Meta(description="null where none of its agents delivered")]
    latency_ms: LatencyPart | None
    cpu: Annotated[CpuPart | None, Meta(description="null where the host was lost")]
    efficiency: Annotated[EfficiencyPart | None, Meta(description="null where nothing was measured")] = None
    findings: Annotated[tuple[Finding, ...], Meta(description="those of the report that are of this host")] = ()
    service_ms: Annotated[LatencyPart | None, Meta(description="from start to completion, at a rate")] = None
    wait_ms: Annotated[LatencyPart | None, Meta(description="from due to start, at a rate")] = None
    agent_python: Annotated[AgentPython | None, Meta(description="where agents ran in another Python")] = None

    @property
    def environment(self) -> Environment:
        """As a report of this host alone would have it, without its nodes' memory."""
        topology = self.topology
        return Environment(
            hostname=self.hostname,
            kernel=self.kernel,
            cpu_model=topology.model,
            sockets=topology.sockets,
            nodes=topology.nodes,
            physical_cores=topology.cores,
            logical_cpus=topology.cpus,
            allowed_cpus=topology.allowed,
            governor=self.governor,
            openvino=self.openvino,
            python=self.python,
            libraries=self.libraries,
            quota_cpus=topology.quota_cpus,
            agent_python=self.agent_python,
        )


def named_hosts(names: Sequence[str]) -> str:
    """Such as `hosts a, b, c, d and 3 more`."""
    shown = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"host{'s' if len(names) > 1 else ''} {shown}{more}"
