"""The page of a run: verdict and figures, findings, charts, agents, where and how it was measured."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ovbench.common.topology import format_cpu_list

from ...request.request import PlotFormat
from ...result.hosts import HostPart
from ...result.latency import NAMED_PERCENTILES, Interval
from ...result.numbers import count, duration, megabytes, milliseconds, percent, ramp, rate
from ...result.report import AgentPart, Finding, Report
from ...result.scenario import ScenarioPart
from ...result.timeline import StagePart
from ..arrivals import backlog_text, goodput_texts, lateness_text, queue_texts, share
from ..hosttable import short_names
from ..latencytable import latency_figure
from ..lines import gist
from ..scenario import scenario_rows
from ..until import until_line
from .chart import Chart
from .document import Html, command, document, figures, folded, join, pairs, section, table, tag, tiles
from .hostsection import environment_of, environments, hosts_section
from .runcharts import run_charts
from .vega import plot_files

PAGE_FILE: Final = "report.html"
_MOST_AGENTS: Final = 16


def run_files(report: Report, html: bool, plots: PlotFormat | None) -> dict[str, bytes]:
    """What goes beside `report.json`: contents by file name. Raises UsageError where the extra is missing."""
    charts = run_charts(report)
    page = {PAGE_FILE: run_page(report, charts)} if html else {}
    return page | plot_files(charts, plots)


def run_page(report: Report, charts: Sequence[Chart] | None = None) -> bytes:
    """`report.html` of a run. `charts`: what they are, where that is known already.

    Raises UsageError where the extra is missing.
    """
    model = _model(report)
    body = join(
        _header(report, model),
        _findings(report.validity.findings),
        section("Charts", figures(run_charts(report) if charts is None else charts)),
        _scenario(report.scenario),
        _latency(report),
        _arrivals(report),
        _stages(report.stages),
        hosts_section(report.hosts) if report.several_hosts else "",
        _agents(report.agents, report.hosts if report.several_hosts else ()),
        _neighbours(report),
        section("Command", command(shlex.join(report.command))),
        _environment(report),
        _settings(report),
        footer(f"ovbench {report.ovbench.version}, {report.started_at}"),
    )
    return document(f"{model}: {rate(report.throughput.fps)} FPS", body)


def run_header(report: Report) -> Html:
    """Verdict and figures, with which its page begins."""
    return _header(report, _model(report))


def footer(text: str) -> Html:
    return tag("footer", text)


def badge(status: str) -> Html:
    return tag("span", status, class_=f"badge {status}")


def _model(report: Report) -> str:
    return report.effective.model if report.effective is not None else str(report.requested.get("model", ""))


def _header(report: Report, model: str) -> Html:
    effective, window = report.effective, report.window
    facts = []
    if effective is not None:
        agents = sum(agent.state == "ok" for agent in report.agents)
        if report.several_hosts:
            facts.append(_some(sum(host.state != "lost" for host in report.hosts), "host"))
        facts.append(f"{_some(agents, 'agent')}, {effective.api}")
        if effective.streams is not None and effective.nireq is not None:
            facts.append(f"{_some(effective.streams, 'stream')} and {_some(effective.nireq, 'request')} each")
    facts += [f"{count(report.throughput.count)} inferences in {window.duration_s:.3f} s", report.started_at]
    figures_of_it = tiles(list(_figures(report))) if report.measured else tag("p", "Nothing was measured.")
    return join(
        tag("h1", badge(report.validity.status), " ", model),
        [_reason(finding, report.validity.status) for finding in report.validity.reasons],
        tag("p", " · ".join(facts), class_="muted"),
        figures_of_it,
        tag("p", until_line(report.until), class_="muted") if report.until is not None else "",
    )


def _reason(finding: Finding, status: str) -> Html:
    """Why the verdict is not VALID, above the figures."""
    return tag("p", tag("b", gist(finding), class_=status), " ", tag("span", finding.advice, class_="muted"))


def _some(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _figures(report: Report) -> Iterator[tuple[str, str, str]]:
    throughput, latency, arrivals = report.throughput, report.latency_ms, report.arrivals
    if arrivals is not None:
        yield "done per second", rate(throughput.inferences_per_s), f"of {rate(arrivals.offered_per_s)} offered"
    yield (
        "frames per second",
        rate(throughput.fps),
        interval_text(throughput.fps_ci95 if arrivals is None else None, rate),
    )
    if latency is not None:
        since = "" if arrivals is None else ", from due"
        for name in ("median", "p99", "p99_9"):
            bounds = interval_text(latency.ci95.get(name), milliseconds)
            yield f"{_spelled(name)}{since}", latency_figure(latency, name), bounds
    if report.goodput is not None:
        within = f"within {milliseconds(report.goodput.slo_ms)}"
        yield within, share(report.goodput.share), f"{rate(report.goodput.per_s)} per second"
    yield "measured CPUs busy", percent(report.cpu.busy_percent), f"others {percent(report.cpu.others_percent)}"
    efficiency = report.efficiency
    if efficiency is not None and efficiency.frames_per_cpu_s is not None:
        yield "frames per CPU second", rate(efficiency.frames_per_cpu_s), ""
    if efficiency is not None and efficiency.energy_per_inference_j is not None:
        yield "energy per inference", f"{efficiency.energy_per_inference_j * 1000:.3g} mJ", ""


def interval_text(interval: Interval | None, form: Callable[[float], str]) -> str:
    """Such as `1,190 to 1,219`, with 95 % confidence; empty where there is none."""
    if interval is None or (interval.low is None and interval.high is None):
        return ""
    if interval.low is None or interval.high is None:
        bound = interval.high if interval.low is None else interval.low
        assert bound is not None
        return f"{'at most' if interval.low is None else 'at least'} {form(bound)}"
    return f"{form(interval.low)} to {form(interval.high)}"


def _spelled(name: str) -> str:
    return name.replace("_", ".")


def _findings(findings: Sequence[Finding]) -> Html:
    if not findings:
        return Html("")
    items = (
        tag(
            "li", tag("b", finding.severity, class_=finding.severity), " ", " ".join(finding.message.split()), " ",
            tag("span", finding.advice, class_="muted"),
        )
        for finding in findings
    )  # fmt: skip
    return section("Findings", tag("ul", items, class_="findings"))


def _scenario(part: ScenarioPart | None) -> Html:
    if part is None:
        return Html("")
    return section(f"MLPerf {part.scenario}, by LoadGen's rules", pairs(dict(scenario_rows(part))))


def _latency(report: Report) -> Html:
    """At a rate with its parts: the wait before the start and the service after it."""
    latency = report.latency_ms
    if latency is None:
        return Html("")
    names = ["min", "mean", *NAMED_PERCENTILES, "max"]
    if latency.chosen_percentile not in (50, 90, 95, 99):
        names.append("chosen")
    columns = [f"p{latency.chosen_percentile}" if name == "chosen" else _spelled(name) for name in names]
    rows = [[latency_figure(latency, name) for name in names]]
    if latency.ci95:
        rows.append([interval_text(latency.ci95.get(name), milliseconds) for name in names])
    notes = [] if latency.exact else ["Percentiles are from a histogram: within 0.1 %."]
    notes += ["Below each: where it lies with 95 % confidence."] if latency.ci95 else []
    at_rate = report.arrivals is not None
    if at_rate:
        parts = {"wait": report.wait_ms, "service": report.service_ms}
        rows += [[latency_figure(part, name) for name in names] for part in parts.values() if part is not None]
        of = ["latency, from due", *[""] * bool(latency.ci95), *(name for name, part in parts.items() if part)]
        columns, rows = ["", *columns], [[name, *row] for name, row in zip(of, rows, strict=True)]
        notes.append("An inference waits from when it is due, then it is served.")
    return section(
        "Latency",
        table(columns, rows, names=1 if at_rate else 0),
        tag("p", " ".join(notes), class_="note") if notes else None,
    )


def _arrivals(report: Report) -> Html:
    part, lateness, goodput = report.arrivals, report.lateness_us, report.goodput
    if part is None:
        closed = None if goodput is None else "; ".join(goodput_texts(goodput, at_rate=False))
        return Html("") if closed is None else section("Goodput", tag("p", closed))
    facts = {
        "law": part.law + ("" if part.seed is None else f", seed {part.seed}"),
        "asked for": f"{rate(part.rate)} per second",
        "offered": f"{count(part.offered)}, {rate(part.offered_per_s)} per second",
        "delivered": f"{count(part.delivered)}, {rate(part.delivered_per_s)} per second",
        "unfinished": count(part.unfinished),
        "dropped": count(part.dropped),
        "backlog": backlog_text(part, "{} at the start, {} at the end"),
        "dispatch": part.dispatch,
        "drain": duration(part.drain_s),
    }
    if lateness is not None:
        facts["lateness of the load generator"] = lateness_text(lateness)
    if report.queueing is not None:
        facts["queue"] = "; ".join(queue_texts(report.queueing))
    if goodput is not None:
        facts["goodput"] = "; ".join(goodput_texts(goodput, at_rate=True))
    return section("Arrivals", pairs(facts))


def _stages(stages: Sequence[StagePart]) -> Html:
    if not stages:
        return Html("")
    columns = (
        "from", "for", "rate per second", "offered", "delivered", "unfinished", "dropped", "median", "p99",
        "service p99", "wait p99", "goodput",
    )  # fmt: skip
    rows = [
        [
            duration(stage.start_s),
            duration(stage.duration_s),
            ramp(stage.rate_from, stage.rate_to),
            *map(count, (stage.offered, stage.delivered, stage.unfinished, stage.dropped)),
            latency_figure(stage.latency_ms, "median"),
            latency_figure(stage.latency_ms, "p99"),
            latency_figure(stage.service_ms, "p99"),
            latency_figure(stage.wait_ms, "p99"),
            "-" if stage.goodput is None else share(stage.goodput.share),
        ]
        for stage in stages
    ]
    return section("Stages", table(columns, rows, names=0))


def _agents(agents: Sequence[AgentPart], hosts: Sequence[HostPart]) -> Html:
    """`hosts`: of several."""
    columns = ["agent", "CPUs", "ran on", "streams", "requests", "FPS", "median", "p99", "CPU", "memory", "state"]
    rows = [_agent(agent) for agent in agents]
    if hosts:
        # There is room for this one instead of where they ran, unless that was elsewhere.
        astray = any(not set(agent.placement.seen) <= set(agent.cpus) for agent in agents)
        names = short_names([host.name for host in hosts])
        columns[1:3] = ["host", "CPUs", *(["ran on"] if astray else [])]
        for agent, row in zip(agents, rows, strict=True):
            row[1:3] = [names[agent.host], row[1], *([row[2]] if astray else [])]
    shown = table(columns, rows, names=3)
    return section("Agents", shown if len(rows) <= _MOST_AGENTS else folded(f"all {count(len(rows))}", shown))


def _agent(agent: AgentPart) -> list[str]:
    throughput, latency, cpu, memory = agent.throughput, agent.latency_ms, agent.cpu, agent.memory_mb
    return [
        str(agent.id),
        format_cpu_list(agent.cpus),
        format_cpu_list(agent.placement.seen) or "-",
        str(agent.streams or "-"),
        str(agent.nireq or "-"),
        rate(throughput.fps) if throughput else "-",
        latency_figure(latency, "median"),
        latency_figure(latency, "p99"),
        percent(cpu.percent) if cpu else "-",
        megabytes(memory.private) if memory is not None and memory.private is not None else "-",
        f"{agent.state}: {agent.reason}" if agent.reason else agent.state,
    ]


def _neighbours(report: Report) -> Html:
    if not report.neighbours:
        return Html("")
    hosts = ["host"] if report.several_hosts else []
    rows = [
        [
            *([one.host] if hosts else []),
            one.name,
            str(one.pid),
            percent(one.percent),
            ", ".join(f"{cpu}: {percent(share)}" for cpu, share in one.cpus.items()),
        ]
        for one in report.neighbours
    ]
    return section(
        "Other processes on the measured CPUs",
        table((*hosts, "name", "pid", "of one CPU", "by CPU"), rows),
    )


def _environment(report: Report) -> Html:
    if report.several_hosts:
        return section("Environment", environments(report.hosts))
    return section("Environment", pairs(environment_of(report.environment)))


def _settings(report: Report) -> Html:
    asked = {key: str(value) for key, value in report.requested.items() if value not in (None, "", False)}
    parts = [folded("what was asked for", pairs(asked))]
    if report.effective is not None:
        parts.append(folded("properties of the compiled model", pairs(report.effective.properties)))
    if report.phases_ms is not None:
        phases = {name.replace("_", " "): milliseconds(getattr(report.phases_ms, name)) for name in _PHASES}
        parts.append(folded("time before the load, of the slowest agent", pairs(phases)))
    return section("Settings", parts)


_PHASES: Final = (
    "load_runtime",
    "read_model",
    "reshape",
    "compile",
    "import_model",
    "create_requests",
    "first_inference",
)
