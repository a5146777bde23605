"""The report at a glance: verdict and totals first, then latency, agents, CPUs, findings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ovbench.common.topology import format_cpu_list

from ..plan import Plan
from ..result import AgentPart, EffectivePart, Finding, LatencyPart, Report
from .numbers import count, duration, milliseconds, percent, rate

_VERDICT: Final = {"VALID": "bold green", "INVALID": "bold red", "PARTIAL": "bold yellow"}
_SEVERITY: Final = {"info": "cyan", "warning": "yellow", "error": "bold red"}
_MOST_AGENTS: Final = 16
_MOST_CPUS: Final = 16


def print_report(console: Console, report: Report) -> None:
    """What a person wants to know, most important first; fits a terminal of 80 columns."""

    def show(part: Text) -> None:
        # Soft wrap: a line that is too long stays one line for whatever reads it.
        console.print(part, highlight=False, soft_wrap=True)

    show(Text())
    show(_headline(report))
    if report.throughput.count:
        for line in _sublines(report):
            show(Text("  " + " · ".join(line), "dim"))
        show(Text("\nlatency", "bold") + Text("" if report.latency_ms is None else _method(report.latency_ms), "dim"))
        console.print(_latency_table(report))
        show(Text("\nagents", "bold"))
        console.print(_agent_table(report))
        show(_cpu_lines(report))
    for index, finding in enumerate(report.validity.findings):
        show(Text("\n" if index == 0 else "") + _finding(finding))


def print_plan(console: Console, plan: Plan, findings: Sequence[Finding]) -> None:
    table = _table("agent", "CPUs", "API", "streams", "requests", "share")
    for index, job in enumerate(plan.jobs):
        load = job.load
        share = [] if load.duration_s is None else [duration(load.duration_s)]
        share += [] if load.iterations is None else [f"{count(load.iterations)} inferences"]
        streams, requests = job.runtime.streams, job.runtime.requests
        table.add_row(
            str(index), format_cpu_list(job.placement.cpus), load.api,
            "auto" if streams is None else str(streams),
            "1" if load.api == "sync" else "auto" if requests is None else str(requests), " and ".join(share),
        )  # fmt: skip
    console.print(table)
    rest = format_cpu_list(plan.housekeeping) or "none left over; they run on the measured ones"
    console.print(f"CPUs for control threads: {rest}", highlight=False, soft_wrap=True)
    for finding in findings:
        console.print(_finding(finding), highlight=False, soft_wrap=True)


def _headline(report: Report) -> Text:
    status = report.validity.status
    text = Text(f" {status} ", f"reverse {_VERDICT[status]}")
    if not report.throughput.count:
        return text + Text("  nothing was measured")
    text += Text(f"  {rate(report.throughput.fps)} FPS", "bold")
    if report.latency_ms is not None:
        text += Text(f"   median {milliseconds(report.latency_ms.median)}   p99 {milliseconds(report.latency_ms.p99)}")
    return text + Text(f"   CPU {percent(report.cpu.busy_percent)}")


def _sublines(report: Report) -> Iterator[list[str]]:
    window, throughput = report.window, report.throughput
    counted = [f"{count(throughput.count)} inferences in {window.duration_s:.3f} s"]
    if throughput.batch > 1:
        counted.append(f"batch {throughput.batch}")
    yield [*counted, f"start skew {window.start_skew_us:.1f} us"]
    if report.effective is not None:
        agents = sum(agent.state == "ok" for agent in report.agents)
        yield [f"{agents} agent{'s' if agents != 1 else ''}, {report.effective.api}{_each(report.effective)}"]


def _each(effective: EffectivePart) -> str:
    if effective.streams is None or effective.nireq is None:
        return ""
    streams, requests = effective.streams, effective.nireq
    return f", {streams} stream{'s' if streams != 1 else ''} and {requests} request{'s' if requests != 1 else ''} each"


def _method(latency: LatencyPart) -> str:
    return "" if latency.exact else "  from a histogram: within 0.1 %"


def _table(*columns: str) -> Table:
    """Columns flush right but the first two, which name things."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 2), show_edge=False, pad_edge=True)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < 2 else "right", no_wrap=True)
    return table


