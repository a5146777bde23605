"""What crosses the bus between a coordinator and the supervisor of another host, one per host.

`HostOrder` goes to the supervisor, `HostNotice` comes from it. What is for an agent, or from one, is passed on as the
bytes of its own message (`messages`): the supervisor needs not understand it. Instants named `host_ns` and those inside
passed-on messages are CLOCK_MONOTONIC nanoseconds of that host.

An epoch is one session: a run, a trial or an attempt at one, counted by the coordinator. What belongs to another than
the one that is under way is dropped and counted, on either side.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from .bounded import MOST_AGENTS_OF_HOST, AgentId, Count, Megabytes, Name, Nanoseconds, Nonce, Text, Version
from .job import CpuNumber, Cpus, FileState, NotNegative, Seconds, Sha256
from .messages import MAX_MESSAGE_BYTES

HOST_PROTOCOL_VERSION: Final = 1
MOST_PLACE_BYTES: Final = 64
CHUNK_BYTES: Final = 1 << 20
INSTANTS_PER_PART: Final = 131_072
MOST_INSTANTS: Final = 1 << 31
MOST_FILES_OF_SET: Final = 50_000
MOST_STATES_OF_SET: Final = 4_096
MOST_FILE_BYTES: Final = 1 << 46

SetRole = Literal["model", "extension", "property", "input"]
"""What the files of a set are for; a property's are those that a configuration file names."""

Epoch = Annotated[int, Meta(ge=0, lt=1 << 31)]
Peer = Annotated[bytes, Meta(min_length=1, max_length=MOST_PLACE_BYTES)]
"""How the supervisor reaches one of its agents; the coordinator only gives it back."""
PassedOn = Annotated[bytes, Meta(min_length=1, max_length=MAX_MESSAGE_BYTES)]


class HostOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Coordinator to supervisor."""


class Admit(HostOrder, frozen=True, tag="admit"):
    """Answers `Present`. Without any order for `lease_s` the supervisor ends its agents and itself."""

    heartbeat_s: Seconds
    lease_s: Seconds


class Refuse(HostOrder, frozen=True, tag="refuse"):
    reason: Text


class Ping(HostOrder, frozen=True, tag="ping"):
    """To be answered at once by `Pong`; renews the lease. `sent_ns`: of the coordinator's clock, only given back."""

    number: Count
    sent_ns: Nanoseconds


class Muster(HostOrder, frozen=True, tag="muster"):
    """Begin an epoch: fork these agents, and observe the CPUs that they are to use. `python`: as --agent-python."""

    epoch: Epoch
    agents: Annotated[tuple[AgentId, ...], Meta(max_length=MOST_AGENTS_OF_HOST)]
    measured: Cpus
    housekeeping: Cpus
    python: Name | None = None


class Regroup(HostOrder, frozen=True, tag="regroup"):
    """Begin an epoch with the agents that are there, which have delivered."""

    epoch: Epoch
    measured: Cpus
    housekeeping: Cpus


class ShareSchedule(HostOrder, frozen=True, tag="share_schedule"):
    """Begins an epoch whose agents serve arrivals: make room for so many instants. `SchedulePart`s follow."""

    epoch: Epoch
    count: Annotated[int, Meta(ge=1, le=MOST_INSTANTS)]


class SchedulePart(HostOrder, frozen=True, tag="schedule_part"):
    """Instants from number `first` on, int64 little endian ns since the window's start: those of the host's agents one
    after the other. When all have come `ScheduleAt` answers."""

    epoch: Epoch
    first: Annotated[int, Meta(ge=0, lt=MOST_INSTANTS)]
    data: Annotated[bytes, Meta(min_length=8, max_length=8 * INSTANTS_PER_PART)]

    def __post_init__(self) -> None:
        if len(self.data) % 8:
            raise ValueError("instants are int64")


class ToAgent(HostOrder, frozen=True, tag="to_agent"):
    epoch: Epoch
    peer: Peer
    order: PassedOn


class EndAgent(HostOrder, frozen=True, tag="end_agent"):
    """End its process at once."""

    epoch: Epoch
    agent: AgentId


class ObserveLoad(HostOrder, frozen=True, tag="observe_load"):
    """The window begins at `window_ns`, after a load that begins at `begin_ns`, and lasts `duration_s` if known."""

    epoch: Epoch
    begin_ns: Nanoseconds
    window_ns: Nanoseconds
    duration_s: Seconds | None


