"""The result of a run as `report.json` has it: typed, with units, published as a JSON Schema.

These keys are a contract: tools rely on them. New ones may come; none changes its meaning under the same schema name.
"""

import json
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ovbench.common.bounded import LayerStatus

from .arrivals import ArrivalsPart, GoodputPart, LatenessPart, QueueingPart
from .cpu import AgentCpu, CpuPart, Neighbour
from .environment import Environment
from .finding import Finding as Finding
from .hosts import HostPart
from .latency import DistributionPart, LatencyPart
from .openvino import BuildPart
from .scenario import ScenarioPart
from .throughput import EfficiencyPart as EfficiencyPart
from .throughput import FairnessPart as FairnessPart
from .throughput import Throughput as Throughput
from .timeline import StagePart, TimelinePart
from .window import WindowPart as WindowPart

SCHEMA: Final = "ovbench.report/1"

RequestedValue = str | int | float | bool | None
Status = Literal["VALID", "SUSPECT", "INVALID", "PARTIAL"]
"""SUSPECT: the run is as it was asked for, and a warning makes its figures doubtful."""


class Product(Struct, frozen=True):
    version: str


class PhasesPart(Struct, frozen=True):
    """Milliseconds, 0 for what was not done; in the report's own `phases_ms`, those of the slowest agent in each."""

    load_runtime: float
    read_model: float
    reshape: float
    compile: float
    create_requests: float
    first_inference: float
    import_model: Annotated[float, Meta(description="of a model that was compiled before")] = 0.0


class MaskChangePart(Struct, frozen=True):
    """A thread whose affinity somebody changed during the load."""

    thread: int
    control: bool
    before: tuple[int, ...]
    after: tuple[int, ...]


class NodeMemory(Struct, frozen=True):
    """MiB; `own` is without what processes share, such as libraries."""

    own: float
    total: float


class PlacementPart(Struct, frozen=True):
    requested: tuple[int, ...]
    mask: Annotated[tuple[int, ...], Meta(description="union of the inference threads' affinity masks, read back")]
    seen: Annotated[tuple[int, ...], Meta(description="CPUs on which inference threads were seen to run")]
    collisions: Annotated[tuple[int, ...], Meta(description="those of them on which other agents' were, too")] = ()
    changes: tuple[MaskChangePart, ...] = ()
    memory_policy: Annotated[str, Meta(description="of the threads that infer, read back")] = ""
    memory_mb_by_node: Annotated[
        dict[str, NodeMemory], Meta(description="empty where the kernel does not report it")
    ] = {}
    remote_memory_percent: Annotated[
        float | None, Meta(description="of its own memory, on nodes that none of its CPUs is of")
    ] = None


class MemoryPart(Struct, frozen=True):
    """MiB at the end of the load, null where none ran; the peaks are of resident memory since the agent started."""

    rss: float | None
    pss: float | None
    private: float | None
    peak_rss: float
    peak_before_compile: float = 0.0
    peak_after_compile: float = 0.0


class AgentPart(Struct, frozen=True):
    id: int
    host: str
    pid: int | None
    state: Literal["ok", "failed", "lost"]
    reason: Annotated[str, Meta(description="why it failed or was lost")]
    cpus: tuple[int, ...]
    placement: PlacementPart
    streams: int | None
    threads: int | None
    nireq: int | None
    throughput: Throughput | None
    latency_ms: LatencyPart | None
    phases_ms: PhasesPart | None
    cpu: AgentCpu | None
    memory_mb: MemoryPart | None
    service_ms: Annotated[LatencyPart | None, Meta(description="from start to completion, at a rate")] = None


