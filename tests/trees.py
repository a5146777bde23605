"""Machines as the trees of files that their kernels show: described in a line or two, written where a test wants them.

`MACHINES` has the ones that every rule about topologies should hold on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ovbench.common.topology import format_cpu_list

_CPU: Final = "sys/devices/system/cpu"
_NODE: Final = "sys/devices/system/node"


@dataclass(frozen=True)
class Core:
    """A physical core. `cpus`: its logical ones; `cache`: all cores with the same one share their last-level cache."""

    socket: int
    node: int
    cpus: tuple[int, ...]
    cache: int
    capacity: int | None = None
    max_khz: int | None = None


@dataclass(frozen=True)
class Tree:
    """What is not given is not written. `memory_mb`: of each node; more of them than cores have are without CPUs.

    `allowed` goes to Cpus_allowed_list; `groups` to proc/self/cgroup, by line; `files` are written as they are.
    """

    cores: tuple[Core, ...]
    memory_mb: tuple[int, ...] = ()
    distances: tuple[tuple[int, ...], ...] = ()
    cache_level: int | None = 3
    offline: frozenset[int] = frozenset()
    allowed: str | None = None
    groups: tuple[str, ...] = ()
    model: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def present(self) -> frozenset[int]:
        return frozenset(cpu for core in self.cores for cpu in core.cpus)

    @property
    def online(self) -> frozenset[int]:
        return self.present - self.offline

    def write(self, root: Path) -> Path:
        for name, text in self._content().items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text + "\n")
        return root

    def _content(self) -> dict[str, str]:
        content = {
            f"{_CPU}/online": format_cpu_list(self.online),
            f"{_CPU}/present": format_cpu_list(self.present),
            f"{_CPU}/offline": format_cpu_list(self.offline),
        }
        for core in self.cores:
            for cpu in core.cpus:
                content |= self._cpu(core, cpu)
        for node in range(len(self.memory_mb)):
            content |= self._node(node)
        if self.allowed is not None:
            content["proc/self/status"] = f"Name:\tpython3\nCpus_allowed_list:\t{self.allowed}\nMems_allowed_list:\t0"
        if self.groups:
            content["proc/self/cgroup"] = "\n".join(self.groups)
        if self.model is not None:
            content["proc/cpuinfo"] = f"processor\t: 0\nmodel name\t: {self.model}"
        return content | dict(self.files)

    def _cpu(self, core: Core, cpu: int) -> dict[str, str]:
        if cpu in self.offline:  # the kernel takes all this away with the CPU
            return {f"{_CPU}/cpu{cpu}/online": "0"}
        folder = f"{_CPU}/cpu{cpu}"
        shared = format_cpu_list(self._online(c for c in self.cores if c.cache == core.cache))
        content = {
            f"{folder}/topology/physical_package_id": str(core.socket),
            f"{folder}/topology/thread_siblings_list": format_cpu_list(self._online([core])),
        }
        if self.cache_level is not None:
            last = f"{folder}/cache/index{self.cache_level}"
            content |= {f"{last}/level": str(self.cache_level), f"{last}/shared_cpu_list": shared}
        if core.capacity is not None:
            content[f"{folder}/cpu_capacity"] = str(core.capacity)
        if core.max_khz is not None:
            content[f"{folder}/cpufreq/cpuinfo_max_freq"] = str(core.max_khz)
        return content

    def _node(self, node: int) -> dict[str, str]:
        folder = f"{_NODE}/node{node}"
        lines = (f"Node {node} MemTotal:  {self.memory_mb[node] << 10} kB", f"Node {node} MemFree:  1024 kB")
        content = {
            f"{folder}/cpulist": format_cpu_list(self._online(c for c in self.cores if c.node == node)),
            f"{folder}/meminfo": "\n".join(lines),
        }
        if self.distances:
            content[f"{folder}/distance"] = " ".join(map(str, self.distances[node]))
        return content

    def _online(self, cores: Iterable[Core]) -> tuple[int, ...]:
        return tuple(sorted(cpu for core in cores for cpu in core.cpus if cpu not in self.offline))


def regular(
    sockets: int,
    cores: int,
    *,
    threads: int = 1,
    nodes_per_socket: int = 1,
    cores_per_cache: int | None = None,
    node_mb: int = 65_536,
    model: str | None = None,
) -> Tree:
    """`cores` in each socket, numbered as Linux does on x86: first one thread of every core, then the second ones.

    The last-level cache is that of the socket unless `cores_per_cache` says else.
    """
    total, nodes = sockets * cores, sockets * nodes_per_socket
    all_cores = tuple(
        Core(
            socket=core // cores,
            node=core * nodes // total,
            cpus=tuple(core + thread * total for thread in range(threads)),
            cache=core // (cores_per_cache or cores),
        )
        for core in range(total)
    )
    return Tree(all_cores, (node_mb,) * nodes, _distances(nodes, nodes_per_socket), model=model)


def _distances(nodes: int, per_socket: int) -> tuple[tuple[int, ...], ...]:
    """As firmware has them on common servers: 10 at home, 12 within the socket, 21 beyond."""
    return tuple(
        tuple(10 if a == b else 12 if a // per_socket == b // per_socket else 21 for b in range(nodes))
        for a in range(nodes)
    )


def _hybrid() -> Tree:
    """Six P cores with SMT, eight E cores in clusters of four, as Intel's Core i7-12700H and its like."""
    fast = [Core(0, 0, (2 * core, 2 * core + 1), cache=0) for core in range(6)]
    slow = [Core(0, 0, (12 + core,), cache=0) for core in range(8)]
    files = {"sys/devices/cpu_core/cpus": "0-11", "sys/devices/cpu_atom/cpus": "12-19"}
    return Tree((*fast, *slow), (31_744,), ((10,),), model="12th Gen Intel(R) Core(TM) i7-12700H", files=files)


