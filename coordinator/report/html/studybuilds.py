"""The chart of builds in a row: the ratio of each to the first, with its interval. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from ...study.ratio import Ratio
from ...study.ratiotable import MEAN
from .chart import IDLE, MUTED, SERIES, TEXT, Chart, ChartSpec, axis, colours, drawing
from .studyratios import figure_of, percent_of, signed

_MOST_CASES: Final = len(SERIES)
_CHARACTER: Final = 7
_WIDTH: Final = 900


def builds(comparisons: Sequence[Ratio], names: Sequence[str]) -> Iterator[Chart]:
    """Of the figure that the verdict is on. `names`: of the builds from the first one on; those that were not measured
    have no point. Of many cases their mean alone."""
    verdict = comparisons[0]
    known = [one for one in comparisons if one.figure == verdict.figure and one.ratio is not None]
    cases = list(dict.fromkeys(one.of for one in known if one.of))
    shown = known if len(cases) <= _MOST_CASES else [one for one in known if not one.of]
    if not shown or (len(shown) == 1 and shown[0].ratios):
        return  # the mean of the chart by block
    first, figure, size = names[0], figure_of(verdict), verdict.size_percent
    rows = [_row(one, bool(cases), first) for one in shown]
    series = [name for name in (MEAN, *cases, first) if any(row["of"] == name for row in rows)]
    paint = colours("of", series, [TEXT, *SERIES][: len(series)], legend=len(series) > 1)
    # Names that would be on one another are written upwards.
    upright = _CHARACTER * max(map(len, names)) > _WIDTH / len(names)
    x = axis("x", None, kind="ordinal", sort=list(names), scale={"domain": list(names)},
             axis={"labelAngle": -90 if upright else 0, "labelLimit": 160, "grid": False})  # fmt: skip
    beside: ChartSpec = {"xOffset": {"field": "of", "type": "nominal", "sort": series}} if len(series) > 1 else {}
    y = axis("y", f"{figure} against {first}, percent")
    common: ChartSpec = {"x": x, "y": y, "color": paint, **beside}
    layers: list[ChartSpec] = [
        {"data": {"values": [{"low": percent_of(1 / (1 + size / 100)), "high": size}]},
         "mark": {"type": "rect", "color": IDLE}, "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}}},
        {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "color": MUTED},
         "encoding": {"y": {**y, "field": "zero"}}},
        {"data": {"values": [row for row in rows if "low" in row]}, "mark": {"type": "rule", "strokeWidth": 2},
         "encoding": {**common, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
        {"mark": {"type": "point", "shape": "diamond", "filled": True, "size": 110, "opacity": 1},
         "encoding": {**common, "tooltip": {"field": "tip"}}},
    ]  # fmt: skip
    measured = {row["x"] for row in rows} | {first}
    caption = f"Each against {first}, with its {verdict.confidence_percent:g} % interval. The band is the stated size"
    caption += f", {size:g} %: within it there is no difference."
    caption += " What is blank was not measured." if any(name not in measured for name in names) else ""
    title = f"{figure.capitalize()} of each build against {first}"
    yield Chart("builds", title, caption, drawing(layers, rows, 280), wide=True)


def _row(one: Ratio, several: bool, first: str) -> dict[str, object]:
    assert one.ratio is not None
    of = one.of or (MEAN if several else first)
    said = f"{one.side}{f', {of}' if several else ''}: {signed(one.ratio)}"
    row: dict[str, object] = {"x": one.side, "y": percent_of(one.ratio), "of": of}
    if one.low is not None and one.high is not None:
        row |= {"low": percent_of(one.low), "high": percent_of(one.high)}
        said += f", {signed(one.low)} to {signed(one.high)}"
    return {**row, "tip": f"{said}\n{one.verdict}"}