class CutLoad(HostOrder, frozen=True, tag="cut_load"):
    """The load ends at `end_ns`, if not before."""

    epoch: Epoch
    end_ns: Nanoseconds


class EndObserving(HostOrder, frozen=True, tag="end_observing"):
    """All loads have ended: a last reading, then `Surveyed` with all that was not sent."""

    epoch: Epoch


class Disband(HostOrder, frozen=True, tag="disband"):
    """End what is left of the agents; the supervisor stays for another epoch and answers `Disbanded`."""

    epoch: Epoch


class Dismiss(HostOrder, frozen=True, tag="dismiss"):
    """Nothing more is wanted: end the agents, and end."""


class FileOffer(Struct, frozen=True, forbid_unknown_fields=True):
    """`name`: of the file within its set, such as `model.bin`, with the folders inside the set (see `fileset`)."""

    name: Name
    sha256: Sha256
    size: Annotated[int, Meta(ge=0, le=MOST_FILE_BYTES)]


class OfferFiles(HostOrder, frozen=True, tag="offer_files"):
    """Files that jobs will name, as one set: answered by `WantFiles`, and when they are there by `HaveFiles`, or by
    `HostFailed`. Again for the same set, as after a reconnect: it is answered again, with what is there by then."""

    set_sha256: Sha256
    role: SetRole
    files: Annotated[tuple[FileOffer, ...], Meta(min_length=1, max_length=MOST_FILES_OF_SET)]


class FileChunk(HostOrder, frozen=True, tag="file_chunk"):
    """A piece of a file that is wanted. One that begins before what is there already is taken from there on."""

    sha256: Sha256
    offset: NotNegative
    data: Annotated[bytes, Meta(max_length=CHUNK_BYTES)]


class HostNotice(Struct, frozen=True, forbid_unknown_fields=True):
    """Supervisor to coordinator."""


class CpuAt(Struct, frozen=True, forbid_unknown_fields=True):
    """As `topology.Cpu` has it."""

    id: CpuNumber
    socket: NotNegative
    node: NotNegative
    core: NotNegative
    l3: NotNegative
    efficient: bool = False


class NodeAt(Struct, frozen=True, forbid_unknown_fields=True):
    """As `topology.Node` has it."""

    id: NotNegative
    cpus: Cpus
    memory_mb: NotNegative | None
    distances: Annotated[tuple[NotNegative, ...], Meta(max_length=4_096)] = ()


class HostTopology(Struct, frozen=True, forbid_unknown_fields=True):
    """As `topology.Topology` has it."""

    cpus: Annotated[tuple[CpuAt, ...], Meta(min_length=1, max_length=8_192)]
    allowed: Cpus
    numa: Annotated[tuple[NodeAt, ...], Meta(max_length=4_096)] = ()
    offline: Cpus = ()
    quota_cpus: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    model: Name = ""


class Present(HostNotice, frozen=True, tag="present"):
    """A supervisor has connected. `version` comes first, and neither that nor `Refuse` may ever change.

    `nonce`: 128 random bits that the process draws when it starts. `libraries`: versions by name, ovbench's and
    OpenVINO's among them.
    """

    version: Version
    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]
    nonce: Nonce
    hostname: Name
    kernel: Name
    machine: Name
    python: Name
    libraries: Annotated[dict[Name, Name], Meta(max_length=64)]
    topology: HostTopology
    allow_extensions: bool = False


class ForeignHost(Struct, frozen=True, tag="present"):
    """A supervisor of whatever protocol, whose version alone is understood."""

    version: Version


class Pong(HostNotice, frozen=True, tag="pong"):
    """`host_ns`: when the ping came, by the host's clock."""

    number: Count
    sent_ns: Nanoseconds
    host_ns: Nanoseconds


class Born(HostNotice, frozen=True, tag="born"):
    epoch: Epoch
    agent: AgentId
    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]


class Died(HostNotice, frozen=True, tag="died"):
    """The process of an agent has ended, or could not be started."""

    epoch: Epoch
    agent: AgentId
    how: Text


class FromAgent(HostNotice, frozen=True, tag="from_agent"):
    epoch: Epoch
    peer: Peer
    notice: PassedOn