def _with_memory_only(tree: Tree, node_mb: int) -> Tree:
    """One node more, of memory without CPUs, as CXL's."""
    rows = tuple((*row, 24) for row in tree.distances)
    last = (*(24 for _ in tree.distances), 10)
    return replace(tree, memory_mb=(*tree.memory_mb, node_mb), distances=(*rows, last))


LAPTOP: Final = regular(1, 4, node_mb=15_872, model="Intel(R) Core(TM) i5-6500 CPU @ 3.20GHz")
HYBRID: Final = _hybrid()
TWO_SOCKETS: Final = regular(2, 32, threads=2, node_mb=257_536, model="Intel(R) Xeon(R) Platinum 8358 CPU @ 2.60GHz")
FOUR_SOCKETS: Final = regular(4, 28, threads=2, node_mb=386_048, model="Intel(R) Xeon(R) Platinum 8280L CPU @ 2.70GHz")
SUB_NUMA: Final = regular(2, 56, threads=2, nodes_per_socket=4, model="INTEL(R) XEON(R) PLATINUM 8592+")
AMD: Final = regular(2, 64, threads=2, cores_per_cache=8, node_mb=515_072, model="AMD EPYC 7763 64-Core Processor")
# As Ampere's Altra: each core has a second-level cache, and none that the kernel sees is shared.
ARM: Final = Tree(
    tuple(Core(0, 0, (core,), cache=core, capacity=1024) for core in range(80)), (261_120,), ((10,),), cache_level=2
)
OFFLINE: Final = replace(regular(2, 4, threads=2), offline=frozenset({1, 9, 14}), allowed="0-15")
ODD_CPUS: Final = replace(
    TWO_SOCKETS,
    allowed="0-127",
    groups=("0::/jobs/odd",),
    files={"sys/fs/cgroup/jobs/odd/cpuset.cpus.effective": ",".join(map(str, range(1, 128, 2)))},
)
HALF_CPU: Final = replace(
    LAPTOP, allowed="0-3", groups=("0::/box",), files={"sys/fs/cgroup/box/cpu.max": "50000 100000"}
)
MEMORY_NODE: Final = _with_memory_only(regular(2, 16, threads=2), 131_072)

MACHINES: Final[dict[str, Tree]] = {
    "1 x 4 laptop": LAPTOP,
    "P and E cores": HYBRID,
    "2 x 32 with SMT": TWO_SOCKETS,
    "4 sockets": FOUR_SOCKETS,
    "8 sub-NUMA nodes": SUB_NUMA,
    "16 L3 groups": AMD,
    "ARM without SMT": ARM,
    "offline CPUs": OFFLINE,
    "a cpuset of odd CPUs": ODD_CPUS,
    "half a CPU": HALF_CPU,
    "a node without CPUs": MEMORY_NODE,
}
