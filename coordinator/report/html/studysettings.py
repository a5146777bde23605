"""The charts of settings: in a plane, by rank, trial by trial, throughput against latency. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from ...result.numbers import milliseconds, percent, rate
from ...result.study import Study
from ...study.summary import Setting
from ...study.words import same_as
from .chart import BLUE, HEAT, MUTED, ORANGE, TEXT, Chart, ChartSpec, axis, colours, drawing, hover, time_unit
from .studyrows import Rows, bounded, span, with_bounds

_MOST_BARS: Final = 40
_MOST_CELLS: Final = 400
_LEAST_FILLED: Final = 0.3
_MOST_BESIDE: Final = 6
"""Columns of a heat map whose figures have room at half the page's width."""
_CHARACTER: Final = 7
"""Dots that a character of a label takes at most, at its 11."""
_MOST_LABELLED: Final = 12
"""On the Pareto front; of more, the two ends."""
_LONGEST_LABEL: Final = 28
_FAR: Final = 20.0
"""Latencies so many times apart are drawn on a logarithmic axis, or the front would be a line at its edge."""


def two_axes(study: Study) -> tuple[str, str] | None:
    """The settings that are varied, where there are two with several values each, in combinations that fill a plane:
    not all have to be there, as of streams and requests, but more than a line of them."""
    several = [name for name, values in study.axes.items() if len(values) > 1]
    if len(several) != 2:
        return None
    across, down = several
    columns, rows = len(study.axes[across]), len(study.axes[down])
    there = {(trial.point.get(across), trial.point.get(down)) for trial in study.trials}
    fills = len(there) > max(columns, rows) and len(there) >= _LEAST_FILLED * columns * rows
    return (across, down) if fills and columns * rows <= _MOST_CELLS else None


def heat(study: Study, axes: tuple[str, str], settings: Sequence[Setting], figure: str) -> Chart:
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
    if len(rows) < columns * len(study.axes[down]):
        caption += " What is blank was not run."
    if any(setting.same for setting in settings):
        caption += " Settings that were the same run have one mean."
    drawn = drawing([cells, text], rows, height)
    return Chart(f"heat-{name}", f"{title} by {across} and {down}", caption, drawn, wide=columns > _MOST_BESIDE)


def _setting_tip(setting: Setting) -> str:
    lines = [setting.name or "the one setting", *same_as(setting)]
    if setting.fps is not None:
        lines.append(with_bounds(setting.fps))
    if setting.median_ms is not None:
        lines.append(f"median {span(setting.median_ms)}")
    if setting.p99_ms is not None:
        lines.append(f"p99 {span(setting.p99_ms)}")
    if setting.busy_percent is not None:
        lines.append(f"CPU {percent(setting.busy_percent)}")
    return "\n".join([*lines, ", ".join(f"{number} {status}" for status, number in setting.trials.items())])


def ranking(settings: Sequence[Setting]) -> Chart:
    ranked = sorted(settings, key=lambda setting: -setting.fps.value if setting.fps is not None else 0.0)[:_MOST_BARS]
    rows: Rows = []
    for setting in ranked:
        assert setting.fps is not None
        row = bounded(0, setting.fps, "", _setting_tip(setting))
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


def trials_of(settings: Sequence[Setting]) -> Iterator[Chart]:
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
            means.append({**bounded(0, figure, "", _setting_tip(setting), factor), "name": setting.name})
        if not rows:
            continue
        x = axis("y", label)
        y = axis("name", None, kind="nominal", sort=None, axis={"labelLimit": 420})
        layers: list[ChartSpec] = [
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


def _label(setting: Setting) -> str:
    """The values of a setting, of files their names."""
    values = (value.rstrip("/").rpartition("/")[2] for value in setting.point.values())
    text = " · ".join(values)
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 3]}..."


def trade(settings: Sequence[Setting], front: Sequence[Setting], limit_ms: float | None) -> Chart:
    known = [setting for setting in settings if setting.p99_ms is not None]
    unit = time_unit(max(setting.p99_ms.value for setting in known if setting.p99_ms is not None))
    best = [setting.point for setting in front]
    rows: Rows = []
    for setting in known:
        assert setting.fps is not None
        assert setting.p99_ms is not None
        of = "Pareto front" if setting.point in best else "beaten by another"
        rows.append({
            "x": setting.p99_ms.value * unit.factor, "y": setting.fps.value, "of": of, "label": _label(setting),
            "tip": _setting_tip(setting),
        })  # fmt: skip
    names = [name for name in ("Pareto front", "beaten by another") if any(row["of"] == name for row in rows)]
    paint = colours("of", names, [ORANGE if name == "Pareto front" else MUTED for name in names])
    title = f"p99 latency, {unit.name}"
    least, most = min(row["x"] for row in rows), max(row["x"] for row in rows)
    far = least > 0 and most > _FAR * least
    x = axis("x", title, scale={"type": "log", "nice": False, "padding": 12}) if far else axis("x", title, zero=True)
    y = axis("y", "frames per second", zero=True)
    edge = sorted((row for row in rows if row["of"] == "Pareto front"), key=lambda row: row["x"])
    labelled = edge if len(edge) <= _MOST_LABELLED else [edge[0], edge[-1]]
    layers: list[ChartSpec] = [
        {"data": {"values": edge}, "mark": {"type": "line", "color": ORANGE, "interpolate": "step-after"},
         "encoding": {"x": x, "y": y}},
        {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 0.9},
         "encoding": {"x": x, "y": y, "color": paint}},
        {"data": {"values": labelled}, "mark": {"type": "text", "align": "left", "dx": 7, "dy": 9},
         "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
        hover(x, y, paint),
    ]  # fmt: skip
    caption = "Up and to the left is better; no setting beats those on the line in both."
    flags = " · ".join(front[0].point) if front else ""
    caption += f" They are labelled by {flags}." if flags else ""
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
