"""The report at a glance: latency, agents, CPUs, layers where asked for, findings, and the summary where it ends."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ovbench.common.job import AUTO_STREAMS
from ovbench.common.topology import Topology, format_cpu_list

from ..plan.plan import Plan
from ..request.request import PcSort, Request
from ..request.resultflags import PC_SORTS
from ..result.numbers import (
    count,
    duration,
    figure_value,
)
from ..result.openvino import BuildPart
from ..result.report import (
    Finding,
    LayersPart,
    Report,
    RequirementPart,
)
from ..result.scenario import ScenarioPart
from .agenttable import agent_table, fairness_text
from .arrivals import ARRIVALS_INDENT, arrival_lines, stage_table
from .cputable import below_cpus, cpu_headline, use_table, use_table_of_hosts
from .hosttable import class_lines, host_table
from .latencytable import group_table, latency_table, method, parts_table
from .layers import EXPLANATION, layer_lines, slower_lines
from .lines import print_line
from .scenario import scenario_rows
from .steps import arriving_lines
from .summary import print_summary

_SEVERITY: Final = {"info": "cyan", "warning": "yellow", "error": "bold red"}
_FINDING_INDENT: Final = 10


def print_report(console: Console, report: Report) -> None:
    """What a person wants to know, most important last, where a terminal ends; fits one of 80 columns.

    What was asked to be shown, such as the layers, is in the report, so that a saved one reads as the run did.
    """

    def show(part: Text) -> None:
        # Soft wrap: a line that is too long stays one line for whatever reads it.
        console.print(part, highlight=False, soft_wrap=True)

    if report.measured:
        if report.scenario is not None:
            for line in _scenario(report.scenario):
                show(line)
        since_due = "  from due" if report.arrivals is not None else ""
        show(Text.assemble(("\nlatency", "bold"), (since_due + method(report.latency_ms), "dim")))
        console.print(_latencies(report))
        if report.groups:
            show(Text("\nlatency by shapes", "bold"))
            console.print(group_table(report.groups))
    for index, line in enumerate(arrival_lines(report)):
        if index == 0:
            show(Text())
        print_line(console, line, ARRIVALS_INDENT)
    if report.stages:
        show(Text.assemble(("\nstages", "bold"), ("  by when inferences were due; rates per second", "dim")))
        console.print(stage_table(report.stages))
    if report.several_hosts:
        show(Text("\nhosts", "bold"))
        console.print(host_table(report.hosts))
        for line in class_lines(report.hosts):
            print_line(console, line, 2)
    if report.measured:
        show(Text.assemble(("\nagents", "bold"), (fairness_text(report), "dim")))
        console.print(agent_table(report))
        show(cpu_headline(report))
        if report.several_hosts:
            console.print(use_table_of_hosts(report.hosts))
        elif report.cpu.use:
            console.print(use_table(report.cpu))
        for line in below_cpus(report):
            show(line)
    for line in _builds(report.openvino):
        print_line(console, line, 2)
    sort = next((sort for sort in PC_SORTS if sort == report.requested.get("pcsort")), None)
    if report.layers is not None and (report.requested.get("pc") or sort is not None):
        for line in _layers(report.layers, sort, console.width if console.is_terminal else None):
            show(line)
    if report.validity.findings:
        show(Text())
    for finding in report.validity.findings:
        print_line(console, _finding(finding), _FINDING_INDENT)
    for index, requirement in enumerate(report.requirements):
        show(Text("\n" if index == 0 else "") + _requirement(requirement))
    show(Text())
    print_summary(console, report)


def print_plan(
    console: Console,
    request: Request,
    plan: Plan,
    topology: Topology,
    findings: Sequence[Finding],
    first: int = 0,
) -> None:
    """Of one host, whose agents count from `first`. NUMA nodes are shown where there are several."""
    table = _table("agent", "CPUs", *(["node"] if topology.nodes > 1 else []), "API", "streams", "requests", "share")
    for index, job in enumerate(plan.jobs, start=first):
        load = job.load
        share = [] if load.duration_s is None else [duration(load.duration_s)]
        share += [] if load.iterations is None else [f"{count(load.iterations)} inferences"]
        streams, requests = job.runtime.streams, job.runtime.requests
        node = topology.home(job.placement.cpus)[1]
        nodes = ["several" if node is None else str(node)] if topology.nodes > 1 else []
        table.add_row(
            str(index), format_cpu_list(job.placement.cpus), *nodes, load.api,
            "auto" if streams in (None, AUTO_STREAMS) else str(streams),
            "1" if load.api == "sync" else "auto" if requests is None else str(requests), " and ".join(share),
        )  # fmt: skip
    console.print(table)
    rest = format_cpu_list(plan.housekeeping) or "none left over; they run on the measured ones"
    console.print(f"CPUs for control threads: {rest}", highlight=False, soft_wrap=True)
    memory = plan.jobs[0].placement.memory
    if memory is not None:
        console.print(f"memory policy: {memory.text}", highlight=False, soft_wrap=True)
    for line in arriving_lines(request):
        console.print(line, highlight=False, soft_wrap=True)
    for finding in findings:
        print_line(console, _finding(finding), _FINDING_INDENT)


def _latencies(report: Report) -> Table:
    """At a rate with its parts: the wait before the start and the service after it."""
    if report.arrivals is None:
        return latency_table(report.latency_ms)
    return parts_table({"latency": report.latency_ms, "wait": report.wait_ms, "service": report.service_ms})


def _builds(builds: Sequence[BuildPart]) -> Iterator[Text]:
    """Of those that lack something, or that ovbench is not tested with."""
    for build in builds:
        remarks = [] if build.tested else ["ovbench is not tested with it"]
        if build.lacks:
            remarks.append(f"lacks {', '.join(lack.capability for lack in build.lacks)}")
        if remarks:
            release = build.version.partition("-")[0]
            yield Text.assemble((f"\nOpenVINO {release}", "bold"), f"  {'; '.join(remarks)}")


def _scenario(part: ScenarioPart) -> Iterator[Text]:
    rows = list(scenario_rows(part))
    widest = max(len(name) for name, _ in rows)
    yield Text.assemble(("\nMLPerf scenario", "bold"), (f"  {part.scenario}, by LoadGen's rules", "dim"))
    yield from (Text(f"  {name:{widest}} : {value}") for name, value in rows)


def _table(*columns: str) -> Table:
    """Columns flush right but the first two, which name things."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 2), show_edge=False, pad_edge=True)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < 2 else "right", no_wrap=True)
    return table


