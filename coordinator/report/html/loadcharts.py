"""The charts of a load study: latency against rate, and which part of it is wait and which service. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ...request.slo import Objective, parse_objectives
from ...result.numbers import bounded, milliseconds, rate
from ...result.study import Study
from ...stats.estimate import Estimate
from ...study.loadcurve import LoadCurve, LoadPoint
from ...study.summary import name_of
from ...study.words import span_of
from .chart import BLUE, ORANGE, Chart, axis, colours, drawing, hover, time_unit
from .ratecharts import RateBand, RateLine, RateMark, RatePicture, latency_by_rate

_CAPTION: Final = (
    "From when each request was due, on a logarithmic axis. Each point is the mean of the trials at a rate, which have "
    "arrivals of their own. Knee: beyond it p99 grows faster than the rate."
)


def load_chart(study: Study, curves: Sequence[LoadCurve]) -> Iterator[Chart]:
    objectives = parse_objectives(study.slo) if study.slo else ()
    several = len(curves) > 1
    lines = [line for curve in curves for line in (_one(curve, objectives) if several else _all(curve, objectives))]
    drawn = objectives[:1] if several else objectives
    picture = RatePicture(
        lines=tuple(lines),
        limits=tuple((f"p{one.percent:g} within {one.limit_ms:g} ms", one.limit_ms) for one in drawn),
        found=tuple(_bands(curves, several)),
        closed=tuple(_closed(curves, several)),
    )
    chart = latency_by_rate(picture, "load", "Latency by rate", _CAPTION + _drawn_figure(several, objectives))
    if chart is not None:
        yield chart


def _one(curve: LoadCurve, objectives: Sequence[Objective]) -> Iterator[RateLine]:
    """Of several settings: p99, or that which has the first limit."""
    percent = objectives[0].percent if objectives else 99
    if percent == 99:
        yield _p99(curve, name_of(curve.point))
    else:
        yield _at_limit(curve, 0, f"p{percent:g}", name_of(curve.point))


def _all(curve: LoadCurve, objectives: Sequence[Objective]) -> Iterator[RateLine]:
    """p99 and p50, and those that have a limit."""
    yield _p99(curve, "p99")
    yield RateLine("p50", tuple(_mark(one, one.p50_ms, "p50") for one in curve.points if one.trials))
    for number, objective in enumerate(objectives):
        name = f"p{objective.percent:g}"
        if name not in ("p50", "p99"):
            yield _at_limit(curve, number, name, name)


def _at_limit(curve: LoadCurve, number: int, figure: str, name: str) -> RateLine:
    return RateLine(name, tuple(_mark(one, one.slo_ms[number], figure) for one in curve.points if one.trials))


def _p99(curve: LoadCurve, name: str) -> RateLine:
    marks = [
        _mark(one, one.p99_ms, "p99", one.p99_at_least_ms, one.p99_of_trials) for one in curve.points if one.trials
    ]
    return RateLine(name, tuple(marks), None if curve.knee is None else curve.knee.value)


def _mark(
    point: LoadPoint, figure: Estimate | None, name: str, at_least: float | None = None, of: tuple[float, ...] = ()
) -> RateMark:
    ms = None if figure is None else figure.value
    over = point.trials - point.served
    tip = f"{rate(point.rate)}/s, {point.percent:g} % of the closed loop\n{name} {bounded(ms, at_least)}"
    tip += f", {span}" if figure is not None and (span := span_of(figure, "ms")) else ""
    tip += f"\n{point.trials} trials" + (f", {over} overloaded" if over else "")
    return RateMark(point.rate, ms, tip, at_least, 2 * over > point.trials, of)


def _drawn_figure(several: bool, objectives: Sequence[Objective]) -> str:
    """What lines are of, where that is not their name."""
    if not several:
        return ""
    percent = objectives[0].percent if objectives else 99
    return f" Lines are p{percent:g} of each setting."


def _bands(curves: Sequence[LoadCurve], several: bool) -> Iterator[RateBand]:
    for curve in curves:
        for limit in curve.limits[:1] if several else curve.limits:
            if limit.rate is not None:
                whose = f", {name_of(curve.point)}" if several else ""
                label = f"{limit.slo} up to {rate(limit.rate.value)}/s{whose}"
                span = span_of(limit.rate)
                yield RateBand(
                    limit.rate.value, limit.rate.low, limit.rate.high, label, f"{label}\n{span}" if span else label
                )


def _closed(curves: Sequence[LoadCurve], several: bool) -> Iterator[tuple[str, float]]:
    for curve in curves:
        if curve.closed_per_s is not None:
            yield f"closed loop{f', {name_of(curve.point)}' if several else ''}", curve.closed_per_s.value


def load_parts(curves: Sequence[LoadCurve]) -> Iterator[Chart]:
    """Of one setting, as far as it is served: means, which add up."""
    if len(curves) != 1:
        return
    known = [
        (one, one.wait_mean_ms.value, one.service_mean_ms.value)
        for one in curves[0].points
        if one.rate <= (curves[0].served_to or 0.0) and one.wait_mean_ms is not None and one.service_mean_ms is not None
    ]
    if len(known) < 2:
        return
    unit = time_unit(max(wait + service for _, wait, service in known))
    rows: list[dict[str, Any]] = []
    for point, wait, service in known:
        tip = f"{rate(point.rate)}/s, {point.percent:g} %\nwait {milliseconds(wait)}, service {milliseconds(service)}"
        for of, low, high in (("wait", service, service + wait), ("service", 0.0, service)):
            rows.append({"x": point.rate, "of": of, "low": low * unit.factor, "high": high * unit.factor, "tip": tip})
    x, y = axis("x", "requests per second", zero=True), axis("high", f"mean, {unit.name}", zero=True)
    paint = colours("of", ["wait", "service"], [ORANGE, BLUE])
    area = {"mark": {"type": "area", "opacity": 0.75},
            "encoding": {"x": x, "y": y, "y2": {"field": "low"}, "color": paint}}  # fmt: skip
    caption = "Means at the rates that were served. Service that grows with the rate: services slow each other down."
    yield Chart("load-parts", "Wait and service by rate", caption, drawing([area, hover(x, y, paint)], rows))