class Validity(Struct, frozen=True):
    """`strict`: warnings, too, make a run INVALID. SUSPECT: a warning makes the figures doubtful."""

    status: Status
    findings: tuple[Finding, ...]
    strict: bool = False
    thresholds: Annotated[dict[str, float], Meta(description="what findings were judged by, as in --help")] = {}
    because: Annotated[
        tuple[str, ...], Meta(description="codes of the findings that the status is due to; empty in old reports")
    ] = ()

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The worst finding of each code that the status is due to, in their order."""
        order = ("error", "warning", "info")
        worst = {one.code: one for one in sorted(self.findings, key=lambda one: -order.index(one.severity))}
        return tuple(worst[code] for code in self.because if code in worst)


class RequirementPart(Struct, frozen=True):
    """What was asked of a figure with --require."""

    text: Annotated[str, Meta(description="as it was given")]
    figure: Annotated[str, Meta(description="its full name, which ends in its unit")]
    value: Annotated[float | None, Meta(description="null where the run has no such figure")]
    met: bool
    missed_by: Annotated[
        float | None, Meta(description="distance from the limit, in the figure's unit; null where met or not known")
    ]
    at_least: Annotated[
        float | None, Meta(description="what a figure that is not known cannot be below, where that is known")
    ] = None
    why: Annotated[str, Meta(description="what is known where the value is null, in words")] = ""


class OutputsPart(Struct, frozen=True):
    """Whether the same inputs gave the same outputs on every agent, before the load and after it."""

    checked: Annotated[int, Meta(description="agents whose outputs were compared")]
    agree: Annotated[bool | None, Meta(description="null where nothing could be compared")]
    exact: Annotated[bool, Meta(description="to the bit; else within the rounding of threads that share a sum")]
    reason: Annotated[str, Meta(description="why nothing was compared")] = ""
    digests: Annotated[
        dict[str, str], Meta(description="of agent 0 before the load, by output; 128 bits of BLAKE2b")
    ] = {}
    checked_after: Annotated[
        int, Meta(description="agents whose outputs after the load were compared to those before")
    ] = 0


class PortPart(Struct, frozen=True):
    """An input or output of the compiled model."""

    name: str
    type: str
    shape: Annotated[tuple[int, ...] | None, Meta(description="-1 where open; null where not even the rank is known")]
    partial_shape: Annotated[str, Meta(description="as OpenVINO prints it, with ranges")] = ""
    layout: str = ""
    node: str = ""
    names: tuple[str, ...] = ()


class FillingPart(Struct, frozen=True):
    """What an input was filled with; `tensors` of them in turn where inputs were set in the loop."""

    input: str
    text: str
    tensors: int


class GroupPart(Struct, frozen=True):
    """What was measured with one of several combinations of shapes (benchmark_app's -pcseq)."""

    shapes: Annotated[dict[str, tuple[int, ...]], Meta(description="by input")]
    batch: int
    count: Annotated[int, Meta(description="inferences with it that ended in the window and are known exactly")]
    latency_ms: LatencyPart | None
    service_ms: Annotated[LatencyPart | None, Meta(description="from start to completion, at a rate")] = None


class LayerPart(Struct, frozen=True):
    """A layer of the model as executed: mean time in one inference, over all streams and agents. Milliseconds."""

    name: str
    type: str
    exec_type: str
    status: LayerStatus
    real: float
    cpu: float
    slowest_real: Annotated[float, Meta(description="the mean of the agent that was slowest at it")]
    slowest_agent: int


class RequestLayer(Struct, frozen=True):
    """A layer as one infer request counted it: mean time in one inference. Milliseconds."""

    name: str
    type: str
    exec_type: str
    status: LayerStatus
    real: float
    cpu: float


class RequestLayers(Struct, frozen=True):
    """The layers of one infer request of one agent, in the model's order."""

    agent: int
    request: int
    layers: tuple[RequestLayer, ...]


class LayersPart(Struct, frozen=True):
    """Time by layer, as OpenVINO counts it, in the model's order.

    `by_request` is what was merged, by agent and request; it is filled with -report_type detailed_counters only.
    """

    layers: tuple[LayerPart, ...]
    total_real: Annotated[float, Meta(description="sum over the layers: one inference, on average")]
    total_cpu: float
    by_request: Annotated[
        tuple[RequestLayers, ...], Meta(description="by agent and request; empty without detailed_counters")
    ] = ()


class FilePart(Struct, frozen=True):
    """What was in a file that agents read, the same on all of them. One entry stands for all of a kind beyond 64."""

    kind: Literal["model", "extension", "input"]
    name: Annotated[str, Meta(description="its path, or the built-in model's name with the file's suffix")]
    sha256: str
    bytes: int


class EffectivePart(Struct, frozen=True):
    """What ran. Streams, threads and requests are per agent, by the compiled model; null where agents differ."""

    backend: str
    model: str
    device: str
    api: Literal["sync", "async"]
    hint: str
    precision: str
    agents: int
    streams: int | None
    threads: int | None
    nireq: int | None
    iterations: Annotated[int | None, Meta(description="in total, after rounding up to whole rounds of requests")]
    batch: int
    inputs: tuple[PortPart, ...]
    outputs: tuple[PortPart, ...]
    properties: Annotated[dict[str, str], Meta(description="every property of the compiled model, by OpenVINO's names")]
    inference_only: Annotated[bool, Meta(description="false: inputs were set before each inference")] = True
    fillings: tuple[FillingPart, ...] = ()
    notes: Annotated[tuple[str, ...], Meta(description="what a user should know of the model, a sentence each")] = ()
    files: Annotated[
        tuple[FilePart, ...],
        Meta(description="the model and its weights, extensions, inputs; none with the null device or in old reports"),
    ] = ()


class LookPart(Struct, frozen=True):
    """The figure of --until at an instant fixed beforehand: in its unit, with the interval of that look."""

    at_s: Annotated[float, Meta(description="since the load began")]
    confidence_percent: Annotated[float, Meta(description="of this look, so that those of all together have 95")]
    count: Annotated[int, Meta(description="inferences it is from")]
    estimate: Annotated[float | None, Meta(description="null where they were too few")]
    low: float | None
    high: float | None
    half_width_percent: Annotated[
        float | None, Meta(description="how far the further end is from the estimate; null without two ends")
    ]


class UntilPart(Struct, frozen=True):
    """What --until waited for. `looks`: those that were taken, the last of which ended the load if it was reached."""

    figure: str
    within_percent: Annotated[float, Meta(description="how far the ends of the interval may be from the figure")]
    reached: bool
    looks: tuple[LookPart, ...]
    planned: Annotated[int, Meta(description="looks that there were to be at most")]
    why: Annotated[str, Meta(description="it was not reached; empty if it was")] = ""
    known: Annotated[bool, Meta(description="false where the figure depends on arrivals that never completed")] = True


class Report(Struct, frozen=True):
    """The report of one run of ovbench."""

    ovbench: Product
    started_at: Annotated[str, Meta(description="UTC, ISO 8601")]
    command: tuple[str, ...]
    requested: dict[str, RequestedValue]
    effective: Annotated[EffectivePart | None, Meta(description="null where no agent became ready")]
    environment: Annotated[Environment, Meta(description="of several hosts, that of the first one")]
    window: WindowPart
    throughput: Throughput
    latency_ms: Annotated[LatencyPart | None, Meta(description="null where no inference was counted")]
    phases_ms: PhasesPart | None
    cpu: CpuPart
    agents: tuple[AgentPart, ...]
    timeline: tuple[TimelinePart, ...]
    validity: Validity
    dropped_messages: Annotated[int, Meta(description="malformed or unexpected messages on the bus")]
    samples_file: Annotated[str | None, Meta(description="beside this file; null where samples were not saved")]
    refused_connections: Annotated[
        int, Meta(description="over hosts: so many had no key of the run, or were cut off for what they sent")
    ] = 0
    groups: Annotated[tuple[GroupPart, ...], Meta(description="empty unless there was more than one, with -pcseq")] = ()
    layers: Annotated[LayersPart | None, Meta(description="null unless layers were counted")] = None
    efficiency: Annotated[EfficiencyPart | None, Meta(description="null where nothing was measured")] = None
    fairness: Annotated[
        FairnessPart | None, Meta(description="null with fewer than two agents that measured, and with a schedule")
    ] = None
    neighbours: Annotated[tuple[Neighbour, ...], Meta(description="those that took most first")] = ()
    outputs: OutputsPart | None = None
    requirements: Annotated[tuple[RequirementPart, ...], Meta(description="one for each --require")] = ()
    latency_distribution: Annotated[
        DistributionPart | None, Meta(description="null where no inference was counted")
    ] = None
    service_ms: Annotated[
        LatencyPart | None, Meta(description="from start to completion, at a rate; of what completed alone")
    ] = None
    wait_ms: Annotated[LatencyPart | None, Meta(description="from due to start, at a rate")] = None
    lateness_us: Annotated[LatenessPart | None, Meta(description="at a rate")] = None
    arrivals: Annotated[ArrivalsPart | None, Meta(description="at a rate")] = None
    queueing: Annotated[QueueingPart | None, Meta(description="at a rate; null where not known")] = None
    goodput: Annotated[GoodputPart | None, Meta(description="with --slo-ms")] = None
    stages: Annotated[tuple[StagePart, ...], Meta(description="with --stages")] = ()
    until: Annotated[UntilPart | None, Meta(description="null without --until")] = None
    scenario: Annotated[
        ScenarioPart | None, Meta(description="with --scenario; null where not every sample is known")
    ] = None
    hosts: Annotated[
        tuple[HostPart, ...],
        Meta(description="empty where the coordinator's own was the only one: the rest of the report is of it"),
    ] = ()
    openvino: Annotated[
        tuple[BuildPart, ...],
        Meta(description="each build that agents loaded; none with the null device or in old reports"),
    ] = ()
    schema: Literal["ovbench.report/1"] = SCHEMA

    @property
    def several_hosts(self) -> bool:
        return len(self.hosts) > 1

    @property
    def measured_cpus(self) -> int:
        """How many, on all hosts."""
        if not self.several_hosts:
            return len(self.cpu.measured_cpus)
        return sum(len(host.cpu.measured_cpus) for host in self.hosts if host.cpu is not None)

    @property
    def measured(self) -> bool:
        """Anything: in a closed loop what ended in the window counts, at a rate what was due in it and completed."""
        return self.throughput.count > 0 if self.arrivals is None else self.arrivals.delivered > 0


def to_json(report: Report) -> bytes:
    """Indented, with the schema's name first, as people look there first."""
    plain = msgspec.to_builtins(report)
    ordered = {"schema": plain.pop("schema"), **plain}
    # json indents in Python, which takes six times as long.
    return msgspec.json.format(json.dumps(ordered, allow_nan=False).encode(), indent=2) + b"\n"


def from_json(data: bytes) -> Report:
    """Raises msgspec.ValidationError where `data` is no report of this schema."""
    return msgspec.json.decode(data, type=Report)


def json_schema() -> dict[str, Any]:
    """The published JSON Schema (draft 2020-12), made from the types above."""
    # Through JSON, as the defaults in it are the types' own: a tuple is a list there.
    schema = json.loads(msgspec.json.encode(msgspec.json.schema(Report)))
    # It has a default for those who build reports; those who read them can rely on it.
    schema["$defs"]["Report"]["required"].append("schema")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **schema}
