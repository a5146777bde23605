"""The charts of curves: throughput, efficiency and tail latency by size. Pure."""

from collections.abc import Sequence
from typing import Final

from ...result.numbers import percent, rate
from ...stats.scaling import Measured, throughput
from ...study.choices import Choice
from ...study.curves import Curve, size_of
from .chart import MUTED, SERIES, TEXT, Chart, ChartSpec, axis, colours, drawing, hover, time_unit
from .endlabels import end_labels, line_of, room
from .studyrows import Rows, bounded, span, with_bounds

_IDEAL_ABOVE: Final = 2.0
"""The ideal line ends at so many times what was measured, or it would press that down to the axis."""
_LONG: Final = 70
_HEIGHT: Final = 340
_HALF, _HALF_HEIGHT = 480, 240
"""Dots of a chart that has half the page's width."""


def scaling(curves: Sequence[Curve], choices: Sequence[Choice] = ()) -> Chart:
    """`choices`: those that are marked where they are on a curve."""
    names = [_curve_name(curve) for curve in curves]
    means: Rows = []
    trials: Rows = []
    fits: Rows = []
    ideals: Rows = []
    ends: Rows = []
    for name, curve in zip(names, curves, strict=True):
        points = curve.scaling.points
        means += [bounded(point.size, point.fps, name, _point_tip(name, curve.unit, point)) for point in points]
        trials += [{"x": point.size, "y": fps, "of": name} for point in points for fps in point.fps_of_trials]
        fits += [{**bounded(one.size, one.fps, name, ""), "tip": ""} for one in curve.scaling.curve]
        single = points[0].fps.value / points[0].size
        end = min(points[-1].size, _IDEAL_ABOVE * max(point.fps.value for point in points) / single)
        ideals += [{"x": size, "y": single * size, "of": name} for size in (points[0].size, end)]
        ends.append(means[-1])
    several = len(names) > 1
    if not several:
        ends = [{**means[-1], "of": "measured"}, {**ideals[-1], "of": "ideal"}]
    paint = _paint(names)
    x = _size_axis(curves, [str(end["of"]) for end in ends])
    y = axis("y", "frames per second", zero=True)
    band = {
        "data": {"values": fits},
        "mark": {"type": "area", "opacity": 0.18},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": paint},
    }
    line = line_of([0.0, *(row["y"] for row in (*means, *ideals))], _HEIGHT)
    marks = _marks(names, curves, choices)
    layers = [
        *_edge_layers(curves, x),
        _of(ideals, {"type": "line", "strokeDash": [5, 4], "strokeWidth": 1.5, "opacity": 0.8}, x, y, paint),
        band,
        _of(fits, {"type": "line"}, x, y, paint),
        _of(trials, {"type": "point", "size": 22, "opacity": 0.55}, x, y, paint),
        _whiskers(means, x, y, paint),
        _of(means, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x, y, paint),
        *_mark_layers(marks, max(row["x"] for row in means) / 2, x, y),
        end_labels(ends, x, y, paint if several else {"value": TEXT}, line),
        hover(x, y, paint),
    ]
    caption = (
        "Dots are means of repetitions with 95 % intervals, rings the trials; the dashed line is ideal: N times the "
    )
    caption += "smallest's share." + (" The curve is the fit with its 95 % band." if fits else "")
    if any(mark["shape"] == "diamond" for mark in marks):
        caption += " Knee: one more adds less than 5 % of one alone."
    if any(curve.edges for curve in curves):
        caption += " Vertical lines: from there on the CPUs are of further sockets or nodes, or share cores (SMT)."
    return Chart("scaling", "Throughput by size", caption, drawing(layers, means, _HEIGHT), wide=True)


def _paint(names: Sequence[str]) -> ChartSpec:
    """Lines have their names at their ends, so there is no legend."""
    return colours("of", names, SERIES[: len(names)], legend=False)


def _marks(names: Sequence[str], curves: Sequence[Curve], choices: Sequence[Choice]) -> Rows:
    """The knee on each fitted curve, and the settings that were chosen on those that they are on."""
    rows: Rows = []
    for name, curve in zip(names, curves, strict=True):
        knee, fit = curve.scaling.knee, curve.scaling.fit
        if knee is not None and fit is not None:
            shares = [part.value if part is not None else 0.0 for part in (fit.contention, fit.coherency)]
            fps = throughput(knee.value, fit.single.value, *shares)
            tip = f"{name}\n" * (len(names) > 1) + f"knee at {knee.value:.3g} {curve.unit}, {rate(fps)} FPS"
            rows.append({"x": knee.value, "y": fps, "label": "knee", "shape": "diamond", "tip": tip})
        for choice in choices:
            size = size_of(choice.setting, curve.unit)
            if curve.point.items() <= choice.setting.point.items() and size and choice.setting.fps is not None:
                tip = f"{choice.what}\n{choice.setting.name}\n{with_bounds(choice.setting.fps)}"
                short = choice.what.rpartition(" with ")[2]
                rows.append({"x": size, "y": choice.setting.fps.value, "label": short, "shape": "circle", "tip": tip})
    return rows


