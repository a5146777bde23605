"""The CPUs and memory of a machine as the kernel describes them, and what of it this process may use."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from .cgroup import read_cpuset, read_quota
from .corekind import read_efficient
from .cpulist import format_cpu_list as format_cpu_list
from .cpulist import parse_cpu_list as parse_cpu_list
from .cpulist import read_cpu_list, read_text

CoreKind = Literal["performance", "efficient"]

# How /proc/cpuinfo names what the processor is called, by architecture.
MODEL_KEYS: Final = ("model name", "Model", "cpu model")
_NO_CACHE: Final = -1


@dataclass(frozen=True, order=True)
class Cpu:
    """One logical CPU. Ordered as an expert would fill a machine: by socket, NUMA node, physical core, number.

    `core` is the lowest number among its SMT siblings, `l3` the lowest among those that share its last-level cache,
    which may reach over several nodes.
    """

    socket: int
    node: int
    core: int
    id: int
    l3: int = 0
    kind: CoreKind = "performance"

    @property
    def physical_core(self) -> tuple[int, int, int]:
        """Equal for SMT siblings, and for no others."""
        return self.socket, self.node, self.core


@dataclass(frozen=True)
class Node:
    """A NUMA node. `cpus`: its online ones; `memory_mb`: in MiB, None where it is not known.

    `distances`: to each node of the machine in the order of their numbers, 10 to itself; none where not known.
    """

    id: int
    cpus: tuple[int, ...]
    memory_mb: int | None = None
    distances: tuple[int, ...] = ()


@dataclass(frozen=True)
class Topology:
    """`cpus`: all online ones, in order; `allowed`: the numbers of those that this process may use.

    `numa`: every node, also those that have only memory; none where the kernel knows no nodes. `offline`: CPUs that
    are there, but switched off. `quota_cpus`: how many CPUs' time the process's control groups leave it; None is no
    limit.
    """

    cpus: tuple[Cpu, ...]
    allowed: frozenset[int]
    numa: tuple[Node, ...] = ()
    offline: tuple[int, ...] = ()
    quota_cpus: float | None = None
    model: str = ""

    @property
    def usable(self) -> tuple[Cpu, ...]:
        return tuple(cpu for cpu in self.cpus if cpu.id in self.allowed)

    @property
    def usable_cores(self) -> tuple[tuple[int, ...], ...]:
        """Physical cores, each as its usable logical CPUs."""
        cores: dict[tuple[int, int, int], list[int]] = {}
        for cpu in self.usable:
            cores.setdefault(cpu.physical_core, []).append(cpu.id)
        return tuple(tuple(ids) for ids in cores.values())

    @property
    def sockets(self) -> int:
        return len({cpu.socket for cpu in self.cpus})

    @property
    def nodes(self) -> int:
        """Those that have CPUs."""
        return len({cpu.node for cpu in self.cpus})

    @property
    def physical_cores(self) -> int:
        return len({cpu.physical_core for cpu in self.cpus})

    def nodes_of(self, cpus: Collection[int]) -> frozenset[int]:
        """The NUMA nodes that some CPUs are of."""
        return frozenset(cpu.node for cpu in self.cpus if cpu.id in cpus)

    def home(self, cpus: Iterable[int]) -> tuple[int | None, int | None]:
        """Socket and NUMA node that all of `cpus` belong to; None where they are of several."""
        wanted = set(cpus)
        sockets = {cpu.socket for cpu in self.cpus if cpu.id in wanted}
        nodes = self.nodes_of(wanted)
        return (sockets.pop() if len(sockets) == 1 else None), (next(iter(nodes)) if len(nodes) == 1 else None)


def read_topology(root: Path = Path("/"), allowed: frozenset[int] | None = None) -> Topology:
    """This machine's, or that of a recorded tree at `root`.

    `allowed` defaults to this process's affinity, and with a recorded tree to that of the process that recorded it.
    A file that is missing means that the machine lacks the feature: without topology files every CPU is a core of
    socket 0, without node files there is one node, without cache files a node's CPUs share one.
    """
    mine = _affinity(root) if allowed is None else allowed
    online = _online(root) or tuple(sorted(mine or ()))
    numa = _numa(root, frozenset(online))
    node_of = {cpu: node.id for node in numa for cpu in node.cpus}
    efficient = read_efficient(root, online)
    cpus = []
    for number in online:
        folder = root / f"sys/devices/system/cpu/cpu{number}"
        kind: CoreKind = "efficient" if number in efficient else "performance"
        cpus.append(
            Cpu(_socket(folder), node_of.get(number, 0), _core(folder, number), number, _last_cache(folder), kind)
        )
    return Topology(
        cpus=tuple(sorted(_with_caches(cpus))),
        allowed=frozenset(online) if mine is None else mine & frozenset(online),
        numa=numa,
        offline=_offline(root, online),
        quota_cpus=read_quota(root),
        model=_model(root),
    )


def _affinity(root: Path) -> frozenset[int] | None:
    """None where a recorded tree does not show it; this machine's kernel has applied the cpuset already."""
    if root.resolve() == Path("/"):
        return frozenset(os.sched_getaffinity(0))
    cpuset = read_cpuset(root)
    for line in read_text(root / "proc/self/status").splitlines():
        name, _, value = line.partition(":")
        if name == "Cpus_allowed_list":
            mask = frozenset(_list(value))
            return mask if cpuset is None else mask & cpuset
    return cpuset


