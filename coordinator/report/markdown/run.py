"""A run as Markdown: verdict and figure, what was measured, figures with intervals, limits, findings."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from ovbench.common.topology import format_cpu_list

from ...result.estimates import bounds_of_run, estimates_of_run
from ...result.figures import BY_NAME
from ...result.finding import Finding
from ...result.numbers import beyond, figure_value
from ...result.report import AgentPart, Report, RequirementPart
from ..latencytable import latency_figure
from ..summary import headline, what, where
from .markup import MARKS, block, bullets, code, document, escaped, folded, heading, table

_FIGURES: Final = (
    "fps", "goodput", "offered_per_s", "delivered_per_s", "median_ms", "mean_ms", "p90_ms", "p95_ms", "p99_ms",
    "p99_9_ms", "max_ms", "wait_p99_ms", "cpu_percent", "frames_per_cpu_s", "energy_per_inference_j", "memory_mb",
)  # fmt: skip
_MOST_FINDINGS: Final = 20
_MOST_AGENTS: Final = 64


def run_markdown(report: Report) -> str:
    return document(
        (
            heading(f"{MARKS[report.validity.status]} {_headline(report)}"),
            escaped(" · ".join((*what(report), *where(report)))),
            requirements(report),
            figures(report),
            findings(report),
            _agents(report),
            folded("Command", block(shlex.join(report.command), "sh")),
            f"<sub>ovbench {escaped(report.ovbench.version)}, {escaped(report.started_at)}</sub>",
        ),
        "`report.json`",
    )


def _headline(report: Report) -> str:
    return escaped(" · ".join(re.split(r"\s{2,}", headline(report).plain.strip())))


def figures(report: Report) -> str:
    """Those that the run has, of the most telling ones, each with its interval."""
    estimates, bounds = estimates_of_run(report), bounds_of_run(report)
    rows = []
    for name in _FIGURES:
        found = estimates.get(name)
        if found is None and name not in bounds:
            continue
        value = beyond(figure_value(name, bounds[name])) if found is None else figure_value(name, found.value)
        ends = () if found is None else (found.low, found.high)
        known = [figure_value(name, end) for end in ends if end is not None]
        rows.append((BY_NAME[name].text, escaped(value), " to ".join(known) if len(known) == 2 else ""))
    return table(("figure", "value", "95 % interval"), rows) if rows else ""


def requirements(report: Report) -> str:
    rows = [(*_requirement(one),) for one in report.requirements]
    return table(("required", "measured", ""), rows, words=1) if rows else ""


def _requirement(one: RequirementPart) -> tuple[str, str, str]:
    value = "unknown" if one.value is None else figure_value(one.figure, one.value)
    if one.met:
        return code(one.text), value, f"{MARKS['passed']} met"
    missed = "" if one.missed_by is None else f" by {figure_value(one.figure, one.missed_by)}"
    return code(one.text), value, escaped(f"{MARKS['failed']} not met{missed}{f': {one.why}' if one.why else ''}")


def findings(report: Report) -> str:
    found = report.validity.findings
    lines = [_finding(one) for one in found[:_MOST_FINDINGS]]
    if len(found) > _MOST_FINDINGS:
        lines.append(f"{len(found) - _MOST_FINDINGS} more, in the report")
    if not lines:
        return ""
    listed = bullets(lines)
    serious = any(one.severity != "info" for one in found)
    return f"**Findings**\n\n{listed}" if serious else folded(f"Findings ({len(found)})", listed)


def _finding(one: Finding) -> str:
    return f"{MARKS[one.severity]} {code(one.code)} {escaped(f'{one.message} {one.advice}'.strip())}"


def _agents(report: Report) -> str:
    agents = report.agents
    if len(agents) < 2:
        return ""
    hosts = ("host",) if report.several_hosts else ()
    rows = [(*_agent(one, bool(hosts)),) for one in agents[:_MOST_AGENTS]]
    more = f"\n\n{len(agents) - _MOST_AGENTS} more, in the report" if len(agents) > _MOST_AGENTS else ""
    titles = ("agent", *hosts, "CPUs", "FPS", "median", "p99", "CPU", "memory", "state")
    return folded(f"Agents ({len(agents)})", table(titles, rows, names=2 + len(hosts), words=1) + more)


def _agent(one: AgentPart, with_host: bool) -> Iterator[str]:
    yield str(one.id)
    if with_host:
        yield escaped(one.host)
    yield format_cpu_list(one.cpus)
    yield "-" if one.throughput is None else figure_value("fps", one.throughput.fps)
    yield latency_figure(one.latency_ms, "median")
    yield latency_figure(one.latency_ms, "p99")
    yield "-" if one.cpu is None else figure_value("cpu_percent", one.cpu.percent)
    private = None if one.memory_mb is None else one.memory_mb.private
    yield "-" if private is None else figure_value("memory_mb", private)
    yield one.state if one.state == "ok" else escaped(f"{one.state}: {one.reason}")