def _mark_layers(marks: Rows, middle: float, x: ChartSpec, y: ChartSpec) -> list[ChartSpec]:
    """With names towards the middle: of knees above them, of what was chosen below."""
    layers = []
    for shape, above in (("diamond", -16), ("circle", 22)):
        here = [mark for mark in marks if mark["shape"] == shape]
        layers.append({
            "data": {"values": here},
            "mark": {"type": "point", "shape": shape, "size": 190, "strokeWidth": 2.5, "color": TEXT, "opacity": 1},
            "encoding": {"x": x, "y": y, "tooltip": {"field": "tip"}},
        })  # fmt: skip
        layers += [
            {
                "data": {"values": [mark for mark in here if (mark["x"] > middle) is right]},
                "mark": {"type": "text", "align": "right" if right else "left", "dy": above},
                "encoding": {"x": x, "y": y, "text": {"field": "label"}},
            }
            for right in (False, True)
        ]
    return layers


def _edge_layers(curves: Sequence[Curve], x: ChartSpec) -> list[ChartSpec]:
    """Between the last size within and the first one beyond; what is there together has one name."""
    at: dict[float, list[str]] = {}
    for edge in (edge for curve in curves for edge in curve.edges):
        what = at.setdefault((edge.before + edge.size) / 2, [])
        what += [edge.what] * (edge.what not in what)
    rows: Rows = [{"x": place, "label": ", ".join(what), "tip": ", ".join(what)} for place, what in at.items()]
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "strokeDash": [2, 3], "color": MUTED},
            "encoding": {"x": x, "tooltip": {"field": "tip"}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "text", "align": "left", "dx": 4, "y": 8, "color": MUTED},
            "encoding": {"x": x, "text": {"field": "label"}},
        },
    ]


def _curve_name(curve: Curve) -> str:
    return _shortened(" ".join(f"{flag} {value}" for flag, value in curve.point.items())) or "all"


def _point_tip(name: str, unit: str, point: Measured) -> str:
    head = f"{point.size} {unit if point.size != 1 else unit.removesuffix('s')}" + (
        "" if name == "all" else f"\n{name}"
    )
    efficiency = percent(100 * point.efficiency.value)
    return f"{head}\n{with_bounds(point.fps)}\nefficiency {efficiency}\n{len(point.fps_of_trials)} trials"


def _of(rows: Rows, mark: ChartSpec, x: ChartSpec, y: ChartSpec, paint: ChartSpec) -> ChartSpec:
    return {"data": {"values": rows}, "mark": mark, "encoding": {"x": x, "y": y, "color": paint}}


def _whiskers(rows: Rows, x: ChartSpec, y: ChartSpec, paint: ChartSpec) -> ChartSpec:
    return {
        "data": {"values": [row for row in rows if "low" in row]},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": paint},
    }


def _size_axis(curves: Sequence[Curve], labels: Sequence[str], width: int = 1000) -> ChartSpec:
    """With room for labels at the ends of lines."""
    sizes = sorted({point.size for curve in curves for point in curve.scaling.points})
    end = sizes[-1] / (1 - room(labels, width)) if labels else sizes[-1]
    return axis("x", curves[0].unit, scale={"domain": [0, end], "nice": False},
                axis={"values": sizes, "format": "d", "labelOverlap": "greedy"})  # fmt: skip


def efficiency(curves: Sequence[Curve]) -> Chart:
    names = [_curve_name(curve) for curve in curves]
    rows: Rows = []
    for name, curve in zip(names, curves, strict=True):
        rows += [
            bounded(point.size, point.efficiency, name, _point_tip(name, curve.unit, point), 100)
            for point in curve.scaling.points
        ]
    paint = _paint(names)
    ends = [[row for row in rows if row["of"] == name][-1] for name in names] if len(names) > 1 else []
    x = _size_axis(curves, [str(end["of"]) for end in ends], _HALF)
    y = axis("y", "efficiency, percent of ideal", zero=True)
    layers = [
        _of(rows, {"type": "line"}, x, y, paint),
        _whiskers(rows, x, y, paint),
        _of(rows, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x, y, paint),
        end_labels(ends, x, y, paint, line_of([0.0, *(row["y"] for row in rows)], _HALF_HEIGHT)),
        hover(x, y, paint),
    ]
    caption = "Throughput against N times the smallest's share, with 95 % intervals."
    return Chart("efficiency", "Efficiency by size", caption, drawing(layers, rows))


def latency_of_sizes(curves: Sequence[Curve]) -> Chart:
    names = [_curve_name(curve) for curve in curves]
    unit = time_unit(max(one.value for curve in curves for one in curve.p99_ms.values()))
    rows: Rows = []
    for name, curve in zip(names, curves, strict=True):
        for size, figure in curve.p99_ms.items():
            tip = f"{size} {curve.unit}\np99 {span(figure)}"
            rows.append(bounded(int(size), figure, name, tip, unit.factor))
    paint = _paint(names)
    ends = [own[-1] for name in names if (own := [row for row in rows if row["of"] == name])] if len(names) > 1 else []
    x = _size_axis(curves, [str(end["of"]) for end in ends], _HALF)
    y = axis("y", f"p99 latency, {unit.name}", zero=True)
    layers = [
        _of(rows, {"type": "line"}, x, y, paint),
        _whiskers(rows, x, y, paint),
        _of(rows, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x, y, paint),
        end_labels(ends, x, y, paint, line_of([0.0, *(row["y"] for row in rows)], _HALF_HEIGHT)),
        hover(x, y, paint),
    ]
    return Chart("p99-by-size", "Tail latency by size", "What the load costs in latency.", drawing(layers, rows))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."
