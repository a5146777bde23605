"""What crosses the bus: two unions of frozen, tagged messages. One that is wrong cannot be built from the wire.

`Order` goes from coordinator to agent, `Notice` from agent to coordinator. Nothing crosses per inference.
Instants are CLOCK_MONOTONIC nanoseconds of the agent's host.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .bounded import (
    MOST_COUNT,
    AgentId,
    Count,
    LayerStatus,
    Megabytes,
    Name,
    Nanoseconds,
    Nonce,
    RequestIndex,
    Text,
    Version,
)
from .effective import Effective, Outputs, Phases
from .folded import MOST_SLICE_BUCKETS, MOST_TALLIED, FoldedTimes, check_histogram, check_slices, check_times
from .histogram import COARSE, FINE
from .job import MOST_CELLS_OF_TIME, MOST_CPUS, Cpus, Finite, Job, Seconds
from .samplelayout import row_bytes
from .samples import SampleArray
from .usage import MaskChange as MaskChange
from .usage import Memory as Memory
from .usage import OnCpu as OnCpu
from .usage import OnNode as OnNode
from .usage import Usage as Usage

PROTOCOL_VERSION = 6

SAMPLES_PER_MESSAGE = 65_536
"""Samples in one `Samples` message: 1 MiB, at a rate 1.5 MiB."""

INSTANTS_PER_MESSAGE = 131_072
"""In one `Dropped`: 1 MiB."""

MOST_READINGS = 512
"""`Usage` in one `Finished`."""

LAYERS_PER_MESSAGE = 2_048
GRAPH_BYTES_PER_MESSAGE = 1 << 20

MAX_MESSAGE_BYTES = 8 << 20

MOST_THREADS = 65_536
"""`MaskChange` in one `Finished`."""


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


class End(Order, frozen=True, tag="end"):
    """End the load that runs at `at_ns`, as if that had been its length; later than it ends anyway changes nothing."""

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
    """`agent`: the identity the launcher gave it, None for one that was started by hand.

    `nonce`: 128 random bits in hex that a process draws when it starts. It is the same agent over another connection,
    and no other is, as a pid would be in another PID namespace. `version` comes first: see `Foreign`.
    """

    version: Version
    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]
    host: Name
    agent: AgentId | None
    nonce: Nonce


class Foreign(Struct, frozen=True, tag="hello"):
    """A hello of whatever protocol, whose version alone is understood; neither that nor `Reject` may ever change."""

    version: Version


class Progress(Notice, frozen=True, tag="progress"):
    """The heartbeat. `buckets` and `counts`: a few of the latest latencies in a `histogram.COARSE` layout.

    `busy_ms`: CPU time that the agent's threads have used, but its control thread: a compilation shows in it.
    At a rate, `idle`: none of its requests has an arrival that is due; `backlog`: how many arrivals of its queue, which
    it may share with others, are due and not yet taken; None without a schedule.
    """

    step: Annotated[int, Meta(ge=0, le=11)]
    completed: Count
    busy_ms: Count = 0
    buckets: Annotated[tuple[Annotated[int, Meta(ge=0, lt=COARSE.size)], ...], Meta(max_length=512)] = ()
    counts: Annotated[tuple[Annotated[int, Meta(ge=0, lt=1 << 31)], ...], Meta(max_length=512)] = ()
    idle: bool = False
    backlog: Count | None = None


class Tally(Notice, frozen=True, tag="tally"):
    """What was done in a cell of time of `Load.cells_ns`: each once, in order, when no more comes of it.

    `inferences`: those under way at an edge by the share of their time; at a rate, those that ended in it. `buckets`
    (int32) and `counts` (int64): latencies of those that ended in it, in a `histogram.FINE` layout, sparse.
    """

    cell: Annotated[int, Meta(ge=0, lt=MOST_CELLS_OF_TIME)]
    inferences: Annotated[float, Meta(ge=0, le=MOST_TALLIED)]
    buckets: Annotated[bytes, Meta(max_length=4 * FINE.size)]
    counts: Annotated[bytes, Meta(max_length=8 * FINE.size)]

    def __post_init__(self) -> None:
        if self.buckets or self.counts:
            check_histogram(self.buckets, self.counts, MOST_TALLIED)


class Counted(Notice, frozen=True, tag="counted"):
    """All that the load has completed so far, where `Load.counts_s` asks for it: with a heartbeat, and when it ends.

    At a rate, of what was due in the window. `dropped`: arrivals so far. `total_s`: the sum of the latencies. `buckets`
    (int32) and `counts` (int64): all of them in a `histogram.FINE` layout, sparse. `cpu_s`: CPU time of the process
    since the load began, with its lead-in.
    """

    completed: Count
    dropped: Count
    total_s: Annotated[float, Meta(ge=0, le=1e15)]
    buckets: Annotated[bytes, Meta(max_length=4 * FINE.size)]
    counts: Annotated[bytes, Meta(max_length=8 * FINE.size)]
    cpu_s: Annotated[float, Meta(ge=0, le=1e15)] = 0.0

    def __post_init__(self) -> None:
        if self.completed or self.buckets or self.counts:
            check_histogram(self.buckets, self.counts, MOST_COUNT)
            if sum(memoryview(self.counts).cast("q")) != self.completed:
                raise ValueError("a histogram's counts add up to what was counted")


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
    completed: Count


class Finished(Notice, frozen=True, tag="finished"):
    """The load has ended; what was measured follows, then `Delivered`.

    `stop_ns`: when the load was no longer whole (see `agent.measure`). `error` is OpenVINO's own message where an
    inference failed; that inference is not among the samples. `usage` is thinned out in long runs. `nodes`: where its
    memory was, the mean of some looks, none where the kernel does not report it. `outputs`: those of the first inputs,
    made again after the load.
    """

    start_ns: Nanoseconds
    stop_ns: Nanoseconds
    completed: Count
    usage: Annotated[tuple[Usage, ...], Meta(max_length=MOST_READINGS)]
    memory: Memory
    seen: Cpus
    mask: Cpus
    error: Text | None
    mask_changes: Annotated[tuple[MaskChange, ...], Meta(max_length=MOST_THREADS)] = ()
    nodes: Annotated[tuple[OnNode, ...], Meta(max_length=MOST_CPUS)] = ()
    outputs: Outputs | None = None


class Samples(Notice, frozen=True, tag="samples"):
    """Consecutive inferences of one request, rows of int64 as `samples` has them, ends ascending.

    `first`: the index of the first of them among the request's inferences since the start. `timed`: whether they have
    the instants at which they were due, as at a rate.
    """

    request: RequestIndex
    data: Annotated[bytes, Meta(min_length=row_bytes(False), max_length=row_bytes(True) * SAMPLES_PER_MESSAGE)]
    first: Count = 0
    timed: bool = False

    def __post_init__(self) -> None:
        if len(self.data) % row_bytes(self.timed) or len(self) > SAMPLES_PER_MESSAGE:
            raise ValueError("samples are whole rows of int64")

    def __len__(self) -> int:
        return len(self.data) // row_bytes(self.timed)

    @property
    def array(self) -> SampleArray:
        """Without copying."""
        return SampleArray.from_bytes(self.data, self.timed)


class Dropped(Notice, frozen=True, tag="dropped"):
    """Arrivals that had waited for too long and were dropped: when they were due, ns since the window's start, int64
    little endian, ascending."""

    data: Annotated[bytes, Meta(min_length=8, max_length=8 * INSTANTS_PER_MESSAGE)]

    def __post_init__(self) -> None:
        if len(self.data) % 8:
            raise ValueError("instants are int64")

    def __len__(self) -> int:
        return len(self.data) // 8


class Folded(Notice, frozen=True, tag="folded"):
    """What one request recorded beyond its memory for exact samples.

    `fine_*`: the latencies in a `histogram.FINE` layout, sparse. `slice_*`: the same in `histogram.COARSE`, by time
    slice of `slice_ns` since the start. All are little endian; int32 buckets and slices, int64 counts.
    Sums of (x - pivot_ns) and of its square keep the mean and the deviation exact.
    """

    request: RequestIndex
    count: Annotated[int, Meta(ge=1, le=MOST_COUNT)]
    first_end_ns: Nanoseconds
    last_end_ns: Nanoseconds
    least_ns: Nanoseconds
    most_ns: Nanoseconds
    pivot_ns: Nanoseconds
    total_deviation_ns: Finite
    total_square_ns2: Annotated[float, Meta(ge=0, le=1e300)]
    fine_buckets: Annotated[bytes, Meta(max_length=4 * FINE.size)]
    fine_counts: Annotated[bytes, Meta(max_length=8 * FINE.size)]
    slice_ns: Annotated[int, Meta(ge=1, lt=1 << 62)]
    slice_indices: Annotated[bytes, Meta(max_length=4 * MOST_SLICE_BUCKETS)]
    slice_buckets: Annotated[bytes, Meta(max_length=4 * MOST_SLICE_BUCKETS)]
    slice_counts: Annotated[bytes, Meta(max_length=8 * MOST_SLICE_BUCKETS)]
    service: FoldedTimes | None = None
    wait: FoldedTimes | None = None

    def __post_init__(self) -> None:
        check_slices(self.slice_indices, self.slice_buckets, self.slice_counts, self.count)
        if self.first_end_ns > self.last_end_ns:
            raise ValueError("what was folded lies between its extremes")
        for times in (self, self.service, self.wait):
            if times is not None:
                check_times(times, self.count)


class Layer(Struct, frozen=True, forbid_unknown_fields=True):
    """A layer as OpenVINO counts it: its mean time in one inference over all so far, in whole microseconds."""

    name: Name
    type: Name
    exec_type: Name
    status: LayerStatus
    real_us: Count
    cpu_us: Count


class Layers(Notice, frozen=True, tag="layers"):
    """The layers of one request in their order; more than fit one message go on in the next."""

    request: RequestIndex
    layers: Annotated[tuple[Layer, ...], Meta(max_length=LAYERS_PER_MESSAGE)]


class Graph(Notice, frozen=True, tag="graph"):
    """The executed graph as an IR's XML, in pieces to be put together in the order they come."""

    data: Annotated[bytes, Meta(max_length=GRAPH_BYTES_PER_MESSAGE)]


class Delivered(Notice, frozen=True, tag="delivered"):
    """Everything has been sent: so many `Samples`, `Folded`, `Dropped`, `Layers` and `Graph`."""

    messages: Count


class Failed(Notice, frozen=True, tag="failed"):
    """The job cannot be done. `usage`: by the user's input, one sentence; `runtime`: OpenVINO's own message."""

    kind: Literal["usage", "runtime"]
    message: Text


AnyOrder = Prepare | Again | WarmUp | Start | End | Stop | Pulse | Release | Reject
AnyNotice = (
    Hello
    | Progress
    | Tally
    | Counted
    | Ready
    | Warmed
    | Finished
    | Samples
    | Folded
    | Dropped
    | Layers
    | Graph
    | Delivered
    | Failed
)


def tag(message: Order | Notice) -> str:
    """The name that `lifecycle` knows a message by."""
    return str(message.__struct_config__.tag)
