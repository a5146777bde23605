"""The charts of how latencies are distributed: of each agent, and at a rate of their parts. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from ...result.arrivals import GoodputPart
from ...result.latency import DistributionPart, HistogramPart, LatencyPart
from ...result.numbers import count, milliseconds, percent
from .chart import (
    BLUE,
    GREEN,
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

_ALL: Final = "all agents"
_NAMED_AGENTS: Final = 5
_WIDE_RANGE: Final = 12.0
_NINES: Final = (0.5, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
_SHORTEST: Final = 1e-4
"""Of the longest: what is shorter is drawn as this."""
_PARTS: Final = {"latency, from due": TEXT, "service": BLUE, "wait": ORANGE}


def distribution(latency: LatencyPart, shape: DistributionPart) -> Chart:
    longest = shape.merged[-1] if latency.max is None else latency.max
    unit = time_unit(longest)
    rows = list(_beyond(_ALL, shape.percents, shape.merged, unit))
    if latency.max is not None:
        # At half a sample beyond, which is where the largest of n is expected (Hazen).
        rows.append(_point(_ALL, 0.5 / latency.count, latency.max, unit, "max"))
    each = {f"host {host}": values for host, values in shape.hosts.items()}
    each = each or {f"agent {agent}": values for agent, values in shape.agents.items()}
    several = len(each) > 1
    for of, values in each.items() if several else ():
        rows += _beyond(of, shape.percents, values, unit)
    names = list(dict.fromkeys(row["of"] for row in rows))
    named = len(names) <= 1 + _NAMED_AGENTS
    paint = colours("of", names, _line_colours(len(names)), legend=several and named)
    x, y = _latency_axis(rows, unit), _share_axis(rows)
    lines = [
        *([_line(x, y, paint, f"datum.of !== '{_ALL}'", 1.5)] if several else []),
        _line(x, y, paint, f"datum.of === '{_ALL}'", 3),
        hover(x, y, paint),
    ]
    caption = "Each gridline is a further nine. What runs far to the right at the top is the tail."
    if several and not named:
        caption += " The thick line is of all agents, each thin one of one; hover to see which."
    if latency.missing:
        caption += (
            " What never completed is slower than all that did: where the line of all agents ends, it is unknown."
        )
    return Chart("latency", "Latency distribution", caption, drawing(lines, rows, 300), wide=True)


def histogram(latency: LatencyPart, part: HistogramPart) -> Chart:
    edges, total = part.edges_ms, sum(part.counts)
    unit = time_unit(edges[-1])
    rows = [
        {"low": low * unit.factor, "high": high * unit.factor, "y": number,
         "tip": f"{milliseconds(low)} to {milliseconds(high)}\n{count(number)}, {percent(100 * number / total)}"}
        for (low, high), number in zip(pairwise(edges), part.counts, strict=True)
        if number
    ]  # fmt: skip
    wide = edges[-1] - edges[-2] > 1.5 * (edges[1] - edges[0])  # of equal ratio
    scale = {"nice": False, "domain": [edges[0] * unit.factor, edges[-1] * unit.factor]}
    scale |= {"type": "log"} if wide else {}
    x = axis("low", f"latency, {unit.name}", scale=scale, axis={"format": ".6~g"})
    y = axis("y", "inferences", zero=True, axis={"tickMinStep": 1})
    named = {"median": latency.median, "p99": latency.p99}
    marks: list[Row] = [
        {"low": value * unit.factor, "name": name, "tip": f"{name}  {milliseconds(value)}"}
        for name, value in named.items()
        if value is not None
    ]
    rule = {
        "data": {"values": marks},
        "mark": {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 2, "color": ORANGE},
        "encoding": {"x": x, "tooltip": {"field": "tip"}},
    }
    names = {
        "data": {"values": marks},
        "mark": {"type": "text", "align": "left", "dx": 4, "y": 8},
        "encoding": {"x": x, "text": {"field": "name"}},
    }
    bars = {
        "mark": {"type": "bar", "color": BLUE, "binSpacing": 0},
        "encoding": {"x": x, "x2": {"field": "high"}, "y": y, "y2": {"datum": 0}, "tooltip": {"field": "tip"}},
    }
    caption = f"How many inferences took how long, in bins of equal {'ratio' if wide else 'width'}."
    if latency.missing:
        caption += f" The {count(latency.missing)} that never completed are not among them."
    return Chart("histogram", "Latency histogram", caption, drawing([bars, rule, names], rows))


def parts_distribution(shape: DistributionPart, goodput: GoodputPart | None) -> Chart:
    """Of latency, and what it is made of. Parts are distributions of their own: at a share they do not add up."""
    unit = time_unit(max((values[-1] for values in (shape.merged, shape.service, shape.wait) if values), default=0.0))
    rows = [
        row
        for of, values in zip(_PARTS, (shape.merged, shape.service, shape.wait), strict=True)
        for row in _beyond(of, shape.percents, values, unit)
    ]
    # Most waits may be of nanoseconds, and none has a place on a logarithmic axis: the curve begins at the edge.
    edge = _SHORTEST * max((row["x"] for row in rows), default=0.0)
    rows = [{**row, "x": max(row["x"], edge)} for row in rows]
    paint = colours("of", list(_PARTS), list(_PARTS.values()))
    x, y = _latency_axis(rows, unit, "time"), _share_axis(rows, "share of the arrivals within it")
    limits: list[Row] = [
        {
            "x": one.limit_ms * unit.factor,
            "tip": f"within {milliseconds(one.limit_ms)}\n{percent(100 * one.share)} of arrivals",
        }
        for one in (goodput.objectives if goodput is not None else ())
    ]
    layers = [
        {
            "data": {"values": limits},
            "mark": {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 2, "color": GREEN},
            "encoding": {"x": x, "tooltip": {"field": "tip"}},
        },
        _line(x, y, paint, "true", 2),
        hover(x, y, paint),
    ]
    caption = (
        "Latency is from when an inference was due: it waited, then it was served. Each gridline is a further nine."
    )
    if limits:
        caption += " A dashed line is a limit that was set."
    return Chart("parts", "Latency, service and wait", caption, drawing(layers, rows, 300), wide=True)


def _latency_axis(rows: Sequence[dict[str, Any]], unit: Unit, title: str = "latency") -> ChartSpec:
    """Logarithmic where they range widely."""
    positive = [row["x"] for row in rows if row["x"] > 0]
    wide = bool(positive) and max(positive) > _WIDE_RANGE * min(positive)
    scale = {"type": "log", "nice": False} if wide else {"nice": False}
    return axis("x", f"{title}, {unit.name}", scale=scale, axis={"format": ".6~g"})


def _share_axis(rows: Sequence[dict[str, Any]], title: str = "share of the inferences that were faster") -> ChartSpec:
    return axis(
        "y", title,
        scale={"type": "log", "domain": [1, min((row["y"] for row in rows), default=0.01)], "nice": False},
        axis={"values": [1, *_NINES], "labelExpr": "format(100 - 100 * datum.value, '.10~g') + ' %'"},
    )  # fmt: skip


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