def _latency_table(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 2), show_edge=False, pad_edge=True)
    for name in ("min", "median", "mean", "p90", "p95", "p99", "p99.9", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    latency = report.latency_ms
    if latency is not None:
        values = (latency.min, latency.median, latency.mean, latency.p90, latency.p95, latency.p99, latency.p99_9)
        table.add_row(*(milliseconds(value) for value in (*values, latency.max)))
    return table


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[AgentPart], str | None]


_AGENT_COLUMNS: Final = (
    _Column("agent", lambda a: str(a.id)),
    _Column("CPUs", lambda a: format_cpu_list(a.cpus)),
    _Column("FPS", lambda a: rate(a.throughput.fps) if a.throughput else None),
    _Column("median", lambda a: milliseconds(a.latency_ms.median) if a.latency_ms else None),
    _Column("p99", lambda a: milliseconds(a.latency_ms.p99) if a.latency_ms else None),
    _Column("CPU", lambda a: percent(a.cpu.percent) if a.cpu else None),
    _Column("memory", lambda a: f"{a.memory_mb.private:.0f} MB" if a.memory_mb else None),
)
# Shown only where agents differ, or where what happened is not what was planned.
_STREAMS: Final = _Column("streams", lambda a: None if a.streams is None else str(a.streams))
_REQUESTS: Final = _Column("requests", lambda a: None if a.nireq is None else str(a.nireq))
_SEEN: Final = _Column("ran on", lambda a: format_cpu_list(a.placement.seen) or None)
_STATE: Final = _Column("state", lambda a: a.state)


def _agent_columns(agents: Sequence[AgentPart]) -> tuple[_Column, ...]:
    columns = list(_AGENT_COLUMNS)
    if any(not set(agent.placement.seen) <= set(agent.cpus) for agent in agents):
        columns.insert(2, _SEEN)
    columns += [column for column in (_STREAMS, _REQUESTS) if len({column.cell(agent) for agent in agents}) > 1]
    if any(agent.state != "ok" for agent in agents):
        columns.append(_STATE)
    return tuple(columns)


def _agent_table(report: Report) -> Table:
    columns = _agent_columns(report.agents)
    table = _table(*(column.title for column in columns))
    for agent in report.agents[:_MOST_AGENTS]:
        row = (column.cell(agent) or "-" for column in columns)
        table.add_row(*row, style=None if agent.state == "ok" else "red")
    rest = report.agents[_MOST_AGENTS:]
    if rest:
        speeds = sorted(agent.throughput.fps for agent in rest if agent.throughput is not None)
        spread = f"{rate(speeds[0])} to {rate(speeds[-1])}" if speeds else "-"
        table.add_row("...", f"{len(rest)} more", spread)
    return table


def _cpu_lines(report: Report) -> Text:
    cpu = report.cpu
    text = Text("\nCPU", "bold")
    text += Text(
        f"  measured CPUs busy {percent(cpu.busy_percent)}: agents {percent(cpu.agents_percent)}, "
        f"coordinator {percent(cpu.coordinator_percent)}, others {percent(cpu.others_percent)}",
        "dim",
    )
    shown = [str(number) for number in cpu.measured_cpus if str(number) in cpu.per_cpu]
    if len(shown) <= _MOST_CPUS:
        for number in shown:
            one = cpu.per_cpu[number]
            text += Text(f"\n  {number:>3}  ") + _bar(one.busy)
            text += Text(f" {percent(one.busy):>7}  user {percent(one.user)}, system {percent(one.system)}")
            if one.steal >= 0.05:
                text += Text(f", stolen {percent(one.steal)}", "yellow")
    elif shown:
        busy = sorted(cpu.per_cpu[number].busy for number in shown)
        text += Text(f"\n  {len(shown)} CPUs from {percent(busy[0])} to {percent(busy[-1])} busy")
    return text


def _bar(value: float, width: int = 20) -> Text:
    full = round(min(value, 100.0) / 100 * width)
    return Text("█" * full, "green") + Text("░" * (width - full), "dim")


def _finding(finding: Finding) -> Text:
    return Text(f"  {finding.severity:<8}", _SEVERITY[finding.severity]) + Text(finding.message)
