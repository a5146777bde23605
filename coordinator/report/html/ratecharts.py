"""Latency against rate as a picture: the hockey stick, with limits, the rates found and the closed loop's. Pure.

The axis of the latency is logarithmic: at light load and in overload it differs by orders of magnitude.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any, Final

from ...result.numbers import milliseconds, rate
from .chart import GREEN, MUTED, SERIES, TEXT, Chart, ChartSpec, Unit, axis, colours, drawing, hover, time_unit
from .endlabels import label_layer, room, spaced
from .studyrows import Rows

_WIDTH, _HEIGHT = 1000, 380
_LINE: Final = 15


@dataclass(frozen=True)
class RateMark:
    """The latency at a rate. `ms` None: it is not known, and cannot be below `at_least_ms`. `trials_ms`: of each."""

    rate: float
    ms: float | None
    tip: str
    at_least_ms: float | None = None
    overloaded: bool = False
    trials_ms: tuple[float, ...] = ()

    @property
    def height_ms(self) -> float | None:
        """Where it is drawn."""
        found = self.ms if self.ms is not None else self.at_least_ms
        return found if found is not None and found > 0 else None


@dataclass(frozen=True)
class RateLine:
    """`marks` by rate, ascending. `knee`: a rate that is marked on it. `curve`: latencies, ms, by rate that were
    fitted, which is drawn instead of a line through the marks."""

    name: str
    marks: tuple[RateMark, ...]
    knee: float | None = None
    curve: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class RateBand:
    """A rate with its interval, if it has one, and what it is."""

    value: float
    low: float | None
    high: float | None
    label: str
    tip: str


@dataclass(frozen=True)
class RatePicture:
    """`limits`: of the latency, ms, by name. `found`: rates that the study names. `closed`: what closed loops do."""

    lines: tuple[RateLine, ...]
    limits: tuple[tuple[str, float], ...] = ()
    found: tuple[RateBand, ...] = ()
    closed: tuple[tuple[str, float], ...] = ()


def latency_by_rate(of: RatePicture, name: str, title: str, caption: str) -> Chart | None:
    """None where no line has two points."""
    drawn = [(line, marks) for line in of.lines[: len(SERIES)] if len(marks := _drawn(line)) > 1]
    if not drawn:
        return None
    heights = [mark.height_ms or 0.0 for _, marks in drawn for mark in marks]
    heights += [ms for _, marks in drawn for mark in marks for ms in mark.trials_ms if ms > 0]
    heights += [ms for _, ms in of.limits] + [ms for line, _ in drawn for _, ms in line.curve]
    unit = time_unit(sorted(heights)[len(heights) // 2])
    names = [line.name for line, _ in drawn]
    rates = [mark.rate for _, marks in drawn for mark in marks] + [at for line, _ in drawn for at, _ in line.curve]
    most = max([*rates, *(band.high or band.value for band in of.found), *(value for _, value in of.closed)])
    end = most / (1 - room(names, _WIDTH))
    low, high = _decades(min(heights) * unit.factor, max(heights) * unit.factor)
    x = axis("x", "requests per second", scale={"domain": [0, end], "nice": False})
    y = axis("y", f"latency, {unit.name}", scale={"type": "log", "domain": [low, high], "nice": False},
             axis={"values": _ticks(low, high), "format": "~g"})  # fmt: skip
    paint = colours("of", names, SERIES[: len(names)], legend=False)
    rows = [_row(line.name, mark, unit) for line, marks in drawn for mark in marks]
    rings = [
        {"x": mark.rate, "y": ms * unit.factor, "of": line.name}
        for line, marks in drawn
        for mark in marks
        for ms in mark.trials_ms
        if ms > 0
    ]
    strokes = [row for line, _ in drawn for row in _stroke(line, rows, unit)]
    last = [[row for row in strokes if row["of"] == name][-1] for name in names]
    line_of_text = _LINE / _HEIGHT * log10(high / low)
    ends = spaced([{**row, "y": log10(row["y"])} for row in last], line_of_text)
    points: ChartSpec = {"x": x, "y": y, "color": paint}
    layers = [
        *_bands(of.found, x),
        *_limits(of.limits, unit, x, y),
        *_closed(of.closed, x),
        {"data": {"values": strokes}, "mark": {"type": "line"}, "encoding": points},
        {"data": {"values": rings}, "mark": {"type": "point", "size": 20, "opacity": 0.5}, "encoding": points},
        *(_points(rows, shape, points) for shape in ("served", "overloaded", "unknown")),
        *_knees(drawn, unit, x, y),
        label_layer([{**one, "y": 10 ** one["y"]} for one in ends], x, y, paint),
        hover(x, y, paint),
    ]
    return Chart(name, title, caption + _how_to_read(rows, rings), drawing(layers, rows, _HEIGHT), wide=True)


def _drawn(line: RateLine) -> list[RateMark]:
    return [mark for mark in line.marks if mark.height_ms is not None]


def _row(name: str, mark: RateMark, unit: Unit) -> dict[str, Any]:
    shape = "overloaded" if mark.overloaded else "served" if mark.ms is not None else "unknown"
    return {"x": mark.rate, "y": (mark.height_ms or 0.0) * unit.factor, "of": name, "tip": mark.tip, "shape": shape}


def _stroke(line: RateLine, rows: Rows, unit: Unit) -> Rows:
    """What its line goes through."""
    if not line.curve:
        return [row for row in rows if row["of"] == line.name]
    return [{"x": at, "y": ms * unit.factor, "of": line.name} for at, ms in line.curve]


def _points(rows: Rows, shape: str, points: ChartSpec) -> ChartSpec:
    """Hollow where there was overload; a triangle where it is more than that."""
    mark = {"type": "point", "filled": shape == "served", "size": 60, "opacity": 1, "strokeWidth": 2}
    if shape == "unknown":
        mark |= {"shape": "triangle-up", "filled": True, "size": 90}
    return {"data": {"values": [row for row in rows if row["shape"] == shape]}, "mark": mark, "encoding": points}


def _bands(found: Sequence[RateBand], x: ChartSpec) -> list[ChartSpec]:
    rows: Rows = [
        {"x": one.value, "low": one.low, "high": one.high, "label": one.label, "tip": one.tip} for one in found
    ]
    within = [row for row in rows if row["low"] is not None and row["high"] is not None]
    tip = {"tooltip": {"field": "tip"}}
    return [
        {"data": {"values": within}, "mark": {"type": "rect", "color": GREEN, "opacity": 0.18},
         "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, **tip}},
        {"data": {"values": rows}, "mark": {"type": "rule", "color": GREEN, "strokeWidth": 1.5},
         "encoding": {"x": x, **tip}},
        *({"data": {"values": [row]}, "mark": {"type": "text", "align": "right", "dx": -6,
          "y": _HEIGHT - 8 - _LINE * place, "color": GREEN, "fontWeight": 600},
          "encoding": {"x": {**x, "field": "low" if row["low"] is not None else "x"}, "text": {"field": "label"}}}
          for place, row in enumerate(rows)),
    ]  # fmt: skip


def _limits(limits: Sequence[tuple[str, float]], unit: Unit, x: ChartSpec, y: ChartSpec) -> list[ChartSpec]:
    rows: Rows = [{"x": 0, "y": ms * unit.factor, "label": name} for name, ms in limits]
    return [
        {"data": {"values": rows}, "mark": {"type": "rule", "strokeDash": [6, 4], "color": TEXT, "strokeWidth": 1.2},
         "encoding": {"y": y}},
        {"data": {"values": rows}, "mark": {"type": "text", "align": "left", "dx": 6, "dy": -8},
         "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
    ]  # fmt: skip


def _closed(closed: Sequence[tuple[str, float]], x: ChartSpec) -> list[ChartSpec]:
    rows: Rows = [{"x": value, "label": name, "tip": f"{name}\n{rate(value)}/s"} for name, value in closed]
    return [
        {"data": {"values": rows}, "mark": {"type": "rule", "strokeDash": [2, 3], "color": MUTED},
         "encoding": {"x": x, "tooltip": {"field": "tip"}}},
        *({"data": {"values": [row]},
          "mark": {"type": "text", "align": "right", "dx": -5, "y": 8 + _LINE * place, "color": MUTED},
          "encoding": {"x": x, "text": {"field": "label"}}} for place, row in enumerate(rows)),
    ]  # fmt: skip


def _knees(
    drawn: Sequence[tuple[RateLine, Sequence[RateMark]]], unit: Unit, x: ChartSpec, y: ChartSpec
) -> list[ChartSpec]:
    rows: Rows = []
    for line, marks in drawn:
        ms = None if line.knee is None else _between(marks, line.knee)
        if ms is not None and line.knee is not None:
            tip = f"{line.name}\nknee at {rate(line.knee)}/s, {milliseconds(ms)}"
            rows.append({"x": line.knee, "y": ms * unit.factor, "label": "knee", "tip": tip})
    mark = {"type": "point", "shape": "diamond", "size": 190, "strokeWidth": 2.5, "color": TEXT, "opacity": 1}
    return [
        {"data": {"values": rows}, "mark": mark, "encoding": {"x": x, "y": y, "tooltip": {"field": "tip"}}},
        {"data": {"values": rows}, "mark": {"type": "text", "align": "right", "dx": -10, "dy": -10},
         "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
    ]  # fmt: skip


def _between(marks: Sequence[RateMark], at: float) -> float | None:
    """Where a line is at a rate between two of its points, as it is drawn: straight in the logarithm."""
    for left, right in pairwise(marks):
        if left.rate <= at <= right.rate and left.height_ms and right.height_ms:
            part = (at - left.rate) / (right.rate - left.rate) if right.rate > left.rate else 0.0
            return float(left.height_ms ** (1 - part) * right.height_ms**part)
    return None


def _decades(low: float, high: float) -> tuple[float, float]:
    """To the next of 1, 2 and 5 at either end."""
    steps = [mantissa * 10.0**decade for decade in range(floor(log10(low)) - 1, ceil(log10(high)) + 2)
             for mantissa in (1, 2, 5)]  # fmt: skip
    return max(step for step in steps if step <= low * 0.999), min(step for step in steps if step >= high * 1.05)


def _ticks(low: float, high: float) -> list[float]:
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    every = [round(mantissa * 10.0**decade, 12) for decade in decades for mantissa in (1, 2, 5)]
    return [tick for tick in every if low * 0.999 <= tick <= high * 1.001]


def _how_to_read(rows: Rows, rings: Rows) -> str:
    text = " Small rings are trials." if rings else ""
    text += (
        " A hollow point: overloaded, so the longer one measures, the higher it is."
        if any(row["shape"] == "overloaded" for row in rows)
        else ""
    )
    return text + (" A triangle: it is more than that." if any(row["shape"] == "unknown" for row in rows) else "")
