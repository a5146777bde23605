"""Where a result was measured: what a reader needs to know to compare it with another. Pure."""

from msgspec import Struct

from .noise import NoiseFloor


class NodePart(Struct, frozen=True):
    """A NUMA node; `distances` to each node in their order, 10 to itself, none where the kernel does not report it."""

    id: int
    cpus: tuple[int, ...]
    memory_mb: int | None
    distances: tuple[int, ...]


class AgentPython(Struct, frozen=True):
    """The Python that agents run in where it is not the coordinator's: its path, and the versions of what it has."""

    path: str
    python: str
    openvino: str
    ovbench: str
    libraries: dict[str, str]


class Environment(Struct, frozen=True):
    hostname: str
    kernel: str
    cpu_model: str
    sockets: int
    nodes: int
    physical_cores: int
    logical_cpus: int
    allowed_cpus: tuple[int, ...]
    governor: str | None
    """The frequency governor of the measured CPUs; None where the kernel shows none."""
    openvino: str
    python: str
    libraries: dict[str, str]
    quota_cpus: float | None = None
    """CPUs' time that control groups leave the coordinator; None is no limit."""
    numa: tuple[NodePart, ...] = ()
    agent_python: AgentPython | None = None
    """Null where agents run in the coordinator's."""
    noise: NoiseFloor | None = None
    """By the last undisturbed calibration of the coordinator's machine, else the last one; null without any."""
