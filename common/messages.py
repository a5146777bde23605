"""What crosses the bus: two unions of frozen, tagged messages. One that is wrong cannot be built from the wire.

`Order` goes from coordinator to agent, `Notice` from agent to coordinator. Nothing crosses per inference.
Instants are CLOCK_MONOTONIC nanoseconds of the agent's host.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .histogram import COARSE, FINE, Layout
from .job import Finite, Job, NotNegative, Positive, Seconds
from .shape import Shape

PROTOCOL_VERSION = 1

SAMPLES_PER_MESSAGE = 65_536
"""Samples in one `Samples` message: 1 MiB."""

MOST_READINGS = 512
"""`Usage` in one `Finished`."""

SKETCH_VALUES = 64
"""Values in the sketch of an output."""

LAYERS_PER_MESSAGE = 2_048
GRAPH_BYTES_PER_MESSAGE = 1 << 20

MAX_MESSAGE_BYTES = 8 << 20

MOST_GROUPS = 65_536
"""Groups of shapes in one `Effective`."""

MOST_TEXT = 20_000
"""Characters in a `Text`."""

MOST_NAME = 4_096
"""Characters in a `Name`."""

AgentId = Annotated[int, Meta(ge=0, lt=1 << 20)]
Nanoseconds = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e12)]
Megabytes = Annotated[float, Meta(ge=0, le=1e12)]
Text = Annotated[str, Meta(max_length=MOST_TEXT)]
Name = Annotated[str, Meta(max_length=MOST_NAME)]
Cpus = tuple[NotNegative, ...]


def as_text(text: str) -> str:
    """A text of whatever origin as a `Text`: cut, and without the bytes of file names that are no characters."""
    return text.encode(errors="replace").decode()[:MOST_TEXT]


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """Coordinator to agent."""


class Prepare(Order, frozen=True, tag="prepare"):
    """Take this identity, pin, load, compile. `lease_s`: without a word from the coordinator for so long, end."""

    agent: AgentId
    job: Job
    heartbeat_s: Seconds
    lease_s: Seconds


class Again(Order, frozen=True, tag="again"):
    """After everything was delivered: another load on the model that is compiled (see `Job.same_but_load`).

    The `Ready` that answers it has the phases of this preparation alone: nothing was loaded, read or compiled, so these
    are 0. Its peaks before and after compiling are those of the first preparation, the peak in `Memory` is that of the
    process, with all its loads.
    """

    job: Job


class WarmUp(Order, frozen=True, tag="warm_up"):
    at_ns: Nanoseconds


class Start(Order, frozen=True, tag="start"):
    """Begin the measured load at `at_ns`."""

    at_ns: Nanoseconds


class Stop(Order, frozen=True, tag="stop"):
    """End the load now and deliver what was measured."""


class Pulse(Order, frozen=True, tag="pulse"):
    """Renews the lease."""


class Release(Order, frozen=True, tag="release"):
    """Nothing more is wanted: end."""


class Reject(Order, frozen=True, tag="reject"):
    reason: Text


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """Agent to coordinator."""


class Hello(Notice, frozen=True, tag="hello"):
    """`agent`: the identity the launcher gave it, None for one that was started by hand."""

    version: int
    pid: Positive
    host: Name
    agent: AgentId | None


class Progress(Notice, frozen=True, tag="progress"):
    """The heartbeat. `buckets` and `counts`: a few of the latest latencies in a `histogram.COARSE` layout."""

    step: Annotated[int, Meta(ge=0, le=11)]
    completed: NotNegative
    buckets: Annotated[tuple[NotNegative, ...], Meta(max_length=512)] = ()
    counts: Annotated[tuple[NotNegative, ...], Meta(max_length=512)] = ()


class Port(Struct, frozen=True, forbid_unknown_fields=True):
    """An input or output of a model.

    `name` is what it goes by, `names` all names of its tensor, `node` that of the node that makes it; `layout` as
    OpenVINO prints it (`[N,C,H,W]`, `[...]` where none is known). `shape` is None where not even the rank is known.
    """

    name: Name
    type: Name
    shape: Shape | None
    names: tuple[Name, ...] = ()
    node: Name = ""
    layout: Name = "[...]"


class Filling(Struct, frozen=True, forbid_unknown_fields=True):
    """What an input is filled with, in words; `tensors` of them are used in turn where inputs are set in the loop."""

    input: Name
    text: Text
    tensors: Positive


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """Shapes that inputs have together in one inference, and how many frames that is."""

    shapes: tuple[tuple[NotNegative, ...], ...]
    batch: Positive


class Effective(Struct, frozen=True, forbid_unknown_fields=True):
    """What the compiled model says of itself, beside what was requested; `requests` and `iterations` as run.

    `inputs` and `outputs` are as compiled, the original ones as read. With more than one of `groups`, inference k of
    request r has those of index (r + k) modulo their number. `notes` are for the user, a sentence each.
    """

    backend: Name
    model: Name
    device: Name
    hint: Name
    precision: Name
    streams: NotNegative
    threads: NotNegative
    requests: Positive
    iterations: NotNegative | None
    batch: Positive
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    properties: dict[Name, Text]
    original_inputs: tuple[Port, ...] = ()
    original_outputs: tuple[Port, ...] = ()
    fillings: tuple[Filling, ...] = ()
    groups: Annotated[tuple[Group, ...], Meta(max_length=MOST_GROUPS)] = ()
    inference_only: bool = True
    notes: tuple[Text, ...] = ()


class Phases(Struct, frozen=True, forbid_unknown_fields=True):
    """How long each part of the preparation took, 0 for what was not done: after `Again` that is all but the
    requests and the first inference. The first inference is one on the first request. `import_ms` is for models that
    were compiled before, in place of reading and compiling."""

    load_runtime_ms: Milliseconds
    read_model_ms: Milliseconds
    reshape_ms: Milliseconds
    compile_ms: Milliseconds
    create_requests_ms: Milliseconds
    first_inference_ms: Milliseconds
    import_ms: Milliseconds = 0.0


class Output(Struct, frozen=True, forbid_unknown_fields=True):
    """One output of the inference on the first inputs.

    `digest`: BLAKE2b of its bytes, 128 bits in hex. `sketch`: up to `SKETCH_VALUES` of its values at even distances,
    the first and the last among them, float32 little endian; empty for elements that are no numbers. `scale`: the
    largest finite magnitude of all of them.
    """

    name: Name
    digest: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    sketch: Annotated[bytes, Meta(max_length=4 * SKETCH_VALUES)]
    scale: Annotated[float, Meta(ge=0, le=1e300)]

    def __post_init__(self) -> None:
        if len(self.sketch) % 4:
            raise ValueError("a sketch is float32 values")


class Outputs(Struct, frozen=True, forbid_unknown_fields=True):
    """What request 0 made of the first inputs. `repeatable`: a second inference on them gave the same bytes;
    not where the model keeps state, of which there are no outputs."""

    repeatable: bool
    outputs: tuple[Output, ...]


class Ready(Notice, frozen=True, tag="ready"):
    """`mask`: the union of the affinity masks of the threads that will infer, read back from the kernel.

    `memory_policy` is the measure thread's, read back, as numactl prints it. `outputs` are those before the load, None
    where they were not asked for, where nothing is inferred before the load, where the first inference took over 2 s,
    and where one for them failed. `peak_before_mb` and `peak_after_mb`: the most memory resident so far, before and
    after the model was compiled, MiB.
    """

    effective: Effective
    phases: Phases
    mask: Cpus
    openvino: Name
    peak_before_mb: Megabytes = 0.0
    peak_after_mb: Megabytes = 0.0
    memory_policy: Name = "default"
    outputs: Outputs | None = None


class Warmed(Notice, frozen=True, tag="warmed"):
    completed: NotNegative


class OnCpu(Struct, frozen=True, forbid_unknown_fields=True):
    """Running totals of the time that an agent's threads spent on a logical CPU: those that infer, and the others.

    The time of a thread between two looks at it is that of the one CPU it may use, or else of the one it ran on last.
    """

    cpu: NotNegative
    load_s: Seconds
    control_s: Seconds


class Usage(Struct, frozen=True, forbid_unknown_fields=True):
    """Running totals of the agent process at an instant; `control_s` is the share of its control threads.

    `throttled_periods` and `throttled_s` are of its control groups: how often and how long their quota was used up.
    """

    at_ns: Nanoseconds
    user_s: Seconds
    system_s: Seconds
    control_s: Seconds
    voluntary_switches: NotNegative
    involuntary_switches: NotNegative
    migrations: NotNegative | None
    cpus: tuple[OnCpu, ...] = ()
    throttled_periods: NotNegative = 0
    throttled_s: Seconds = 0.0


class MaskChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A thread whose affinity was another at the end of the load than at its start. `control`: it does not infer."""

    thread: Positive
    control: bool
    before: Cpus
    after: Cpus


