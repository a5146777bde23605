"""The agents of a run on the terminal: a row for each, and how evenly they were served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table
from rich.text import Text

from ovbench.common.topology import format_cpu_list

from ..result.hosts import named_hosts
from ..result.numbers import megabytes, percent, rate
from ..result.report import AgentPart, Report
from .hosttable import short_names
from .latencytable import latency_figure
from .table import fitted_table

_MOST_AGENTS: Final = 16


def _memory(agent: AgentPart) -> str | None:
    private = agent.memory_mb.private if agent.memory_mb is not None else None
    return None if private is None else megabytes(private)


def _per_cpu_second(agent: AgentPart) -> str | None:
    frames = agent.cpu.frames_per_cpu_s if agent.cpu is not None else None
    return None if frames is None else rate(frames)


def _memory_by_node(agent: AgentPart) -> str | None:
    """Its own, in the order of the nodes; a node of which it has next to nothing is left out."""
    nodes = agent.placement.memory_mb_by_node
    return ", ".join(f"{node}: {megabytes(one.own)}" for node, one in nodes.items() if one.own >= 0.5) or None


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[AgentPart], str | None]


_COLUMNS: Final = (
    _Column("agent", lambda a: str(a.id)),
    _Column("CPUs", lambda a: format_cpu_list(a.cpus)),
    _Column("FPS", lambda a: rate(a.throughput.fps) if a.throughput else None),
    _Column("median", lambda a: latency_figure(a.latency_ms, "median")),
    _Column("p99", lambda a: latency_figure(a.latency_ms, "p99")),
    _Column("CPU", lambda a: percent(a.cpu.percent) if a.cpu else None),
    _Column("memory", _memory),
)
# Shown only where agents differ, or where what happened is not what was planned.
_STREAMS: Final = _Column("streams", lambda a: None if a.streams is None else str(a.streams))
_REQUESTS: Final = _Column("requests", lambda a: None if a.nireq is None else str(a.nireq))
_SEEN: Final = _Column("ran on", lambda a: format_cpu_list(a.placement.seen) or None)
_MEMORY_BY_NODE: Final = _Column("memory by node", _memory_by_node)
_STATE: Final = _Column("state", lambda a: a.state)
# Only where there is room for it.
_EFFICIENCY: Final = _Column("FPS per CPU-s", _per_cpu_second)


def _columns(agents: Sequence[AgentPart], hosts: Mapping[str, str]) -> tuple[_Column, ...]:
    """`hosts`: of several, their names as they are shown."""
    columns = list(_COLUMNS)
    if any(not set(agent.placement.seen) <= set(agent.cpus) for agent in agents):
        columns.insert(2, _SEEN)
    if hosts:
        columns.insert(1, _Column("host", lambda a: hosts[a.host]))
    columns += [
        column for column in (_STREAMS, _REQUESTS) if len({column.cell(agent) for agent in agents} - {None}) > 1
    ]
    if len({node for agent in agents for node in agent.placement.memory_mb_by_node}) > 1:
        columns.append(_MEMORY_BY_NODE)
    if any(agent.state != "ok" for agent in agents):
        columns.append(_STATE)
    if len(columns) == len(_COLUMNS) and len(agents) <= _MOST_AGENTS:
        columns.insert(-1, _EFFICIENCY)
    return tuple(columns)


def agent_table(report: Report) -> Table:
    columns = _columns(report.agents, _names(report))
    rows: list[list[str | Text]] = []
    for agent in report.agents[:_MOST_AGENTS]:
        cells = (column.cell(agent) or "-" for column in columns)
        rows.append([cell if agent.state == "ok" else Text(cell, "red") for cell in cells])
    names = 3 if report.several_hosts else 2
    rest = report.agents[_MOST_AGENTS:]
    if rest:
        speeds = sorted(agent.throughput.fps for agent in rest if agent.throughput is not None)
        spread = f"{rate(speeds[0])} to {rate(speeds[-1])}" if speeds else "-"
        more = ["...", *[""] * (names - 2), f"{len(rest)} more", spread]
        rows.append([*more, *[""] * (len(columns) - len(more))])
    return fitted_table([column.title for column in columns], rows, names)


def _names(report: Report) -> dict[str, str]:
    return short_names([host.name for host in report.hosts]) if report.several_hosts else {}


def fairness_text(report: Report) -> str:
    """By host where there are several, else by node, else by socket."""
    part, hosts = report.fairness, _names(report)
    if part is None:
        return ""
    lines = [
        _range("agent ", {str(part.slowest_agent): part.min_fps_per_cpu, str(part.fastest_agent): part.max_fps_per_cpu})
    ]
    lines[0] += f", spread {percent(part.spread_percent)}"
    if len(part.by_host) > len(part.among):
        lines.append(f"on {named_hosts([hosts[name] for name in part.among])}, which are alike")
    name, means = ("node", part.by_node) if len(part.by_node) > 1 else ("socket", part.by_socket)
    if len(means) > 1:
        lines.append(_range(f"{name} ", means))
    if part.by_host:
        lines.append(_range("", {hosts[host]: mean for host, mean in part.by_host.items()}))
    return "\n".join(f"  {line}" for line in lines)


def _range(name: str, rates: dict[str, float]) -> str:
    slow, fast = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    return f"FPS per CPU from {rate(rates[slow])} ({name}{slow}) to {rate(rates[fast])} ({name}{fast})"