class CpuReading(HostNotice, frozen=True, tag="cpu_reading"):
    """Totals of the host's logical CPUs at an instant: seconds since boot, five for each of `cpus` in the order of
    `utilization.FIELDS`, float64 little endian. `own_s` and `own_cpu`: CPU time of the supervisor, and where it was."""

    epoch: Epoch
    host_ns: Nanoseconds
    cpus: Cpus
    totals: Annotated[bytes, Meta(max_length=8_192 * 5 * 8)]
    own_s: Seconds
    own_cpu: CpuNumber | None

    def __post_init__(self) -> None:
        if len(self.totals) != len(self.cpus) * 5 * 8:
            raise ValueError("there are five totals of each CPU")


class NeighbourTime(HostNotice, frozen=True, tag="neighbour_time"):
    """Running total of another process's time on a measured CPU: instants (int64) and seconds (float64), ascending."""

    epoch: Epoch
    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]
    started_ticks: NotNegative
    name: Name
    cpu: CpuNumber
    host_ns: Annotated[bytes, Meta(max_length=8 * 4_096)]
    seconds: Annotated[bytes, Meta(max_length=8 * 4_096)]

    def __post_init__(self) -> None:
        if len(self.host_ns) != len(self.seconds) or len(self.host_ns) % 8:
            raise ValueError("there is a time for each instant")


class SensorsAt(HostNotice, frozen=True, tag="sensors_at"):
    """As `sensors.SensorReading` has it."""

    epoch: Epoch
    host_ns: Nanoseconds
    mhz: Annotated[dict[CpuNumber, Annotated[float, Meta(ge=0, le=1e7)]], Meta(max_length=8_192)]
    throttles: Annotated[dict[Name, Count], Meta(max_length=65_536)]
    energy_j: Annotated[dict[Name, Annotated[float, Meta(ge=0, le=1e15)]], Meta(max_length=4_096)]


class Surveyed(HostNotice, frozen=True, tag="surveyed"):
    """All of `NeighbourTime` and `SensorsAt` has been sent. `governors`: name and driver."""

    epoch: Epoch
    governors: Annotated[tuple[tuple[Name, Name], ...], Meta(max_length=4_096)] = ()
    memory_mb: Megabytes = 0.0


class ScheduleAt(HostNotice, frozen=True, tag="schedule_at"):
    """Where the host has the schedule: see `job.ScheduleAddress`."""

    epoch: Epoch
    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]
    descriptor: Annotated[int, Meta(ge=0, lt=1 << 31)]
    count: Annotated[int, Meta(ge=1, le=MOST_INSTANTS)]
    nonce: Nonce


class Disbanded(HostNotice, frozen=True, tag="disbanded"):
    epoch: Epoch


class HostFailed(HostNotice, frozen=True, tag="host_failed"):
    """The host cannot do what was ordered. `usage`: by the user's input, one sentence."""

    kind: Literal["usage", "runtime"]
    message: Text


class WantFiles(HostNotice, frozen=True, tag="want_files"):
    """Of an offered set: from which offset on each of these files is wanted; none where all are there. `credit_bytes`:
    how much may be under way at once."""

    set_sha256: Sha256
    wanted: Annotated[dict[Sha256, NotNegative], Meta(max_length=MOST_FILES_OF_SET)]
    credit_bytes: Annotated[int, Meta(ge=CHUNK_BYTES, le=1 << 28)] = 8 << 20


class TookChunk(HostNotice, frozen=True, tag="took_chunk"):
    """Gives back the credit: all of the file before `until` is written."""

    sha256: Sha256
    until: NotNegative


class HaveFiles(HostNotice, frozen=True, tag="have_files"):
    """All files of the set are there and verified, in `folder` under their names. `states`: as that host's kernel has
    them, in the order of the offer; none of a set with more than so many."""

    set_sha256: Sha256
    folder: Name
    states: Annotated[tuple[FileState, ...], Meta(max_length=MOST_STATES_OF_SET)] = ()


AnyHostOrder = (
    Admit
    | Refuse
    | Ping
    | Muster
    | Regroup
    | ShareSchedule
    | SchedulePart
    | ToAgent
    | EndAgent
    | ObserveLoad
    | CutLoad
    | EndObserving
    | Disband
    | Dismiss
    | OfferFiles
    | FileChunk
)
AnyHostNotice = (
    Present
    | Pong
    | Born
    | Died
    | FromAgent
    | CpuReading
    | NeighbourTime
    | SensorsAt
    | Surveyed
    | ScheduleAt
    | Disbanded
    | HostFailed
    | WantFiles
    | TookChunk
    | HaveFiles
)
