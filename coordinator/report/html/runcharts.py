"""The charts of a run, from its report. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ovbench.common.topology import format_cpu_list

from ...analysis.fairness import cpus_had
from ...result.cpu import CpuPart
from ...result.hosts import named_hosts
from ...result.numbers import count, duration, milliseconds, percent, rate
from ...result.report import AgentPart, FairnessPart, Report
from ...result.timeline import TimelinePart, spans_s
from .arrivalcharts import arrival_charts
from .chart import (
    BLUE,
    MUTED,
    ORANGE,
    SERIES,
    Chart,
    ChartSpec,
    Row,
    axis,
    colours,
    drawing,
    hover,
    middle,
    span_text,
    time_unit,
)
from .cpucharts import cpus_of, heat, heat_over_time, interference
from .hostcharts import hosts_latency, hosts_throughput
from .latencycharts import distribution, histogram, parts_distribution

_LAYERS: Final = 15
_MOST_HOSTS: Final = 16


def run_charts(report: Report) -> tuple[Chart, ...]:
    """Those that the report has figures for, the most informative first."""
    return tuple(_charts(report))


def _charts(report: Report) -> Iterator[Chart]:
    latency, shape = report.latency_ms, report.latency_distribution
    if latency is not None and shape is not None:
        yield distribution(latency, shape)
        if shape.histogram is not None and len(shape.histogram.counts) > 1:
            yield histogram(latency, shape.histogram)
    if shape is not None and report.arrivals is not None:
        yield parts_distribution(shape, report.goodput)
    if report.several_hosts and report.measured:
        yield hosts_throughput(report.hosts)
        yield hosts_latency(report.hosts)
    yield from arrival_charts(report)
    if len(report.timeline) > 1:
        yield _throughput(report)
        if any(part.p99_ms is not None for part in report.timeline):
            yield _tail_over_time(report.timeline, at_rate=report.arrivals is not None)
    agents = [agent for agent in report.agents if agent.throughput is not None]
    if report.fairness is not None:
        yield _fairness(report, report.fairness, agents)
    yield from _cpus(cpus_of(report))
    if report.layers is not None and any(layer.real > 0 for layer in report.layers.layers):
        yield _layers(report)


def _cpus(hosts: Mapping[str, CpuPart]) -> Iterator[Chart]:
    """Those of every CPU have no room for very many hosts."""
    known = {host: cpu for host, cpu in hosts.items() if cpu.per_cpu}
    if known:
        yield interference(known)
    if len(hosts) > _MOST_HOSTS:
        return
    if known:
        yield heat(known)
    courses = {host: cpu.timeline for host, cpu in hosts.items() if cpu.timeline is not None}
    if courses and all(len(course.t_s) > 1 for course in courses.values()):
        yield heat_over_time(courses, hosts)


def _throughput(report: Report) -> Chart:
    rows = [
        {"x": middle(span), "y": part.fps,
         "tip": f"{span_text(span)}\n{rate(part.fps)} FPS\nCPU {percent(part.busy_percent)}"}
        for span, part in zip(spans_s(report.timeline), report.timeline, strict=True)
    ]  # fmt: skip
    x, y = axis("x", "time in the window, s", zero=True), axis("y", "frames per second", zero=True)
    mean = report.throughput.fps
    layers = [
        _mean_rule(y, mean, f"the run: {rate(mean)} FPS"),
        {"mark": {"type": "line", "color": BLUE}, "encoding": {"x": x, "y": y}},
        hover(x, y),
    ]
    # At a rate throughput scatters as arrivals do, which is no doubt about the machine's.
    interval = report.throughput.fps_ci95 if report.arrivals is None else None
    if interval is not None and interval.low is not None and interval.high is not None:
        band = {"low": interval.low, "high": interval.high}
        layers.insert(0, {
            "data": {"values": [band]}, "mark": {"type": "rect", "color": BLUE, "opacity": 0.15},
            "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
        })  # fmt: skip
    caption = f"By slices of {_slice_text(report.timeline)}, each in its middle; the dashed line is the run's figure"
    caption += ", with its 95 % interval." if len(layers) > 3 else "."
    return Chart("throughput", "Throughput over time", caption, drawing(layers, rows))


def _slice_text(timeline: Sequence[TimelinePart]) -> str:
    """Of all but the last, which has what remains."""
    return duration(round(timeline[0].t_s, 6))


def _mean_rule(y: ChartSpec, value: float, tip: str) -> ChartSpec:
    return {
        "data": {"values": [{"mean": value, "tip": tip}]},
        "mark": {"type": "rule", "strokeDash": [5, 4], "color": MUTED},
        "encoding": {"y": {**y, "field": "mean"}, "tooltip": {"field": "tip"}},
    }


def _tail_over_time(timeline: Sequence[TimelinePart], at_rate: bool) -> Chart:
    spans = spans_s(timeline)
    known = [(span, part.p99_ms) for span, part in zip(spans, timeline, strict=True) if part.p99_ms is not None]
    unit = time_unit(max(value for _, value in known))
    rows = [
        {"x": middle(span), "y": value * unit.factor, "tip": f"{span_text(span)}\np99  {milliseconds(value)}"}
        for span, value in known
    ]
    x, y = axis("x", "time in the window, s", zero=True), axis("y", f"p99 latency, {unit.name}", zero=True)
    layers = [{"mark": {"type": "line", "color": ORANGE}, "encoding": {"x": x, "y": y}}, hover(x, y, ORANGE)]
    what = "were due" if at_rate else "ended"
    caption = f"The 99th percentile of the inferences that {what} in each slice of {_slice_text(timeline)}."
    return Chart("p99", "Tail latency over time", caption, drawing(layers, rows))


def _fairness(report: Report, part: FairnessPart, agents: Sequence[AgentPart]) -> Chart:
    rows: list[dict[str, Any]] = []
    bars: list[Row] = []
    had = cpus_had({agent.id: [(agent.host, cpu) for cpu in agent.cpus] for agent in agents})
    for agent in agents:
        assert agent.throughput is not None
        size = had[agent.id] or 1
        interval = agent.throughput.fps_ci95
        where = f" of host {agent.host}" if report.several_hosts else ""
        tip = f"agent {agent.id} on CPUs {format_cpu_list(agent.cpus)}{where}\n{rate(agent.throughput.fps)} FPS"
        if agent.latency_ms is not None:
            tip += f"\nmedian {milliseconds(agent.latency_ms.median)}, p99 {milliseconds(agent.latency_ms.p99)}"
        rows.append({"x": agent.id, "y": agent.throughput.fps / size, "of": _home(report, agent), "tip": tip})
        if interval is not None and interval.low is not None and interval.high is not None:
            bars.append({"x": agent.id, "low": interval.low / size, "high": interval.high / size})
    homes = list(dict.fromkeys(row["of"] for row in rows))
    paint = colours("of", homes, [SERIES[at % len(SERIES)] for at in range(len(homes))], legend=len(homes) > 1)
    many = len(rows) > 40
    x = axis("x", "agent", kind="quantitative" if many else "ordinal", axis={"labelAngle": 0, "format": "d"})
    y = axis("y", "frames per second and CPU", zero=True)
    mean = sum(row["y"] for row in rows) / len(rows)
    layers: list[ChartSpec] = [_mean_rule(y, mean, f"mean: {rate(mean)} FPS per CPU")]
    if bars:
        layers.append({
            "data": {"values": bars}, "mark": {"type": "rule", "strokeWidth": 2, "color": MUTED},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        })  # fmt: skip
    layers.append({
        "mark": {"type": "point", "filled": True, "opacity": 1, "size": 30 if many else 80},
        "encoding": {"x": x, "y": y, "color": paint, "tooltip": {"field": "tip"}},
    })  # fmt: skip
    caption = "Each agent's throughput by the CPUs it had, of a shared one its part; the dashed line is the mean."
    caption += f" From slowest to fastest: {percent(part.spread_percent)} of the mean"
    caption += f", on {named_hosts(part.among)}, which are alike." if len(part.by_host) > len(part.among) else "."
    return Chart("agents", "Fairness among agents", caption, drawing(layers, rows))


def _home(report: Report, agent: AgentPart) -> str:
    """Its host, of several, or that one's class where they are many; else its node."""
    if report.several_hosts:
        kinds = {host.name: host.kind for host in report.hosts}
        return agent.host if len(kinds) <= len(SERIES) else f"hosts of class {kinds[agent.host]}"
    cpu = report.cpu
    nodes = sorted({cpu.places[str(one)].node for one in agent.cpus if str(one) in cpu.places})
    return "node " + "+".join(map(str, nodes)) if nodes else ""


def _layers(report: Report) -> Chart:
    assert report.layers is not None
    slowest = sorted(report.layers.layers, key=lambda layer: -layer.real)[:_LAYERS]
    unit = time_unit(slowest[0].real)
    total = report.layers.total_real
    rows: list[Row] = [
        {"y": f"{at}", "name": layer.name, "x": layer.real * unit.factor, "of": layer.type,
         "tip": f"{layer.name}\n{layer.type}, {layer.exec_type}\n{milliseconds(layer.real)}"
         + (f", {percent(100 * layer.real / total)}" if total > 0 else "")}
        for at, layer in enumerate(slowest)
    ]  # fmt: skip
    names = [layer.name for layer in slowest]
    y = axis("name", None, kind="nominal", sort=names, axis={"labelLimit": 260})
    bars = {
        "mark": {"type": "bar", "color": BLUE},
        "encoding": {
            "x": axis("x", f"time in one inference, {unit.name}", zero=True),
            "y": y,
            "tooltip": {"field": "tip"},
        },
    }
    caption = f"The {len(rows)} slowest of {count(len(report.layers.layers))} layers, on average over all requests."
    return Chart("layers", "Where an inference spends its time", caption, drawing([bars], rows, 22 * len(rows) + 30))
