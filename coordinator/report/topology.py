"""A machine at a glance: what it has, what of it may be used, which CPUs are near to each other and to memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ovbench.common.topology import CoreKind, Cpu, Topology

from ..result.numbers import count, megabytes

_MOST_ROWS: Final = 32
_MOST_NODES: Final = 12  # whose distances fit beside each other in 80 columns
_FEWEST_IN_STEPS: Final = 4


def print_topology(console: Console, topology: Topology) -> None:
    """In 80 columns and spans, so that two sockets of 64 cores are a screen and not a list."""
    console.print(Text(topology.model or "a processor without a name", "bold"), soft_wrap=True)
    console.print(Text("  " + " · ".join(_totals(topology)), "dim"), soft_wrap=True)
    for line in _limits(topology):
        console.print(Text("  ").append_text(line), highlight=False)
    console.print()
    console.print(_cpu_table(topology))
    console.print(Text("  cache: the lowest CPU of those that share their last one; a-b/n: every n-th", "dim"))
    if topology.numa:
        console.print()
        console.print(_memory_table(topology))
    if len(topology.numa) > _MOST_NODES:
        console.print("  distances: in --json", style="dim")


def topology_json(topology: Topology) -> dict[str, object]:
    """For programs; docs/topology.md has what the keys mean."""
    return {
        "model": topology.model,
        "sockets": topology.sockets,
        "nodes": topology.nodes,
        "physical_cores": topology.physical_cores,
        "logical_cpus": len(topology.cpus),
        "cpus": [
            {"id": c.id, "socket": c.socket, "node": c.node, "core": c.core, "l3": c.l3, "kind": c.kind}
            for c in topology.cpus
        ],
        "allowed": sorted(topology.allowed),
        "offline": list(topology.offline),
        "quota_cpus": topology.quota_cpus,
        "numa": [
            {"id": n.id, "cpus": list(n.cpus), "memory_mb": n.memory_mb, "distances": list(n.distances)}
            for n in topology.numa
        ],
    }


def spans(cpus: Sequence[int]) -> str:
    """As the kernel writes them, but for CPUs at even steps: `1-63/2` is every second one."""
    rest = sorted(cpus)
    parts = []
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 1
        length = next((n for n in range(1, len(rest)) if rest[n] - rest[n - 1] != step), len(rest))
        if step > 1 and length < _FEWEST_IN_STEPS:
            length = 1
        first, last = rest[0], rest[length - 1]
        parts.append(str(first) if length == 1 else f"{first}-{last}" + (f"/{step}" if step > 1 else ""))
        del rest[:length]
    return ", ".join(parts)


@dataclass(frozen=True)
class _Row:
    """CPUs of a node that are of one kind, and mostly share a cache."""

    socket: int
    node: int
    kind: CoreKind
    caches: str
    cpus: tuple[Cpu, ...]

    @property
    def cores(self) -> list[list[int]]:
        """Each as its logical CPUs."""
        cores: dict[int, list[int]] = {}
        for cpu in self.cpus:
            cores.setdefault(cpu.core, []).append(cpu.id)
        return list(cores.values())


def _totals(topology: Topology) -> Iterator[str]:
    yield _many(topology.sockets, "socket")
    if topology.numa:
        yield _many(len(topology.numa), "NUMA node")
    efficient = len({(c.socket, c.node, c.core) for c in topology.cpus if c.kind == "efficient"})
    kinds = f" ({topology.physical_cores - efficient} P, {efficient} E)" if efficient else ""
    yield _many(topology.physical_cores, "core") + kinds
    yield _many(len(topology.cpus), "logical CPU")


def _many(number: int, what: str) -> str:
    return f"{count(number)} {what}{'s' if number != 1 else ''}"


def _limits(topology: Topology) -> Iterator[Text]:
    if len(topology.allowed) == len(topology.cpus):
        yield Text("all CPUs may be used", "green")
    else:
        cores = _many(len(topology.usable_cores), "core")
        share = f"{len(topology.allowed)} of {len(topology.cpus)} CPUs may be used, on {cores}: "
        yield Text(share + spans(tuple(topology.allowed)), "yellow")
    if topology.quota_cpus is not None:
        yield Text(f"quota: the time of {topology.quota_cpus:.4g} CPUs, by the control group", "yellow")
    if topology.offline:
        yield Text(f"offline: {spans(topology.offline)}", "yellow")


def _cpu_table(topology: Topology) -> Table:
    """A column only where it says something."""
    rows = _rows(topology)
    kinds = len({row.kind for row in rows}) > 1
    siblings = any(len(core) > 1 for row in rows for core in row.cores)
    limited = len(topology.allowed) < len(topology.cpus)
    columns = {"kind": kinds, "SMT siblings": siblings, "may use": limited}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=True)
    for title in ("socket", "node", "cache", "kind", "cores", "CPUs", "SMT siblings", "may use"):
        if columns.get(title, True):
            justify = "right" if title in ("socket", "node", "cores") else "left"
            table.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    above: _Row | None = None
    for row in rows:
        usable = [cpu.id for cpu in row.cpus if cpu.id in topology.allowed]
        cells = [
            "" if above is not None and above.socket == row.socket else str(row.socket),
            "" if above is not None and (above.socket, above.node) == (row.socket, row.node) else str(row.node),
            row.caches,
            *([row.kind] if kinds else []),
            str(len(row.cores)),
            spans([cpu.id for cpu in row.cpus]),
            *([_siblings(row)] if siblings else []),
            *([_usable(row, usable)] if limited else []),
        ]
        table.add_row(*cells, style=None if usable else "dim")
        above = row
    return table


def _rows(topology: Topology) -> list[_Row]:
    """One for each last-level cache; one for each node where that would be too many."""
    fine = _grouped(topology, by_cache=True)
    return fine if len(fine) <= _MOST_ROWS else _grouped(topology, by_cache=False)


def _grouped(topology: Topology, *, by_cache: bool) -> list[_Row]:
    groups: dict[tuple[int, int, CoreKind, int | None], list[Cpu]] = {}
    for cpu in topology.cpus:
        groups.setdefault((cpu.socket, cpu.node, cpu.kind, cpu.l3 if by_cache else None), []).append(cpu)
    rows = []
    for (socket, node, kind, cache), cpus in groups.items():
        caches = f"{len({cpu.l3 for cpu in cpus})} groups" if cache is None else str(cache)
        rows.append(_Row(socket, node, kind, caches, tuple(cpus)))
    return rows


def _siblings(row: _Row) -> str:
    """Those of the first core and of the last one that has any, which shows how they are numbered."""
    shared = ["+".join(map(str, sorted(core))) for core in row.cores if len(core) > 1]
    return "" if not shared else shared[0] if len(shared) == 1 else f"{shared[0]} … {shared[-1]}"


def _usable(row: _Row, usable: list[int]) -> str:
    return "all" if len(usable) == len(row.cpus) else spans(usable) or "none"


def _memory_table(topology: Topology) -> Table:
    distances = 1 < len(topology.numa) <= _MOST_NODES and any(node.distances for node in topology.numa)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=True)
    for title in ("node", "memory", *([f"to {node.id}" for node in topology.numa] if distances else [])):
        table.add_column(title, justify="right", no_wrap=True)
    for node in topology.numa:
        memory = "-" if node.memory_mb is None else megabytes(node.memory_mb)
        near = [str(distance) for distance in node.distances] if distances else []
        table.add_row(f"{node.id}" + " (no CPUs)" * (not node.cpus), memory, *near)
    return table