def _layers(part: LayersPart, sort: PcSort | None, width: int | None) -> Iterator[Text]:
    """The layers and what is to be known of them, in lines of at most `width` characters where it is given."""
    header, *lines = layer_lines(part, sort, None if width is None else width - 2)
    yield Text("\nlayers", "bold")
    yield from (Text(f"  {line}", "dim") for line in EXPLANATION)
    yield Text(f"\n  {header}", "bold")
    yield from (Text(f"  {line}") for line in lines)
    slower = list(slower_lines(part))
    if slower:
        yield Text("\n  more than 10 % slower on one agent", "bold")
        yield from (Text(f"  {line}") for line in slower)


def _finding(finding: Finding) -> Text:
    """On one line: OpenVINO's own messages have several."""
    message = " ".join(finding.message.split())
    return Text.assemble(
        (f"  {finding.severity:<8}", _SEVERITY[finding.severity]), message, (f" {finding.advice}".rstrip(), "dim")
    )


def _requirement(part: RequirementPart) -> Text:
    state = ("  met     ", "green") if part.met else ("  not met ", "bold red")
    if part.value is None:
        why = f": {part.why}" if part.why else ""
        return Text.assemble(state, f"{part.text}: {part.figure} is not known{why}")
    words = f"{part.text}: {part.figure} is {figure_value(part.figure, part.value)}"
    if part.missed_by is not None:
        words += f", beyond the limit by {figure_value(part.figure, part.missed_by)}"
    return Text.assemble(state, words)
