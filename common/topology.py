"""The CPUs of a machine as the kernel describes them, and which of them this process may use."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CoreKind = Literal["performance", "efficient"]


@dataclass(frozen=True, order=True)
class Cpu:
    """One logical CPU. Ordered as an expert would fill a machine: by socket, NUMA node, physical core, number.

    `core` is the lowest number among its SMT siblings, `l3` the lowest among those that share its last-level cache.
    """

    socket: int
    node: int
    core: int
    id: int
    l3: int = 0
    kind: CoreKind = "performance"


@dataclass(frozen=True)
class Topology:
    """`cpus`: all online ones, in order; `allowed`: the numbers that this process may use."""

    cpus: tuple[Cpu, ...]
    allowed: frozenset[int]

    @property
    def usable(self) -> tuple[Cpu, ...]:
        return tuple(cpu for cpu in self.cpus if cpu.id in self.allowed)

    @property
    def usable_cores(self) -> tuple[tuple[int, ...], ...]:
        """Physical cores, each as its usable logical CPUs."""
        cores: dict[tuple[int, int, int], list[int]] = {}
        for cpu in self.usable:
            cores.setdefault((cpu.socket, cpu.node, cpu.core), []).append(cpu.id)
        return tuple(tuple(ids) for ids in cores.values())

    @property
    def sockets(self) -> int:
        return len({cpu.socket for cpu in self.cpus})

    @property
    def nodes(self) -> int:
        return len({cpu.node for cpu in self.cpus})

    @property
    def physical_cores(self) -> int:
        return len({(cpu.socket, cpu.node, cpu.core) for cpu in self.cpus})


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """The kernel's list format, such as `0-3,8,10-11`. Raises ValueError for anything else."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        if not part.strip():
            continue
        first, dash, last = part.partition("-")
        span = range(int(first), int(last if dash else first) + 1)
        if not span:
            raise ValueError(f"'{part}' ends before it begins")
        cpus.update(span)
    return tuple(sorted(cpus))


def format_cpu_list(cpus: tuple[int, ...]) -> str:
    """The inverse of `parse_cpu_list`."""
    spans: list[list[int]] = []
    for cpu in sorted(cpus):
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def read_topology(root: Path = Path("/"), allowed: frozenset[int] | None = None) -> Topology:
    """This machine's, or that of a recorded tree at `root`; `allowed` defaults to this process's affinity.

    A file that is missing means that the machine lacks the feature: without topology files every CPU is a core of
    socket 0, without node files there is one node.
    """
    system = root / "sys/devices/system"
    mine = frozenset(os.sched_getaffinity(0)) if allowed is None else allowed
    online = _numbers(system / "cpu/online") or tuple(sorted(mine))
    nodes = {
        cpu: int(folder.name[4:])
        for folder in sorted((system / "node").glob("node[0-9]*"))
        for cpu in _numbers(folder / "cpulist")
    }
    cpus = []
    for number in online:
        folder = system / f"cpu/cpu{number}/topology"
        socket = (_numbers(folder / "physical_package_id") or (0,))[0]
        # core_id is unique only within a die; the lowest sibling names a core without doubt.
        siblings = _numbers(folder / "thread_siblings_list") or (number,)
        cpus.append(Cpu(socket, nodes.get(number, 0), siblings[0], number))
    return Topology(tuple(sorted(cpus)), mine & frozenset(online))


def _numbers(file: Path) -> tuple[int, ...]:
    try:
        return parse_cpu_list(file.read_text())
    except (OSError, ValueError):  # ValueError also for a package id of -1, which some machines have
        return ()
