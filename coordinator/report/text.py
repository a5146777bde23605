"""The report at a glance: verdict and totals first, then latency, agents, CPUs, findings."""

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ovbench.common.topology import format_cpu_list

from ..plan import Plan
from ..result import AgentPart, Finding, LatencyPart, Report
from .numbers import count, duration, milliseconds, percent, rate

_VERDICT: Final = {"VALID": "bold green", "INVALID": "bold red", "PARTIAL": "bold yellow"}
_SEVERITY: Final = {"info": "cyan", "warning": "yellow", "error": "bold red"}
_MOST_AGENTS: Final = 16
_MOST_CPUS: Final = 16


def print_report(console: Console, report: Report) -> None:
    def show(*parts: object) -> None:
        console.print(*parts, highlight=False, soft_wrap=True)

    show()
    show(_headline(report))
    if report.throughput.count:
        show(_subline(report))
        show(_latency_table(report))
        show(_agent_table(report))
        show(_cpu_lines(report))
    if report.validity.findings:
        show()
        for finding in report.validity.findings:
            show(_finding(finding))


def print_plan(console: Console, plan: Plan) -> None:
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
    rest = format_cpu_list(plan.housekeeping) or "none are left: control threads run on the measured CPUs"
    console.print(f"CPUs for the coordinator and control threads: {rest}", highlight=False, soft_wrap=True)


def _headline(report: Report) -> Text:
    status = report.validity.status
    text = Text(f" {status} ", f"reverse {_VERDICT[status]}")
    if not report.throughput.count:
        return text + Text("  nothing was measured")
    text += Text(f"  {rate(report.throughput.fps)} FPS", "bold")
    if report.latency_ms is not None:
        text += Text(f"   median {milliseconds(report.latency_ms.median)}   p99 {milliseconds(report.latency_ms.p99)}")
    return text + Text(f"   CPU {percent(report.cpu.busy_percent)}")


def _subline(report: Report) -> Text:
    window, throughput = report.window, report.throughput
    parts = [f"{count(throughput.count)} inferences in {window.duration_s:.3f} s"]
    if throughput.batch > 1:
        parts.append(f"batch {throughput.batch}")
    if report.effective is not None:
        agents = sum(agent.state == "ok" for agent in report.agents)
        parts.append(f"{agents} agent{'s' if agents != 1 else ''}, {report.effective.api}")
    parts.append(f"start skew {window.start_skew_us:.1f} us")
    return Text("  " + " · ".join(parts), "dim")


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=True)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < 2 else "right", no_wrap=True)
    return table


def _latency_table(report: Report) -> Table:
    latency = report.latency_ms
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=True)
    names = ("min", "median", "mean", "p90", "p95", "p99", "p99.9", "max")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    if latency is not None:
        table.add_row(*(milliseconds(value) for value in _row(latency)))
        table.title = "latency" + ("" if latency.exact else " (histogram: within 0.1 %)")
        table.title_justify = "left"
        table.title_style = "bold"
    return table


def _row(latency: LatencyPart) -> tuple[float, ...]:
    return (
        latency.min, latency.median, latency.mean, latency.p90, latency.p95, latency.p99, latency.p99_9, latency.max
    )  # fmt: skip


def _agent_table(report: Report) -> Table:
    table = _table("agent", "CPUs", "ran on", "streams", "requests", "FPS", "median", "p99", "CPU", "MB", "state")
    table.title, table.title_justify, table.title_style = "agents", "left", "bold"
    for agent in report.agents[:_MOST_AGENTS]:
        table.add_row(*_agent_row(agent), style=None if agent.state == "ok" else "red")
    if len(report.agents) > _MOST_AGENTS:
        speeds = sorted(a.throughput.fps for a in report.agents if a.throughput is not None)
        more = f"and {len(report.agents) - _MOST_AGENTS} more"
        spread = f"{rate(speeds[0])} to {rate(speeds[-1])}" if speeds else ""
        table.add_row("...", more, "", "", "", spread, "", "", "", "", "")
    return table


def _agent_row(agent: AgentPart) -> Iterator[str]:
    def known(value: object) -> str:
        return "-" if value is None else str(value)

    yield str(agent.id)
    yield format_cpu_list(agent.cpus)
    yield format_cpu_list(agent.placement.seen) or "-"
    yield known(agent.streams)
    yield known(agent.nireq)
    yield rate(agent.throughput.fps) if agent.throughput else "-"
    yield milliseconds(agent.latency_ms.median) if agent.latency_ms else "-"
    yield milliseconds(agent.latency_ms.p99) if agent.latency_ms else "-"
    yield percent(agent.cpu.percent) if agent.cpu else "-"
    yield f"{agent.memory_mb.private:.0f}" if agent.memory_mb else "-"
    yield agent.state


def _cpu_lines(report: Report) -> Text:
    cpu = report.cpu
    text = Text("CPU", "bold")
    text += Text(
        f"  measured CPUs busy {percent(cpu.busy_percent)}: agents {percent(cpu.agents_percent)}, "
        f"coordinator {percent(cpu.coordinator_percent)}, others {percent(cpu.others_percent)}"
    )
    shown = [str(number) for number in cpu.measured_cpus if str(number) in cpu.per_cpu]
    if len(shown) <= _MOST_CPUS:
        for number in shown:
            one = cpu.per_cpu[number]
            text += Text(f"\n     {number:>3} ") + _bar(one.busy)
            text += Text(f" {percent(one.busy):>7}  user {percent(one.user)}, system {percent(one.system)}")
            if one.steal >= 0.05:
                text += Text(f", stolen {percent(one.steal)}", "yellow")
    elif shown:
        busy = sorted(cpu.per_cpu[number].busy for number in shown)
        text += Text(f"\n     {len(shown)} CPUs from {percent(busy[0])} to {percent(busy[-1])} busy")
    return text


def _bar(value: float, width: int = 20) -> Text:
    full = round(min(value, 100.0) / 100 * width)
    return Text("█" * full, "green") + Text("░" * (width - full), "dim")


def _finding(finding: Finding) -> Text:
    return Text(f"  {finding.severity:<8}", _SEVERITY[finding.severity]) + Text(finding.message)
