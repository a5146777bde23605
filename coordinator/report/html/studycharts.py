"""The charts of a study, from its answer and its outcomes. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ...result.numbers import duration, milliseconds, percent, rate
from ...result.study import Outcome, Study
from ...stats.estimate import Estimate
from ...stats.scaling import Measured
from ...study.answer import Answer
from ...study.curves import Curve
from ...study.standing import standing
from ...study.summary import Setting
from ...study.words import same_as, span_of
from .chart import BLUE, HEAT, MUTED, ORANGE, SERIES, TEXT, Chart, Spec, axis, colours, drawing, hover, time_unit

_MOST_CURVES: Final = len(SERIES)
_MOST_BARS: Final = 40
_MOST_CELLS: Final = 400
_MOST_BESIDE: Final = 6
"""Columns of a heat map whose figures have room at half the page's width."""
_CHARACTER: Final = 7
"""Dots that a character of a label takes at most, at its 11."""
_IDEAL_ABOVE: Final = 2.0
"""The ideal line ends at so many times what was measured, or it would press that down to the axis."""
_LONG: Final = 70
_FAR: Final = 20.0
"""Latencies so many times apart are drawn on a logarithmic axis, or the front would be a line at its edge."""
_VALID: Final = "VALID"
_OTHER: Final = "not VALID"

Rows = list[dict[str, Any]]


def study_charts(study: Study, outcomes: Sequence[Outcome], answer: Answer) -> tuple[Chart, ...]:
    """Those that the outcomes have figures for, the most telling first."""
    return tuple(_charts(study, outcomes, answer))


def _charts(study: Study, outcomes: Sequence[Outcome], answer: Answer) -> Iterator[Chart]:
    curves = [curve for curve in answer.curves if curve.scaling.points][:_MOST_CURVES]
    if curves:
        yield _scaling(curves)
        yield _efficiency(curves)
        if any(curve.p99_ms for curve in curves):
            yield _latency_of_sizes(curves)
    known = [setting for setting in answer.settings if setting.fps is not None]
    axes = _two_axes(study)
    if axes is not None and known:
        yield _heat(study, axes, known, "fps")
        if all(setting.p99_ms is not None for setting in known):
            yield _heat(study, axes, known, "p99")
    if study.kind == "ab":
        yield from _trials_of(known)
    elif len(known) > 1 and not curves:
        yield _ranking(known)
    if study.kind != "ab" and len([setting for setting in known if setting.p99_ms is not None]) > 1:
        yield _trade(known, answer.front, study.p99_limit_ms)
    drift = _drift_rows(study, outcomes, answer.settings)
    if len(drift) > 2:
        yield _drift(drift)


def _scaling(curves: Sequence[Curve]) -> Chart:
    names = [_curve_name(curve) for curve in curves]
    means: Rows = []
    trials: Rows = []
    fits: Rows = []
    ideals: Rows = []
    for name, curve in zip(names, curves, strict=True):
        points = curve.scaling.points
        means += [_bounded(point.size, point.fps, name, _point_tip(name, curve.unit, point)) for point in points]
        trials += [{"x": point.size, "y": fps, "of": name} for point in points for fps in point.fps_of_trials]
        fits += [{**_bounded(one.size, one.fps, name, ""), "tip": ""} for one in curve.scaling.curve]
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
    return f"{head}\n{_with_bounds(point.fps)}\nefficiency {efficiency}\n{len(point.fps_of_trials)} trials"


def _with_bounds(figure: Estimate) -> str:
    span = span_of(figure)
    return f"{rate(figure.value)} FPS" + (f", {span}" if span else "")


def _bounded(x: float, figure: Estimate, of: str, tip: str, factor: float = 1.0) -> dict[str, Any]:
    """A row with its interval where it has one; no less than 0."""
    row: dict[str, Any] = {"x": x, "y": figure.value * factor, "of": of, "tip": tip}
    if figure.low is not None and figure.high is not None:
        row |= {"low": max(0.0, figure.low) * factor, "high": figure.high * factor}
    return row


def _of(rows: Rows, mark: Spec, x: Spec, y: Spec, paint: Spec) -> Spec:
    return {"data": {"values": rows}, "mark": mark, "encoding": {"x": x, "y": y, "color": paint}}


def _whiskers(rows: Rows, x: Spec, y: Spec, paint: Spec) -> Spec:
    return {
        "data": {"values": [row for row in rows if "low" in row]},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": paint},
    }


def _size_axis(curves: Sequence[Curve]) -> Spec:
    sizes = sorted({point.size for curve in curves for point in curve.scaling.points})
    return axis("x", curves[0].unit, zero=True, scale={"nice": False},
                axis={"values": sizes, "format": "d", "labelOverlap": "greedy"})  # fmt: skip


