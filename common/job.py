"""The job that one agent runs: frozen values, complete before an agent sees them.

Everything here was requested by the user or decided by the plan; what OpenVINO made of it (streams, threads, requests)
is reported by the agent as `effective.Effective`.
"""

from itertools import pairwise
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, Struct, structs

from . import builtin as builtins
from .bounded import Nonce
from .cpulist import format_cpu_list
from .shape import Dimension, Shape

Api = Literal["sync", "async"]
Hint = Literal["throughput", "cumulative_throughput", "latency", "none"]

_YES_NO: Final[dict[bool | None, str | None]] = {True: "YES", False: "NO", None: None}

EVERY_INPUT: Final = ""
AUTO_STREAMS: Final = -1
"""OpenVINO's ov::streams::AUTO."""

COMPILED_SUFFIX: Final = ".blob"

MOST_WHOLE: Final = (1 << 62) - 1
"""Of any number: the sum of two fits 64 bits."""

MOST_CPUS: Final = 8_192
"""The most that Linux can be built for (NR_CPUS of x86); of nodes it knows fewer."""

MOST_FILES: Final = 100_000
_MOST_NAMED: Final = 4_096
"""Inputs and outputs of a model, dimensions of a shape, properties: whatever goes by name or place."""

MOST_CELLS_OF_TIME: Final = 4_096
"""By which a load is counted while it runs."""

Positive = Annotated[int, Meta(ge=1, le=MOST_WHOLE)]
NotNegative = Annotated[int, Meta(ge=0, le=MOST_WHOLE)]
CpuNumber = Annotated[int, Meta(ge=0, lt=MOST_CPUS)]
Cpus = Annotated[tuple[CpuNumber, ...], Meta(max_length=MOST_CPUS)]
Words = Annotated[str, Meta(max_length=20_000)]
Requests = Annotated[int, Meta(ge=1, lt=1 << 31)]
Seconds = Annotated[float, Meta(ge=0, le=1e7)]
Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]
Sha256 = Annotated[str, Meta(min_length=64, max_length=64, pattern=r"\A[0-9a-f]{64}\Z")]
_PerChannel = Annotated[tuple[Finite, ...], Meta(max_length=MOST_FILES)]
_Value = TypeVar("_Value")
ByName = Annotated[dict[Words, _Value], Meta(max_length=_MOST_NAMED)]


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the values below."""


class Model(Spec, frozen=True, forbid_unknown_fields=True):
    """`source` is `builtin:NAME` or an absolute path; `batch` (None for the model's own) reshapes it.

    `extensions` are libraries with operations that OpenVINO lacks. `shapes`, `data_shapes` and `layouts` are by input,
    the name `EVERY_INPUT` standing for all: what to reshape the model to, the shapes that an open one is given in turn,
    and which dimension is what (`NCHW`). `whole_file`: compile from the file, without reading it first.
    """

    source: Words
    batch: Dimension | None = None
    extensions: Annotated[tuple[Words, ...], Meta(max_length=_MOST_NAMED)] = ()
    shapes: ByName[Shape] = {}
    data_shapes: ByName[Annotated[tuple[Shape, ...], Meta(max_length=MOST_FILES)]] = {}
    layouts: ByName[Words] = {}
    whole_file: bool = False

    @property
    def compiled(self) -> bool:
        """Whether it is a blob: a model that was compiled before."""
        return self.source.endswith(COMPILED_SUFFIX)

    @property
    def builtin(self) -> str | None:
        return self.source.removeprefix(builtins.PREFIX) if self.source.startswith(builtins.PREFIX) else None


class Preprocessing(Spec, frozen=True, forbid_unknown_fields=True):
    """What is put before and behind the model: element types of its tensors, mean and scale of its inputs.

    `types` are by the name of an input or output and go before `input_type` and `output_type`, which are for all.
    `mean` and `scale` have a value per channel, by input; the name `EVERY_INPUT` stands for all that are images.
    """

    input_type: Words | None = None
    output_type: Words | None = None
    types: ByName[Words] = {}
    mean: ByName[_PerChannel] = {}
    scale: ByName[_PerChannel] = {}


class InputFiles(Spec, frozen=True, forbid_unknown_fields=True):
    """Files for an input; `input` None leaves it to their order which input each is for."""

    input: Words | None
    paths: Annotated[tuple[Words, ...], Meta(max_length=MOST_FILES)]


class Data(Spec, frozen=True, forbid_unknown_fields=True):
    """Where the inputs come from: files, and random data seeded with `seed` for what has none."""

    files: Annotated[tuple[InputFiles, ...], Meta(max_length=_MOST_NAMED)] = ()
    seed: NotNegative = 0


class Runtime(Spec, frozen=True, forbid_unknown_fields=True):
    """What is asked of OpenVINO; None leaves the choice to it.

    `config` holds further properties by OpenVINO's names, as a configuration file gives them; what has a field of its
    own goes before it.
    """

    device: Words = "CPU"
    hint: Hint = "throughput"
    streams: Annotated[int, Meta(ge=AUTO_STREAMS, lt=1 << 31)] | None = None
    threads: Requests | None = None
    requests: Requests | None = None
    precision: Words | None = None
    pinning: Literal["YES", "NO"] | None = None
    cache_dir: Words | None = None
    count_layers: bool | None = None
    auto_batching: bool | None = None
    config: ByName[Words] = {}

    @property
    def counts_layers(self) -> bool:
        return self.properties().get("PERF_COUNT", "NO").upper() in ("YES", "TRUE")

    def properties(self) -> dict[str, str]:
        """All of it, in OpenVINO's names."""
        asked = {
            "PERFORMANCE_HINT": None if self.hint == "none" else self.hint.upper(),
            "NUM_STREAMS": self.streams,
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT_NUM_REQUESTS": self.requests,
            "INFERENCE_PRECISION_HINT": self.precision,
            "ENABLE_CPU_PINNING": self.pinning,
            "CACHE_DIR": self.cache_dir,
            "PERF_COUNT": _YES_NO[self.count_layers],
            "ALLOW_AUTO_BATCHING": _YES_NO[self.auto_batching],
        }
        return {**self.config, **{name: str(value) for name, value in asked.items() if value is not None}}


class Pace(Spec, frozen=True, forbid_unknown_fields=True):
    """One agent's share of a limited rate: its inference k may start at k + `phase` periods, or later, not before.

    The period is that of this agent, per frame; `phase` (0 to 1) keeps agents from starting all at once.
    """

    frame_period_ns: Annotated[float, Meta(gt=0, le=1e15)]
    phase: Annotated[float, Meta(ge=0, lt=1)] = 0.0


class ScheduleAddress(Spec, frozen=True, forbid_unknown_fields=True):
    """Where the coordinator has the arrivals of the whole run (see `schedulememory`): in descriptor `descriptor` of
    process `pid`, `count` of them, behind the nonce of the run."""

    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]
    descriptor: Annotated[int, Meta(ge=0, lt=1 << 31)]
    count: Positive
    nonce: Nonce


