"""Where a result was measured: what a reader needs to know to compare it with another."""

import platform
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Final

from msgspec import Struct

from ovbench.common.topology import Topology

LIBRARIES: Final = ("numba", "numpy", "pyzmq", "msgspec", "psutil")
"""Those whose versions a result tells."""


class NodePart(Struct, frozen=True):
    """A NUMA node; `distances` to each node in their order, 10 to itself, none where the kernel does not tell."""

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


def read_environment(
    topology: Topology, measured: tuple[int, ...], openvino: str, agents: AgentPython | None = None
) -> Environment:
    return Environment(
        hostname=socket.gethostname(),
        kernel=platform.release(),
        cpu_model=topology.model or platform.machine(),
        sockets=topology.sockets,
        nodes=topology.nodes,
        physical_cores=topology.physical_cores,
        logical_cpus=len(topology.cpus),
        allowed_cpus=tuple(sorted(topology.allowed)),
        governor=_governor(measured),
        openvino=openvino or version("openvino"),
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES},
        quota_cpus=topology.quota_cpus,
        numa=tuple(NodePart(node.id, node.cpus, node.memory_mb, node.distances) for node in topology.numa),
        agent_python=agents,
    )


def _governor(cpus: tuple[int, ...]) -> str | None:
    folder = Path("/sys/devices/system/cpu")
    governors = {_read(folder / f"cpu{cpu}/cpufreq/scaling_governor").strip() for cpu in cpus} - {""}
    return ", ".join(sorted(governors)) or None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