def _efficiency(curves: Sequence[Curve]) -> Chart:
    names = [_curve_name(curve) for curve in curves]
    rows: Rows = []
    for name, curve in zip(names, curves, strict=True):
        rows += [
            _bounded(point.size, point.efficiency, name, _point_tip(name, curve.unit, point), 100)
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


def _latency_of_sizes(curves: Sequence[Curve]) -> Chart:
    names = [_curve_name(curve) for curve in curves]
    unit = time_unit(max(one.value for curve in curves for one in curve.p99_ms.values()))
    rows: Rows = []
    for name, curve in zip(names, curves, strict=True):
        for size, figure in curve.p99_ms.items():
            tip = f"{size} {curve.unit}\np99 {_span(figure)}"
            rows.append(_bounded(int(size), figure, name, tip, unit.factor))
    paint = colours("of", names, SERIES[: len(names)], legend=len(names) > 1)
    x, y = _size_axis(curves), axis("y", f"p99 latency, {unit.name}", zero=True)
    layers = [
        _of(rows, {"type": "line"}, x, y, paint),
        _whiskers(rows, x, y, paint),
        _of(rows, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x, y, paint),
        hover(x, y, paint),
    ]
    return Chart("p99-by-size", "Tail latency by size", "What the load costs in latency.", drawing(layers, rows))


def _span(figure: Estimate) -> str:
    span = span_of(figure, "ms")
    return milliseconds(figure.value) + (f", {span}" if span else "")


def _two_axes(study: Study) -> tuple[str, str] | None:
    """The settings that are varied, where there are two with several values each, in every combination."""
    several = [name for name, values in study.axes.items() if len(values) > 1]
    if len(several) != 2 or len(study.axes[several[0]]) * len(study.axes[several[1]]) > _MOST_CELLS:
        return None
    across, down = several
    there = {(trial.point.get(across), trial.point.get(down)) for trial in study.trials}
    return (across, down) if len(there) == len(study.axes[across]) * len(study.axes[down]) else None


def _heat(study: Study, axes: tuple[str, str], settings: Sequence[Setting], figure: str) -> Chart:
    across, down = sorted(axes, key=lambda name: -len(study.axes[name]))
    name, title = ("fps", "Throughput") if figure == "fps" else ("p99", "Tail latency")
    largest = max((s.p99_ms.value for s in settings if s.p99_ms is not None), default=1.0)
    unit = time_unit(largest)
    rows: Rows = []
    for setting in settings:
        value = setting.fps.value if setting.fps is not None else 0.0
        label = rate(value)
        if figure != "fps" and setting.p99_ms is not None:
            value, label = setting.p99_ms.value * unit.factor, milliseconds(setting.p99_ms.value)
        tip = _setting_tip(setting)
        rows += [
            {"x": point.get(across, ""), "y": point.get(down, ""), "value": value, "label": label, "tip": tip}
            for point in setting.points
        ]
    values = [row["value"] for row in rows]
    # Cividis goes from dark to light; a good value is light in both charts.
    bright = "datum.value > {0}" if figure == "fps" else "datum.value < {0}"
    middle = (min(values) + max(values)) / 2
    x = axis("x", across, kind="ordinal", sort=list(study.axes[across]), axis={"labelAngle": 0, "labelLimit": 120})
    y = axis("y", down, kind="ordinal", sort=list(study.axes[down]))
    legend = "FPS" if figure == "fps" else f"p99, {unit.name}"
    cells = {
        "mark": {"type": "rect", "cornerRadius": 2},
        "encoding": {
            "x": x,
            "y": y,
            "color": {
                "field": "value",
                "type": "quantitative",
                "scale": {"scheme": HEAT, "zero": False, "reverse": figure != "fps"},
                "legend": {"title": legend, "gradientLength": 160},
            },
            "tooltip": {"field": "tip"},
        },
    }
    columns = len(study.axes[across])
    # Labels that have no room are left to the hover.
    needed = columns * _CHARACTER * max(len(row["label"]) for row in rows)
    text = {
        "mark": {"type": "text"},
        "encoding": {
            "x": x,
            "y": y,
            "text": {"field": "label"},
            "tooltip": {"field": "tip"},
            "opacity": {"condition": {"test": f"width < {needed}", "value": 0}, "value": 1},
            "color": {"condition": {"test": bright.format(middle), "value": "#111111"}, "value": "#ffffff"},
        },
    }
    height = max(120, 34 * len(study.axes[down]) + 20)
    caption = "Means over repetitions; lighter is better."
    if any(setting.same for setting in settings):
        caption += " Settings that were the same run have one mean."
    drawn = drawing([cells, text], rows, height)
    return Chart(f"heat-{name}", f"{title} by {across} and {down}", caption, drawn, wide=columns > _MOST_BESIDE)


def _setting_tip(setting: Setting) -> str:
    lines = [setting.name or "the one setting", *same_as(setting)]
    if setting.fps is not None:
        lines.append(_with_bounds(setting.fps))
    if setting.median_ms is not None:
        lines.append(f"median {_span(setting.median_ms)}")
    if setting.p99_ms is not None:
        lines.append(f"p99 {_span(setting.p99_ms)}")
    if setting.busy_percent is not None:
        lines.append(f"CPU {percent(setting.busy_percent)}")
    return "\n".join([*lines, ", ".join(f"{number} {status}" for status, number in setting.trials.items())])


def _shortened(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def _ranking(settings: Sequence[Setting]) -> Chart:
    ranked = sorted(settings, key=lambda setting: -setting.fps.value if setting.fps is not None else 0.0)[:_MOST_BARS]
    rows: Rows = []
    for setting in ranked:
        assert setting.fps is not None
        row = _bounded(0, setting.fps, "", _setting_tip(setting))
        more = f" and {len(setting.same)} the same" if setting.same else ""
        rows.append({**row, "name": (setting.name or "the one setting") + more, "label": rate(setting.fps.value)})
    y = axis("name", None, kind="nominal", sort=[row["name"] for row in rows], axis={"labelLimit": 420})
    x = axis("y", "frames per second", zero=True)
    bars = {"mark": {"type": "bar", "color": BLUE, "opacity": 0.85},
            "encoding": {"x": x, "y": y, "tooltip": {"field": "tip"}}}  # fmt: skip
    whiskers = {
        "data": {"values": [row for row in rows if "low" in row]},
        "mark": {"type": "rule", "color": TEXT, "strokeWidth": 1.5},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
    }
    caption = "Means over repetitions with 95 % intervals."
    if len(settings) > len(rows):
        caption += f" The fastest {len(rows)} of {len(settings)} settings."
    drawn = drawing([bars, whiskers], rows, 24 * len(rows) + 30)
    return Chart("ranking", "Settings by throughput", caption, drawn, wide=True)


def _trials_of(settings: Sequence[Setting]) -> Iterator[Chart]:
    """Every trial of each setting, on an axis that need not begin at 0: the difference is what is looked for."""
    unit = time_unit(max((p99 for setting in settings for p99 in setting.p99_of_trials), default=1.0))
    for name, title, label, factor in (
        ("fps", "Throughput of every trial", "frames per second", 1.0),
        ("p99", "p99 of every trial", f"p99 latency, {unit.name}", unit.factor),
    ):
        rows: Rows = []
        means: Rows = []
        for setting in settings:
            figure = setting.fps if name == "fps" else setting.p99_ms
            values = setting.fps_of_trials if name == "fps" else setting.p99_of_trials
            if figure is None:
                continue
            form = rate if name == "fps" else milliseconds
            rows += [
                {"y": value * factor, "name": setting.name, "tip": f"{setting.name}\n{form(value)}"} for value in values
            ]
            means.append({**_bounded(0, figure, "", _setting_tip(setting), factor), "name": setting.name})
        if not rows:
            continue
        x = axis("y", label)
        y = axis("name", None, kind="nominal", sort=None, axis={"labelLimit": 420})
        layers: list[Spec] = [
            {"mark": {"type": "tick", "color": BLUE, "opacity": 0.6, "thickness": 2},
             "encoding": {"x": x, "y": y, "tooltip": {"field": "tip"}}},
            {"data": {"values": [row for row in means if "low" in row]},
             "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 3},
             "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y}},
            {"data": {"values": means},
             "mark": {"type": "point", "filled": True, "color": ORANGE, "size": 90, "opacity": 1},
             "encoding": {"x": x, "y": y, "tooltip": {"field": "tip"}}},
        ]  # fmt: skip
        caption = "A stroke for each trial; the dot is the mean, with its 95 % interval. The axis need not begin at 0."
        yield Chart(f"trials-{name}", title, caption, drawing(layers, rows, 60 * len(means) + 40), wide=True)


def _trade(settings: Sequence[Setting], front: Sequence[Setting], limit_ms: float | None) -> Chart:
    known = [setting for setting in settings if setting.p99_ms is not None]
    unit = time_unit(max(setting.p99_ms.value for setting in known if setting.p99_ms is not None))
    best = [setting.point for setting in front]
    rows: Rows = []
    for setting in known:
        assert setting.fps is not None
        assert setting.p99_ms is not None
        of = "Pareto front" if setting.point in best else "beaten by another"
        rows.append(
            {"x": setting.p99_ms.value * unit.factor, "y": setting.fps.value, "of": of, "tip": _setting_tip(setting)}
        )
    names = [name for name in ("Pareto front", "beaten by another") if any(row["of"] == name for row in rows)]
    paint = colours("of", names, [ORANGE if name == "Pareto front" else MUTED for name in names])
    title = f"p99 latency, {unit.name}"
    least, most = min(row["x"] for row in rows), max(row["x"] for row in rows)
    far = least > 0 and most > _FAR * least
    x = axis("x", title, scale={"type": "log", "nice": False, "padding": 12}) if far else axis("x", title, zero=True)
    y = axis("y", "frames per second", zero=True)
    edge = sorted((row for row in rows if row["of"] == "Pareto front"), key=lambda row: row["x"])
    layers: list[Spec] = [
        {"data": {"values": edge}, "mark": {"type": "line", "color": ORANGE, "interpolate": "step-after"},
         "encoding": {"x": x, "y": y}},
        {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 0.9},
         "encoding": {"x": x, "y": y, "color": paint}},
        hover(x, y, paint),
    ]  # fmt: skip
    caption = "Up and to the left is better; no setting beats those on the line in both."
    if limit_ms is not None:
        layers.insert(0, {
            "data": {"values": [{"limit": limit_ms * unit.factor, "tip": f"limit: {milliseconds(limit_ms)}"}]},
            "mark": {"type": "rule", "strokeDash": [5, 4], "color": MUTED},
            "encoding": {"x": {**x, "field": "limit"}, "tooltip": {"field": "tip"}},
        })  # fmt: skip
        caption += " The dashed line is the limit that was asked for."
    if far:
        caption += " The axis of latency is logarithmic."
    return Chart("trade", "Throughput against tail latency", caption, drawing(layers, rows, 300))


def _drift_rows(study: Study, outcomes: Sequence[Outcome], settings: Sequence[Setting]) -> Rows:
    """Each trial against the mean of its setting, in the order in which they ran."""
    last = {outcome.trial: outcome for outcome in standing(study, outcomes) if outcome.fps is not None}
    setting_of = {tuple(point.items()): number for number, one in enumerate(settings) for point in one.points}
    means: dict[int | None, list[float]] = {}
    for outcome in last.values():
        means.setdefault(setting_of.get(tuple(outcome.point.items())), []).append(outcome.fps or 0.0)
    rows: Rows = []
    at_s = 0.0
    for number, trial in enumerate(study.trials):
        found = last.get(trial.id)
        if found is None or found.fps is None:
            continue
        own = means[setting_of.get(tuple(found.point.items()))]
        mean = sum(own) / len(own)
        at_s += found.seconds
        if len(own) > 1 and mean > 0:
            name = " ".join(f"{flag} {value}" for flag, value in found.point.items())
            rows.append({
                "x": number + 1, "y": 100 * (found.fps / mean - 1), "of": _VALID if found.status == _VALID else _OTHER,
                "tip": f"trial {trial.id}, after about {duration(at_s)}\n{name}\n{rate(found.fps)} FPS\n{found.status}",
            })  # fmt: skip
    return rows


def _drift(rows: Rows) -> Chart:
    names = [name for name in (_VALID, _OTHER) if any(row["of"] == name for row in rows)]
    paint = colours("of", names, [BLUE if name == _VALID else ORANGE for name in names], legend=len(names) > 1)
    x = axis("x", "trial, in the order they ran", axis={"format": "d", "tickMinStep": 1})
    y = axis("y", "percent off its setting's mean", zero=True)
    zero = {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "color": MUTED},
            "encoding": {"y": {**y, "field": "zero"}}}  # fmt: skip
    points = {"mark": {"type": "point", "filled": True, "size": 40, "opacity": 0.85},
              "encoding": {"x": x, "y": y, "color": paint}}  # fmt: skip
    trend = {
        "transform": [{"loess": "y", "on": "x", "bandwidth": 0.5}],
        "mark": {"type": "line", "color": MUTED, "opacity": 0.8},
        "encoding": {"x": x, "y": y},
    }
    layers: list[Spec] = [zero, *([trend] if len(rows) >= 12 else []), points, hover(x, y, paint)]
    caption = "A trend here is the machine's, not a setting's: repetitions were run in mixed order."
    return Chart("drift", "Drift of the machine", caption, drawing(layers, rows, 300))