class OnNode(Struct, frozen=True, forbid_unknown_fields=True):
    """Memory of the agent on a NUMA node, MiB.

    `own_mb`: what it made or read itself; shared libraries, and what it has in common with the process that it was
    forked from, are only in `total_mb`.
    """

    node: NotNegative
    own_mb: Megabytes
    total_mb: Megabytes


class Memory(Struct, frozen=True, forbid_unknown_fields=True):
    """At the end of the load, in MiB: resident, proportional, private; and the highest resident so far."""

    rss_mb: Megabytes
    pss_mb: Megabytes
    private_mb: Megabytes
    peak_rss_mb: Megabytes


class Finished(Notice, frozen=True, tag="finished"):
    """The load has ended; what was measured follows, then `Delivered`.

    `stop_ns`: when the load was no longer whole (see `agent.measure`). `error` is OpenVINO's own message where an
    inference failed; that inference is not among the samples. `usage` is thinned out in long runs. `nodes`: where its
    memory was, the mean of some looks, none where the kernel does not tell. `outputs`: those of the first inputs, made
    again after the load.
    """

    start_ns: Nanoseconds
    stop_ns: Nanoseconds
    completed: NotNegative
    usage: Annotated[tuple[Usage, ...], Meta(max_length=MOST_READINGS)]
    memory: Memory
    seen: Cpus
    mask: Cpus
    error: Text | None
    mask_changes: tuple[MaskChange, ...] = ()
    nodes: tuple[OnNode, ...] = ()
    outputs: Outputs | None = None