def _list(text: str) -> tuple[int, ...]:
    try:
        return parse_cpu_list(text)
    except ValueError:
        return ()


def _online(root: Path) -> tuple[int, ...]:
    system = root / "sys/devices/system/cpu"
    folders = (folder.name[3:] for folder in system.glob("cpu[0-9]*"))
    return read_cpu_list(system / "online") or tuple(sorted(int(name) for name in folders if name.isdecimal()))


def _offline(root: Path, online: tuple[int, ...]) -> tuple[int, ...]:
    """The kernel's own list counts also those that could be plugged in, so it is only the second choice."""
    system = root / "sys/devices/system/cpu"
    there = read_cpu_list(system / "present") or read_cpu_list(system / "offline")
    return tuple(sorted(set(there) - set(online)))


def _socket(folder: Path) -> int:
    """Some kernels have -1 for a package that they do not know; some, numbers of no order."""
    text = read_text(folder / "topology/physical_package_id").strip()
    return int(text) if text.isascii() and text.isdigit() else 0


def _core(folder: Path, number: int) -> int:
    """core_id is unique only within a die; the lowest sibling names a core without doubt."""
    names = ("thread_siblings_list", "core_cpus_list")
    return min(next(filter(None, (read_cpu_list(folder / "topology" / name) for name in names)), (number,)))


def _last_cache(folder: Path) -> int:
    """The lowest CPU of those that share the cache of the highest level; that of a core without a third is a second."""
    caches = []
    for cache in folder.glob("cache/index[0-9]*"):
        shared = read_cpu_list(cache / "shared_cpu_list")
        level = read_text(cache / "level").strip() or cache.name.removeprefix("index")
        if shared and level.isdigit():
            caches.append((int(level), shared[0]))
    return max(caches)[1] if caches else _NO_CACHE


def _with_caches(cpus: list[Cpu]) -> list[Cpu]:
    """Where the kernel knows no caches, as if the CPUs of a socket's node shared one."""
    first: dict[tuple[int, int], int] = {}
    for cpu in cpus:
        first[cpu.socket, cpu.node] = min(cpu.id, first.get((cpu.socket, cpu.node), cpu.id))
    return [replace(cpu, l3=first[cpu.socket, cpu.node]) if cpu.l3 == _NO_CACHE else cpu for cpu in cpus]


def _numa(root: Path, online: frozenset[int]) -> tuple[Node, ...]:
    system = root / "sys/devices/system/node"
    numbers = sorted(int(name) for folder in system.glob("node[0-9]*") if (name := folder.name[4:]).isdecimal())
    nodes = []
    for number in numbers:
        folder = system / f"node{number}"
        distances = tuple(int(text) for text in read_text(folder / "distance").split() if text.isdecimal())
        nodes.append(
            Node(
                id=number,
                cpus=tuple(cpu for cpu in read_cpu_list(folder / "cpulist") if cpu in online),
                memory_mb=_memory_mb(folder),
                distances=distances if len(distances) == len(numbers) else (),
            )
        )
    return tuple(nodes)


def _memory_mb(folder: Path) -> int | None:
    """From a line such as `Node 0 MemTotal:  24684084 kB`."""
    for line in read_text(folder / "meminfo").splitlines():
        words = line.split()
        if len(words) >= 4 and words[2] == "MemTotal:" and words[3].isdecimal():
            return int(words[3]) >> 10
    return None


def _model(root: Path) -> str:
    for line in read_text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in MODEL_KEYS:
            return value.strip()
    return ""
