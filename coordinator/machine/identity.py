"""Which machine this is, for what is kept of it from one day to another."""

import hashlib
import socket
from pathlib import Path
from typing import Final

from ovbench.common.topology import Topology

from ..result.calibration import Machine

_IDS: Final = ("etc/machine-id", "var/lib/dbus/machine-id")
_NAMED: Final = b"ovbench machine"
"""machine-id(5) asks that the number itself be shown to nobody, only a digest of it that is the program's own."""


def identify(topology: Topology, root: Path = Path("/")) -> Machine:
    """By the system's own identity, in a container without one by the host's name; and by its hardware, as containers
    of one image may have the identity in common."""
    name = socket.gethostname()
    own = next((text for file in _IDS if (text := _read(root / file).strip()) not in ("", "uninitialized")), name)
    memory = sum(node.memory_mb or 0 for node in topology.numa) // 1024
    facts = (own, topology.model, len(topology.cpus), topology.physical_cores, topology.sockets, memory)
    digest = hashlib.blake2b("\n".join(map(str, facts)).encode(), digest_size=8, key=_NAMED).hexdigest()
    return Machine(digest, name, topology.model, len(topology.cpus), topology.physical_cores)


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
