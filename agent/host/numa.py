"""Memory by NUMA node: the policy it is taken by, and where it is. Here alone is that asked of the kernel."""

import ctypes
import errno
import os
import platform
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ovbench.common.cpulist import format_cpu_list
from ovbench.common.errors import UsageError
from ovbench.common.job import MemoryPolicy
from ovbench.common.messages import OnNode

MAPS: Final = Path("/proc/self/numa_maps")

# By architecture: set_mempolicy and get_mempolicy (asm/unistd_64.h; asm-generic/unistd.h). glibc has neither.
_CALLS: Final = {"x86_64": (238, 239), "aarch64": (237, 236)}
# linux/mempolicy.h. Those that cannot be asked for here may be what the process was started with.
_MODES: Final = dict(
    enumerate(("default", "preferred", "bind", "interleave", "local", "preferred-many", "weighted-interleave"))
)
_NUMBERS: Final = {name: number for number, name in _MODES.items()}
_MODE_BITS: Final = (1 << 13) - 1  # above them are flags
_MOST_NODES: Final = 4096  # four times what Linux can be built for (NODES_SHIFT)
_WORD_BITS: Final = 64
_Mask = ctypes.c_ulong * (_MOST_NODES // _WORD_BITS)

_LIBRARY: Final = re.compile(r"\.so(\.[0-9.]+)?(\\040\(deleted\))?$")
_KIB_PER_MIB: Final = 1024
_COST_TO_REST: Final = 500
"""To read the maps may take 0.2 % of a CPU while the load runs; they take longer the more memory there is."""


def set_policy(policy: MemoryPolicy) -> str:
    """Set that of the calling thread and of those it will start, and read it back as `read_policy` has it.

    Raises UsageError, one sentence, where it cannot be had.
    """
    mask = _Mask()
    for node in policy.nodes:
        if node >= _MOST_NODES:
            raise UsageError(f"--memory {policy.asked}: no kernel has a node {node}")
        mask[node // _WORD_BITS] |= 1 << node % _WORD_BITS
    # The kernel takes one bit less than the length it is given.
    words = ctypes.byref(mask) if policy.nodes else None
    failed = _call(0, _NUMBERS[policy.mode], words, _MOST_NODES + 1 if policy.nodes else 0)
    if failed:
        raise UsageError(f"--memory {policy.asked}: {_why(failed, policy)}")
    effective = read_policy()
    if effective != policy.text:
        raise UsageError(
            f"--memory {policy.asked}: the system made '{effective}' of '{policy.text}' (the cpuset of its "
            "control group may have fewer nodes, see cpuset.mems); name only nodes that it may use"
        )
    return effective


def read_policy() -> str:
    """That of the calling thread: a mode and its nodes, as in `bind:0-1`; `default` where the kernel knows none."""
    mode, mask = ctypes.c_int(0), _Mask()
    if _call(1, ctypes.byref(mode), ctypes.byref(mask), _MOST_NODES + 1, None, 0):
        return "default"
    if mode.value & _MODE_BITS == _NUMBERS["preferred"] and not any(mask):
        return "local"  # as kernels before 5.14 say it
    nodes = [bit for bit in range(_MOST_NODES) if mask[bit // _WORD_BITS] >> bit % _WORD_BITS & 1]
    name = _MODES.get(mode.value & _MODE_BITS, f"mode {mode.value & _MODE_BITS}")
    return f"{name}:{format_cpu_list(nodes)}" if nodes else name


def _call(which: int, *arguments: object) -> int:
    """The errno of a system call, 0 where it succeeded."""
    numbers = _CALLS.get(platform.machine())
    if numbers is None:
        return errno.ENOSYS
    libc = ctypes.CDLL(None, use_errno=True)
    widened = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in arguments]
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(numbers[which]), *widened) else 0


def _why(failed: int, policy: MemoryPolicy) -> str:
    if failed == errno.ENOSYS:
        return "this kernel has no memory policies (CONFIG_NUMA is off, or the architecture is another); leave it out"
    if failed in (errno.EPERM, errno.EACCES):
        return (
            "the system forbids set_mempolicy, as containers do by default; leave it out, or start the container with "
            "--cap-add SYS_NICE, or a seccomp profile that allows it"
        )
    if failed == errno.EINVAL and policy.nodes:
        return (
            f"the system has no memory for this process on nodes {format_cpu_list(policy.nodes)} (the cpuset of its "
            "control group may leave them out, see cpuset.mems); name other nodes"
        )
    return f"the system refused the memory policy: {os.strerror(failed)}; leave it out"


def parse_maps(lines: Iterable[str], executable: str) -> tuple[OnNode, ...]:
    """numa_maps (numa(7), and Documentation/filesystems/proc.rst) by node; `executable`: the path of the program.

    A mapping's pages are its process's own, but for executables and libraries, and for pages without a file of which
    any is mapped by other processes, too (mapmax): those it has in common with what it was forked from.
    """
    own_kb: dict[int, int] = {}
    total_kb: dict[int, int] = {}
    for line in lines:
        values = dict(word.partition("=")[::2] for word in line.split()[2:])
        page_kb = int(values.get("kernelpagesize_kB", "4"))
        own = _is_own(values, executable)
        for name, value in values.items():
            if name[0] == "N" and name[1:].isdecimal():
                node, kb = int(name[1:]), int(value) * page_kb
                total_kb[node] = total_kb.get(node, 0) + kb
                own_kb[node] = own_kb.get(node, 0) + kb * own
    return tuple(OnNode(node, own_kb[node] / _KIB_PER_MIB, kb / _KIB_PER_MIB) for node, kb in sorted(total_kb.items()))


def _is_own(values: dict[str, str], executable: str) -> bool:
    file = values.get("file")
    if file is None or "huge" in values:
        return int(values.get("mapmax", "1")) <= 1
    return file != executable and not _LIBRARY.search(file)


def read_nodes(maps: Path = MAPS) -> tuple[OnNode, ...]:
    """This process's memory by node; none where the kernel does not report it (CONFIG_NUMA is off)."""
    executable = os.path.realpath(sys.executable)
    try:
        with maps.open(errors="replace") as lines:
            return parse_maps(lines, executable)
    except OSError:
        return ()


class Whereabouts:
    """Where the memory was over a load: the mean of some looks at it.

    On machines of several nodes it is looked at while the load runs, too, as the kernel may move pages (NUMA
    balancing); how often depends on what a look costs.
    """

    def __init__(self, several_nodes: bool, maps: Path = MAPS) -> None:
        self._several_nodes = several_nodes
        self._maps = maps
        self._looks: list[tuple[OnNode, ...]] = []
        self._next_ns = 0

    def start(self, now_ns: int) -> None:
        """Look, only to know what it costs: none is due before that is paid for."""
        if self._several_nodes:
            self._next_ns = now_ns + self._look() * _COST_TO_REST
        self._looks.clear()

    def look(self, now_ns: int) -> None:
        """Do so if it is due."""
        if self._several_nodes and now_ns >= self._next_ns:
            self._next_ns = now_ns + self._look() * _COST_TO_REST

    def end(self) -> tuple[OnNode, ...]:
        self._looks.append(read_nodes(self._maps))
        return mean_of(tuple(self._looks))  # the other thread may look meanwhile

    def _look(self) -> int:
        """Returns the CPU time that it took, ns."""
        before_ns = time.thread_time_ns()
        self._looks.append(read_nodes(self._maps))
        return time.thread_time_ns() - before_ns


def mean_of(looks: Sequence[tuple[OnNode, ...]]) -> tuple[OnNode, ...]:
    """A node that a look does not name had nothing then."""
    nodes = sorted({part.node for look in looks for part in look})
    return tuple(
        OnNode(
            node,
            sum(part.own_mb for look in looks for part in look if part.node == node) / len(looks),
            sum(part.total_mb for look in looks for part in look if part.node == node) / len(looks),
        )
        for node in nodes
    )


def several_nodes(root: Path = Path("/sys/devices/system/node")) -> bool:
    return len(list(root.glob("node[0-9]*"))) > 1
