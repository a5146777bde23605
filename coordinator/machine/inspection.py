"""The environment that a report names: machine, kernel, libraries."""

import platform
import socket
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ovbench.common.hostmessages import Present
from ovbench.common.sensors import Governor
from ovbench.common.topology import Topology

from ..result.environment import AgentPython, Environment, NodePart

LIBRARIES: Final = ("numba", "numpy", "pyzmq", "msgspec", "psutil")
"""Those whose versions a report names."""


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


def environment_of(
    told: Present, topology: Topology, governors: Sequence[Governor], openvino: str, agents: AgentPython | None = None
) -> Environment:
    """Of another host, as its supervisor tells it."""
    return Environment(
        hostname=told.hostname,
        kernel=told.kernel,
        cpu_model=topology.model or told.machine,
        sockets=topology.sockets,
        nodes=topology.nodes,
        physical_cores=topology.physical_cores,
        logical_cpus=len(topology.cpus),
        allowed_cpus=tuple(sorted(topology.allowed)),
        governor=", ".join(sorted({governor.name for governor in governors})) or None,
        openvino=openvino or told.libraries.get("openvino", ""),
        python=told.python,
        libraries={name: told.libraries[name] for name in LIBRARIES if name in told.libraries},
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
