"""Which CPUs a run may be measured on, how they are cut into agents, and whose memory: as requested. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from ovbench.common.job import MemoryPolicy
from ovbench.common.topology import CoreKind, Cpu, format_cpu_list

Grouping = Literal["per-core", "per-l3", "per-node", "per-socket"]
Smt = Literal["use", "skip"]
Spread = Literal["compact", "scatter"]
GROUPINGS: Final[tuple[Grouping, ...]] = ("per-core", "per-l3", "per-node", "per-socket")


@dataclass(frozen=True)
class Policy:
    """Placement as requested. None restricts nothing; `agents` None is one per core, or as many as fit.

    With `smt` skip, one logical CPU of each core is measured: the lowest of those that the other fields leave.
    `memory` None leaves the system's memory policy as it is.
    """

    agents: int | Grouping | None = None
    cpus_per_agent: int | None = None
    cpus: tuple[int, ...] | None = None
    nodes: tuple[int, ...] | None = None
    sockets: tuple[int, ...] | None = None
    smt: Smt = "skip"
    core_kind: CoreKind | None = None
    spread: Spread = "compact"
    cross_node: bool = False
    housekeeping: tuple[int, ...] | None = None
    memory: MemoryPolicy | None = None

    def requested(self) -> dict[str, str | int | float | bool | None]:
        """For the report, by the names of the command line."""
        return {
            "agents": self.agents,
            "cpus_per_agent": self.cpus_per_agent,
            "cpus": listed(self.cpus),
            "nodes": listed(self.nodes),
            "sockets": listed(self.sockets),
            "smt": self.smt,
            "core_kind": self.core_kind or "any",
            "spread": self.spread,
            "cross_node": "allow" if self.cross_node else "avoid",
            "housekeeping": listed(self.housekeeping),
            "memory": None if self.memory is None else self.memory.asked,
        }

    @property
    def restrictions(self) -> str:
        """The flags that exclude CPUs, as they are written."""
        lists = (("--cpus", self.cpus), ("--nodes", self.nodes), ("--sockets", self.sockets))
        said = [f"{flag} {format_cpu_list(numbers)}" for flag, numbers in lists if numbers is not None]
        said += [] if self.core_kind is None else [f"--core-kind {self.core_kind}"]
        said += [] if self.housekeeping is None else [f"--housekeeping {format_cpu_list(self.housekeeping)}"]
        return " ".join(said)

    def takes(self, cpu: Cpu) -> bool:
        """Whether no list and no kind excludes it."""
        return (
            (self.cpus is None or cpu.id in self.cpus)
            and (self.nodes is None or cpu.node in self.nodes)
            and (self.sockets is None or cpu.socket in self.sockets)
            and self.core_kind in (None, cpu.kind)
        )


def listed(numbers: tuple[int, ...] | None) -> str | None:
    return None if numbers is None else format_cpu_list(numbers)
