"""The charts of a run, from its report. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ovbench.common.topology import format_cpu_list

from ...analysis.fairness import cpus_had
from ...result.numbers import count, milliseconds, percent, rate
from ...result.report import AgentPart, CpuPart, DistributionPart, LatencyPart, Report, TimelinePart
from .chart import (
    BLUE,
    MUTED,
    ORANGE,
    SERIES,
    TEXT,
    Chart,
    ChartSpec,
    Row,
    Unit,
    axis,
    colours,
    drawing,
    hover,
    time_unit,
)
from .cpucharts import heat, heat_over_time, interference

_ALL: Final = "all agents"
_NAMED_AGENTS: Final = 5
_WIDE_RANGE: Final = 12.0
_LAYERS: Final = 15
_NINES: Final = (0.5, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


def run_charts(report: Report) -> tuple[Chart, ...]:
    """Those that the report has figures for, the most informative first."""
    return tuple(_charts(report))


def _charts(report: Report) -> Iterator[Chart]:
    latency, shape = report.latency_ms, report.latency_distribution
    if latency is not None and shape is not None:
        yield _distribution(latency, shape)
    if len(report.timeline) > 1:
        yield _throughput(report)
        if any(part.p99_ms is not None for part in report.timeline):
            yield _tail_over_time(report.timeline)
    agents = [agent for agent in report.agents if agent.throughput is not None]
    if len(agents) > 1:
        yield _fairness(report, agents)
    if report.cpu.per_cpu:
        yield interference(report.cpu)
        yield heat(report.cpu)
    if report.cpu.timeline is not None and len(report.cpu.timeline.t_s) > 1:
        yield heat_over_time(report.cpu, report.cpu.timeline)
    if report.layers is not None and any(layer.real > 0 for layer in report.layers.layers):
        yield _layers(report)


def _distribution(latency: LatencyPart, shape: DistributionPart) -> Chart:
    longest = shape.merged[-1] if latency.max is None else latency.max
    unit = time_unit(longest)
    rows = list(_beyond(_ALL, shape.percents, shape.merged, unit))
    if latency.max is not None:
        # At half a sample beyond, which is where the largest of n is expected (Hazen).
        rows.append(_point(_ALL, 0.5 / latency.count, latency.max, unit, "max"))
    several = len(shape.agents) > 1
    if several:
        for agent, values in shape.agents.items():
            rows += _beyond(f"agent {agent}", shape.percents, values, unit)
    names = list(dict.fromkeys(row["of"] for row in rows))
    named = len(names) <= 1 + _NAMED_AGENTS
    paint = colours("of", names, _line_colours(len(names)), legend=several and named)
    least = min(row["x"] for row in rows if row["x"] > 0) if any(row["x"] > 0 for row in rows) else 0.0
    wide = least > 0 and longest * unit.factor > _WIDE_RANGE * least
    x = axis("x", f"latency, {unit.name}", scale={"type": "log", "nice": False} if wide else {"nice": False},
             axis={"format": "~g"})  # fmt: skip
    y = axis(
        "y", "share of the inferences that were faster",
        scale={"type": "log", "domain": [1, min(row["y"] for row in rows)], "nice": False},
        axis={"values": [1, *_NINES], "labelExpr": "format(100 - 100 * datum.value, '.10~g') + ' %'"},
    )  # fmt: skip
    lines = [
        *([_line(x, y, paint, f"datum.of !== '{_ALL}'", 1.5)] if several else []),
        _line(x, y, paint, f"datum.of === '{_ALL}'", 3),
        hover(x, y, paint),
    ]
    caption = "Each gridline is a further nine. What runs far to the right at the top is the tail."
    if several and not named:
        caption += " The thick line is of all agents, each thin one of one; hover to see which."
    return Chart("latency", "Latency distribution", caption, drawing(lines, rows, 300), wide=True)


def _line(x: ChartSpec, y: ChartSpec, paint: ChartSpec, only: str, width: float) -> ChartSpec:
    return {
        "mark": {"type": "line", "strokeWidth": width},
        "transform": [{"filter": only}],
        "encoding": {"x": x, "y": y, "color": paint, "order": {"field": "y", "sort": "descending"}},
    }


def _line_colours(many: int) -> list[str]:
    """The first one is of all."""
    return [TEXT, *SERIES[: many - 1]] if many <= 1 + _NAMED_AGENTS else [TEXT, *[BLUE] * (many - 1)]


def _beyond(of: str, percents: Sequence[float], values: Sequence[float], unit: Unit) -> Iterator[dict[str, Any]]:
    for percentile, value in zip(percents, values, strict=False):
        yield _point(of, round(1 - percentile / 100, 11), value, unit, f"p{percentile:.10g}")


def _point(of: str, share: float, value_ms: float, unit: Unit, name: str) -> dict[str, Any]:
    return {"of": of, "x": value_ms * unit.factor, "y": share, "tip": f"{of}\n{name}  {milliseconds(value_ms)}"}


def _throughput(report: Report) -> Chart:
    rows = [
        {"x": part.t_s, "y": part.fps, "tip": f"to {part.t_s:.3g} s\n{rate(part.fps)} FPS\n"
         f"CPU {percent(part.busy_percent)}"}
        for part in report.timeline
    ]  # fmt: skip
    x, y = axis("x", "time in the window, s", zero=True), axis("y", "frames per second", zero=True)
    mean = report.throughput.fps
    layers = [
        _mean_rule(y, mean, f"the run: {rate(mean)} FPS"),
        {"mark": {"type": "line", "color": BLUE}, "encoding": {"x": x, "y": y}},
        hover(x, y),
    ]
    interval = report.throughput.fps_ci95
    if interval is not None and interval.low is not None and interval.high is not None:
        band = {"low": interval.low, "high": interval.high}
        layers.insert(0, {
            "data": {"values": [band]}, "mark": {"type": "rect", "color": BLUE, "opacity": 0.15},
            "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
        })  # fmt: skip
    caption = "By slices of the window; the dashed line is the run's figure" + (
        ", with its 95 % interval." if len(layers) > 3 else "."
    )
    return Chart("throughput", "Throughput over time", caption, drawing(layers, rows))


def _mean_rule(y: ChartSpec, value: float, tip: str) -> ChartSpec:
    return {
        "data": {"values": [{"mean": value, "tip": tip}]},
        "mark": {"type": "rule", "strokeDash": [5, 4], "color": MUTED},
        "encoding": {"y": {**y, "field": "mean"}, "tooltip": {"field": "tip"}},
    }


def _tail_over_time(timeline: Sequence[TimelinePart]) -> Chart:
    known = [(part.t_s, part.p99_ms) for part in timeline if part.p99_ms is not None]
    unit = time_unit(max(value for _, value in known))
    rows = [
        {"x": at, "y": value * unit.factor, "tip": f"to {at:.3g} s\np99  {milliseconds(value)}"} for at, value in known
    ]
    x, y = axis("x", "time in the window, s", zero=True), axis("y", f"p99 latency, {unit.name}", zero=True)
    layers = [{"mark": {"type": "line", "color": ORANGE}, "encoding": {"x": x, "y": y}}, hover(x, y, ORANGE)]
    caption = "The 99th percentile of the inferences that ended in each slice."
    return Chart("p99", "Tail latency over time", caption, drawing(layers, rows))


def _fairness(report: Report, agents: Sequence[AgentPart]) -> Chart:
    rows: list[dict[str, Any]] = []
    bars: list[Row] = []
    had = cpus_had({agent.id: agent.cpus for agent in agents})
    for agent in agents:
        assert agent.throughput is not None
        size = had[agent.id] or 1
        interval = agent.throughput.fps_ci95
        tip = f"agent {agent.id} on CPUs {format_cpu_list(agent.cpus)}\n{rate(agent.throughput.fps)} FPS"
        if agent.latency_ms is not None:
            tip += f"\nmedian {milliseconds(agent.latency_ms.median)}, p99 {milliseconds(agent.latency_ms.p99)}"
        rows.append({"x": agent.id, "y": agent.throughput.fps / size, "of": _home(report.cpu, agent), "tip": tip})
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
    if report.fairness is not None:
        caption += f" From slowest to fastest: {percent(report.fairness.spread_percent)} of the mean."
    return Chart("agents", "Fairness among agents", caption, drawing(layers, rows))


def _home(cpu: CpuPart, agent: AgentPart) -> str:
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