class Samples(Notice, frozen=True, tag="samples"):
    """Consecutive inferences of one request: int64 little endian pairs (start_ns, end_ns), ends ascending.

    `first`: the index of the first of them among the request's inferences since the start.
    """

    request: NotNegative
    data: Annotated[bytes, Meta(max_length=16 * SAMPLES_PER_MESSAGE)]
    first: NotNegative = 0

    def __post_init__(self) -> None:
        if len(self.data) % 16:
            raise ValueError("samples are pairs of int64")


class Folded(Notice, frozen=True, tag="folded"):
    """What one request recorded beyond its memory for exact samples.

    `fine_*`: the latencies in a `histogram.FINE` layout, sparse. `slice_*`: the same in `histogram.COARSE`, by time
    slice of `slice_ns` since the start. All are little endian; int32 buckets and slices, int64 counts.
    Sums of (x - pivot_ns) and of its square keep the mean and the deviation exact.
    """

    request: NotNegative
    count: Positive
    first_end_ns: Nanoseconds
    last_end_ns: Nanoseconds
    least_ns: NotNegative
    most_ns: NotNegative
    pivot_ns: NotNegative
    total_deviation_ns: Finite
    total_square_ns2: Annotated[float, Meta(ge=0, le=1e300)]
    fine_buckets: bytes
    fine_counts: bytes
    slice_ns: Positive
    slice_indices: bytes
    slice_buckets: bytes
    slice_counts: bytes

    def __post_init__(self) -> None:
        fine, cells = len(self.fine_buckets) // 4, len(self.slice_buckets) // 4
        lengths = (4 * fine, 8 * fine, 4 * cells, 4 * cells, 8 * cells)
        parts = (self.fine_buckets, self.fine_counts, self.slice_indices, self.slice_buckets, self.slice_counts)
        if tuple(len(part) for part in parts) != lengths or not fine or not cells:
            raise ValueError("a histogram has a count for each bucket")
        _check_buckets(self.fine_buckets, FINE)
        _check_buckets(self.slice_buckets, COARSE)
        for counts in (self.fine_counts, self.slice_counts):
            if sum(memoryview(counts).cast("q")) != self.count or min(memoryview(counts).cast("q")) < 0:
                raise ValueError("a histogram's counts add up to what was counted")
        if min(memoryview(self.slice_indices).cast("i")) < 0:
            raise ValueError("a time slice comes after the start")


def _check_buckets(buckets: bytes, layout: Layout) -> None:
    numbers = memoryview(buckets).cast("i")
    if min(numbers) < 0 or max(numbers) >= layout.size:
        raise ValueError("a bucket is one of the histogram's")


LayerStatus = Literal["NOT_RUN", "OPTIMIZED_OUT", "EXECUTED"]
"""In the order of OpenVINO (ov_profiling_info_t in openvino/c/ov_infer_request.h)."""


class Layer(Struct, frozen=True, forbid_unknown_fields=True):
    """A layer as OpenVINO counts it: its mean time in one inference over all so far, in whole microseconds."""

    name: Name
    type: Name
    exec_type: Name
    status: LayerStatus
    real_us: NotNegative
    cpu_us: NotNegative


class Layers(Notice, frozen=True, tag="layers"):
    """The layers of one request in their order; more than fit one message go on in the next."""

    request: NotNegative
    layers: Annotated[tuple[Layer, ...], Meta(max_length=LAYERS_PER_MESSAGE)]


class Graph(Notice, frozen=True, tag="graph"):
    """The executed graph as an IR's XML, in pieces to be put together in the order they come."""

    data: Annotated[bytes, Meta(max_length=GRAPH_BYTES_PER_MESSAGE)]


class Delivered(Notice, frozen=True, tag="delivered"):
    """Everything has been sent: so many `Samples`, `Folded`, `Layers` and `Graph`."""

    messages: NotNegative


class Failed(Notice, frozen=True, tag="failed"):
    """The job cannot be done. `usage`: by the user's input, one sentence; `runtime`: OpenVINO's own message."""

    kind: Literal["usage", "runtime"]
    message: Text


AnyOrder = Prepare | Again | WarmUp | Start | Stop | Pulse | Release | Reject
AnyNotice = Hello | Progress | Ready | Warmed | Finished | Samples | Folded | Layers | Graph | Delivered | Failed


def tag(message: Order | Notice) -> str:
    """The name that `lifecycle` knows a message by."""
    return str(message.__struct_config__.tag)
