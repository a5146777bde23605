"""The charts of a load at a rate, over time: what arrived, what was delivered, and what waited for how long. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ...result.arrivals import ArrivalsPart, GoodputPart
from ...result.numbers import count, milliseconds, percent, ramp, rate
from ...result.report import Report
from ...result.timeline import StagePart, TimelineArrivals, spans_s
from .chart import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
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

_TIME: Final = "time in the window, s"
_SPLIT: Final = {"wait": ORANGE, "service": BLUE}
_RATES: Final = {"offered": ORANGE, "delivered": BLUE, "within the limit": GREEN}

Slices = Sequence[tuple[tuple[float, float], TimelineArrivals]]
"""With where they begin and end, seconds since the window's start."""


def arrival_charts(report: Report) -> Iterator[Chart]:
    """Those that the timeline has figures for; none for a closed loop."""
    timeline = zip(spans_s(report.timeline), report.timeline, strict=True)
    slices = [(span, part.arrivals) for span, part in timeline if part.arrivals is not None]
    if report.arrivals is None or len(slices) < 2:
        return
    begins = _begins(report.stages)
    if any(one.wait_ms is not None for _, one in slices):
        yield _split(slices, begins)
    yield _rates(slices, report.goodput, begins)
    yield _backlog(report.arrivals, slices, begins)
    if report.goodput is not None and any(one.goodput_share is not None for _, one in slices):
        yield _goodput(slices, report.goodput, begins)


def _begins(stages: Sequence[StagePart]) -> ChartSpec:
    """A layer of rules where stages begin, but the first one."""
    rows: list[Row] = [
        {"x": stage.start_s, "tip": f"from {stage.start_s:.6g} s\n{ramp(stage.rate_from, stage.rate_to)} per second"}
        for stage in stages[1:]
    ]
    return {
        "data": {"values": rows},
        "mark": {"type": "rule", "strokeDash": [2, 3], "color": MUTED},
        "encoding": {"x": axis("x", _TIME, zero=True), "tooltip": {"field": "tip"}},
    }


def _split(slices: Slices, begins: ChartSpec) -> Chart:
    """Where nothing that was due completed, the areas are broken."""
    unit = time_unit(max((one.wait_ms or 0.0) + (one.service_ms or 0.0) for _, one in slices))
    rows: list[dict[str, Any]] = []
    for span, one in slices:
        known = one.wait_ms is not None and one.service_ms is not None
        wait, service = (one.wait_ms or 0.0, one.service_ms or 0.0) if known else (0.0, 0.0)
        tip = f"{span_text(span)}\nwait {milliseconds(wait)}, service {milliseconds(service)}"
        tip += f"\nlatency {milliseconds(wait + service)}"
        for of, low, high in (("wait", 0.0, wait), ("service", wait, wait + service)):
            ends = {"low": low * unit.factor, "high": high * unit.factor} if known else {"low": None, "high": None}
            rows.append({"x": middle(span), "of": of, **ends, "tip": tip if known else ""})
    x, y = axis("x", _TIME, zero=True), axis("high", f"mean, {unit.name}", zero=True)
    paint = colours("of", list(_SPLIT), list(_SPLIT.values()))
    area = {
        "mark": {"type": "area", "opacity": 0.75, "invalid": "break-paths-show-path-domains"},
        "encoding": {"x": x, "y": y, "y2": {"field": "low"}, "color": paint},
    }
    caption = "Means of what was due in each slice. From when it was due, an inference waited, then it was served."
    return Chart("wait_and_service", "Latency over time: wait and service", caption,
                 drawing([area, begins, _shown(hover(x, y, paint))], rows))  # fmt: skip


def _shown(layer: ChartSpec) -> ChartSpec:
    """Of the points that have a place."""
    return {**layer, "transform": [{"filter": "datum.high !== null"}]}


def _rates(slices: Slices, goodput: GoodputPart | None, begins: ChartSpec) -> Chart:
    rows: list[Row] = []
    for span, one in slices:
        values = (one.offered_per_s, one.delivered_per_s, one.goodput_per_s)
        named = {of: value for of, value in zip(_RATES, values, strict=True) if value is not None}
        tip = "\n".join([span_text(span), *(f"{of}  {rate(value)}/s" for of, value in named.items())])
        rows += [{"x": middle(span), "y": value, "of": of, "tip": tip} for of, value in named.items()]
    names = [of for of in _RATES if any(row["of"] == of for row in rows)]
    x, y = axis("x", _TIME, zero=True), axis("y", "inferences per second", zero=True)
    paint = colours("of", names, [_RATES[of] for of in names])
    # Where capacity suffices the lines lie on each other: what was offered shows at both sides of the others.
    lines: list[ChartSpec] = [
        {
            "mark": {"type": "line", "strokeWidth": width},
            "transform": [{"filter": f"datum.of {which} 'offered'"}],
            "encoding": {"x": x, "y": y, "color": paint},
        }
        for width, which in ((6, "==="), (2, "!=="))
    ]
    layers = [*lines, begins, hover(x, y, paint)]
    caption = "What was due in each slice, and what completed in it."
    if goodput is not None and len(names) == len(_RATES):
        caption += f" The limit is {milliseconds(goodput.slo_ms)}."
    return Chart("arrivals", "Offered and delivered", caption, drawing(layers, rows))


def _backlog(arrivals: ArrivalsPart, slices: Slices, begins: ChartSpec) -> Chart:
    start = [] if arrivals.backlog_start is None else [(0.0, arrivals.backlog_start)]
    course = [*start, *((stop, one.backlog) for (_, stop), one in slices)]
    rows = [
        {"x": at, "y": number, "tip": f"at {at:.3g} s\n{count(number)} due and not completed"} for at, number in course
    ]
    x, y = axis("x", _TIME, zero=True), axis("y", "inferences", zero=True, axis={"tickMinStep": 1})
    layers = [
        {"mark": {"type": "area", "color": ORANGE, "opacity": 0.25, "line": {"color": ORANGE}},
         "encoding": {"x": x, "y": y}},
        begins,
        hover(x, y, ORANGE),
    ]  # fmt: skip
    caption = "Due and not completed, those that are being served among them. One that grows has no end: overload."
    return Chart("backlog", "Backlog", caption, drawing(layers, rows))


def _goodput(slices: Slices, goodput: GoodputPart, begins: ChartSpec) -> Chart:
    known = [(span, 100 * one.goodput_share) for span, one in slices if one.goodput_share is not None]
    rows = [
        {"x": middle(span), "y": part, "tip": f"{span_text(span)}\n{percent(part)} within the limit"}
        for span, part in known
    ]
    x = axis("x", _TIME, zero=True)
    y = axis("y", "percent of the arrivals", scale={"domain": [0, 100]})
    wanted: list[Row] = [
        {"asked": one.percent, "tip": f"asked for: {one.percent:g} %"}
        for one in goodput.objectives[:1]
        if one.percent is not None
    ]
    layers = [
        {"data": {"values": wanted}, "mark": {"type": "rule", "strokeDash": [5, 4], "color": MUTED},
         "encoding": {"y": {**y, "field": "asked"}, "tooltip": {"field": "tip"}}},
        {"mark": {"type": "line", "color": GREEN}, "encoding": {"x": x, "y": y}},
        begins,
        hover(x, y, GREEN),
    ]  # fmt: skip
    caption = f"The share of what was due in each slice that completed within {milliseconds(goodput.slo_ms)}" + (
        "; the dashed line is what was asked for." if wanted else "."
    )
    return Chart("goodput", "Goodput over time", caption, drawing(layers, rows))
