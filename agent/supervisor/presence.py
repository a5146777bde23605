"""What a host tells of itself when it joins a run."""

import os
import platform
import socket
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from ovbench.common.bounded import as_name
from ovbench.common.errors import UsageError
from ovbench.common.hostmessages import HOST_PROTOCOL_VERSION, CpuAt, HostTopology, NodeAt, Present
from ovbench.common.topology import Topology

_LIBRARIES: Final = ("ovbench", "openvino", "numba", "numpy", "pyzmq", "msgspec", "psutil")


def check_usable(topology: Topology) -> None:
    """Raises UsageError where this process may use no CPU."""
    if not topology.usable:
        raise UsageError(
            "--host: this process may use none of the host's CPUs; start it with another affinity, or in another cpuset"
        )


def present(topology: Topology, allow_extensions: bool, nonce: str) -> Present:
    """Of this process. `nonce`: as `hostbus.HostLink` has it."""
    return Present(
        version=HOST_PROTOCOL_VERSION,
        pid=os.getpid(),
        nonce=nonce,
        hostname=as_name(socket.gethostname()),
        kernel=as_name(platform.release()),
        machine=as_name(platform.machine()),
        python=platform.python_version(),
        libraries=dict(_versions()),
        topology=described(topology),
        allow_extensions=allow_extensions,
    )


def described(topology: Topology) -> HostTopology:
    return HostTopology(
        cpus=tuple(
            CpuAt(cpu.id, cpu.socket, cpu.node, cpu.core, cpu.l3, cpu.kind == "efficient") for cpu in topology.cpus
        ),
        allowed=tuple(sorted(topology.allowed)),
        numa=tuple(NodeAt(node.id, node.cpus, node.memory_mb, node.distances) for node in topology.numa),
        offline=topology.offline,
        quota_cpus=topology.quota_cpus,
        model=as_name(topology.model),
    )


def _versions() -> Iterator[tuple[str, str]]:
    """Without those that are not installed."""
    for name in _LIBRARIES:
        try:
            yield name, as_name(version(name))
        except PackageNotFoundError:
            continue