class Schedule(Spec, frozen=True, forbid_unknown_fields=True):
    """The arrivals that an agent serves: `count` of those at `address`, from `first` on.

    `shared`: with all agents that have the same, each taking the next one; else they are its own. The window begins
    `lead_in_s` after the load; what arrives before is not counted.
    """

    address: ScheduleAddress
    first: NotNegative
    count: NotNegative
    shared: bool
    lead_in_s: Seconds = 0.0

    def __post_init__(self) -> None:
        if self.first + self.count > self.address.count:
            raise ValueError("an agent's arrivals are among those of the schedule")


class Load(Spec, frozen=True, forbid_unknown_fields=True):
    """An agent's share of the load, or in a request that of all agents together: it runs until `duration_s` has passed
    and `iterations` are done, where given.

    `iterations` 0 compiles the model and runs nothing (benchmark_app's `-niter 0`). `inference_only` False sets the
    next inputs before each inference, None does so for models of open shape. `first_inference`: run one before all.

    At a rate (a `pace` or a `schedule`) inferences are due at instants. What is due before the end may be started and
    finish for `drain_s` after it; what has waited for `timeout_s` is dropped, None for never. A thread that waits for
    an instant sleeps to `spin_s` before it and spins from then on.

    In queries of `samples_per_query` inferences, one per request, these start together, and the next query when all
    have ended; each is due when its query begins.

    `cells_ns`: where the cells of time end, since the window began, of which the agent is to send a `Tally` each.
    `counts_s`: how far apart the heartbeats are, at least, that come with a `Counted`; None for none.
    """

    api: Api
    duration_s: Seconds | None
    iterations: NotNegative | None
    warmup_s: Seconds
    inference_only: bool | None = None
    first_inference: bool = True
    pace: Pace | None = None
    schedule: Schedule | None = None
    drain_s: Seconds = 0.0
    timeout_s: Seconds | None = None
    spin_s: Annotated[float, Meta(ge=0, le=1)] = 0.0
    samples_per_query: Requests | None = None
    cells_ns: Annotated[tuple[Positive, ...], Meta(max_length=MOST_CELLS_OF_TIME)] = ()
    counts_s: Seconds | None = None

    def __post_init__(self) -> None:
        if any(before >= after for before, after in pairwise(self.cells_ns)):
            raise ValueError("cells end one after the other")
        if self.pace is not None and self.schedule is not None:
            raise ValueError("arrivals are of a pace or of a schedule")
        if self.timeout_s is not None and self.pace is not None:
            raise ValueError("arrivals of a pace are not dropped")  # there is no number of them to have room for

    @property
    def timed(self) -> bool:
        """Whether it is recorded when inferences were due, as that is not when they start."""
        return self.at_rate or self.samples_per_query is not None

    @property
    def at_rate(self) -> bool:
        """Whether inferences are due at instants of their own."""
        return self.pace is not None or self.schedule is not None

    @property
    def lead_in_s(self) -> float:
        """From the beginning of the measured load to its window."""
        return 0.0 if self.schedule is None else self.schedule.lead_in_s

    @property
    def compile_only(self) -> bool:
        return self.iterations == 0


