"""The charts of curves: throughput, efficiency and tail latency by size. Pure."""

from collections.abc import Sequence
from typing import Final

from ...result.numbers import percent
from ...stats.scaling import Measured
from ...study.curves import Curve
from .chart import SERIES, Chart, ChartSpec, axis, colours, drawing, hover, time_unit
from .studyrows import Rows, bounded, span, with_bounds

_IDEAL_ABOVE: Final = 2.0
"""The ideal line ends at so many times what was measured, or it would press that down to the axis."""
_LONG: Final = 70


def scaling(curves: Sequence[Curve]) -> Chart:
    names = [_curve_name(curve) for curve in curves]
    means: Rows = []
    trials: Rows = []
    fits: Rows = []
    ideals: Rows = []
    for name, curve in zip(names, curves, strict=True):
        points = curve.scaling.points
        means += [bounded(point.size, point.fps, name, _point_tip(name, curve.unit, point)) for point in points]
        trials += [{"x": point.size, "y": fps, "of": name} for point in points for fps in point.fps_of_trials]
        fits += [{**bounded(one.size, one.fps, name, ""), "tip": ""} for one in curve.scaling.curve]
        single = points[0].fps.value / points[0].size
        end = min(points[-1].size, _IDEAL_ABOVE * max(point.fps.value for point in points) / single)
        ideals += [{"x": size, "y": single * size, "of": name} for size in (points[0].size, end)]
    paint = colours("of", names, SERIES[: len(names)], legend=len(names) > 1)
    x = _size_axis(curves)
    y = axis("y", "frames per second", zero=True)
    band = {
        "data": {"values": fits},
        "mark": {"type": "area", "opacity": 0.18},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": paint},
    }
    layers = [
        _of(ideals, {"type": "line", "strokeDash": [5, 4], "strokeWidth": 1.5, "opacity": 0.8}, x, y, paint),
        band,
        _of(fits, {"type": "line"}, x, y, paint),
        _of(trials, {"type": "point", "size": 22, "opacity": 0.55}, x, y, paint),
        _whiskers(means, x, y, paint),
        _of(means, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x, y, paint),
        hover(x, y, paint),
    ]
    caption = (
        "Dots are means of repetitions with 95 % intervals, rings the trials; the dashed line is ideal: N times the "
    )
    caption += "smallest's share." + (" The curve is the fit with its 95 % band." if fits else "")
    return Chart("scaling", "Throughput by size", caption, drawing(layers, means, 340), wide=True)


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


def _size_axis(curves: Sequence[Curve]) -> ChartSpec:
    sizes = sorted({point.size for curve in curves for point in curve.scaling.points})
    return axis("x", curves[0].unit, zero=True, scale={"nice": False},
                axis={"values": sizes, "format": "d", "labelOverlap": "greedy"})  # fmt: skip


def efficiency(curves: Sequence[Curve]) -> Chart:
    names = [_curve_name(curve) for curve in curves]
    rows: Rows = []
    for name, curve in zip(names, curves, strict=True):
        rows += [
            bounded(point.size, point.efficiency, name, _point_tip(name, curve.unit, point), 100)
            for point in curve.scaling.points
        ]
    paint = colours("of", names, SERIES[: len(names)], legend=len(names) > 1)
    x, y = _size_axis(curves), axis("y", "efficiency, percent of ideal", zero=True)
    layers = [
        _of(rows, {"type": "line"}, x, y, paint),
        _whiskers(rows, x, y, paint),
        _of(rows, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x, y, paint),
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
    paint = colours("of", names, SERIES[: len(names)], legend=len(names) > 1)
    x, y = _size_axis(curves), axis("y", f"p99 latency, {unit.name}", zero=True)
    layers = [
        _of(rows, {"type": "line"}, x, y, paint),
        _whiskers(rows, x, y, paint),
        _of(rows, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x, y, paint),
        hover(x, y, paint),
    ]
    return Chart("p99-by-size", "Tail latency by size", "What the load costs in latency.", drawing(layers, rows))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."