class MemoryPolicy(Spec, frozen=True, forbid_unknown_fields=True):
    """Where memory is to be taken from, set before OpenVINO loads; modes as in set_mempolicy(2)."""

    mode: Literal["local", "interleave", "bind"]
    nodes: Cpus = ()

    @property
    def text(self) -> str:
        """As it is shown and read back: `local`, `interleave:0-1`, `bind:0`."""
        return f"{self.mode}:{format_cpu_list(self.nodes)}" if self.nodes else self.mode

    @property
    def asked(self) -> str:
        """As it is asked for with --memory."""
        return format_cpu_list(self.nodes) if self.mode == "bind" else self.mode


class Placement(Spec, frozen=True, forbid_unknown_fields=True):
    """CPUs that the inference threads may use, and CPUs for control threads (empty: the same ones).

    `memory` None leaves the policy as the agent was started with.
    """

    cpus: Cpus
    housekeeping: Cpus = ()
    memory: MemoryPolicy | None = None


class NullService(Spec, frozen=True, forbid_unknown_fields=True):
    """Stands in for OpenVINO: each inference takes exactly `service_ns` on one of `streams` servers, or, with an
    `exponential_seed`, a time that is exponential with that mean; the seed makes the times of each server known.

    Faults to find: after t seconds of load it takes `drift_percent_per_s` * t longer; from `stall_at_s` of the load on
    nothing is served for `stall_s`; its outputs are the number `outputs`, after the load `outputs_after`.
    """

    service_ns: NotNegative
    exponential_seed: NotNegative | None = None
    drift_percent_per_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    stall_at_s: Seconds = 0.0
    stall_s: Seconds = 0.0
    outputs: NotNegative = 0
    outputs_after: NotNegative = 0


class FileState(Spec, frozen=True, forbid_unknown_fields=True):
    """As the kernel has it, to 62 bits: two that agree in all of it are one file with one content, by whatever path."""

    device: NotNegative
    inode: NotNegative
    size: NotNegative
    modified_ns: NotNegative
    changed_ns: NotNegative


class Known(Spec, frozen=True, forbid_unknown_fields=True):
    """A file whose content has been read."""

    state: FileState
    sha256: Sha256


class Job(Spec, frozen=True, forbid_unknown_fields=True):
    model: Model
    runtime: Runtime
    load: Load
    placement: Placement
    null: NullService | None
    data: Data
    sample_bytes: Positive
    """Memory for exact samples; an agent that records more goes on with a histogram (see `samples`)."""
    preprocessing: Preprocessing = Preprocessing()
    wants_graph: bool = False
    """Whether this agent is to deliver the graph that OpenVINO executed."""
    check_outputs: bool = True
    """Whether to infer on the first inputs before and after the load, and to report the outputs."""
    known: Annotated[tuple[Known, ...], Meta(max_length=MOST_FILES)] = ()
    """What the coordinator has read of the model's files: an agent that finds the same need not read them again."""

    def same_but_load(self, other: "Job") -> bool:
        """Whether an agent that did `other` can do this with the model as it is compiled.

        A number of requests is a hint to OpenVINO, which may choose other streams for it unless there is no hint. Times
        by layer are means over all inferences since the model was compiled, so they cannot be those of another load.
        """
        if self.load.compile_only or other.load.compile_only or self.runtime.counts_layers:
            return False
        requests = self.runtime.requests if self.runtime.hint == "none" else other.runtime.requests
        adapted = structs.replace(
            other,
            load=self.load,
            runtime=structs.replace(other.runtime, requests=requests),
            sample_bytes=self.sample_bytes,
            check_outputs=self.check_outputs,
            known=self.known,
        )
        return adapted == self
