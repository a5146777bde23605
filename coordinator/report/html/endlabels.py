"""Names at the ends of lines instead of a legend, none on another. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from .chart import ChartSpec

_CHARACTER: Final = 7
"""Dots that a character of a label takes at most, at its 11."""

_LINE: Final = 15
_LONG: Final = 30


def end_labels(
    ends: Sequence[Mapping[str, Any]], x: ChartSpec, y: ChartSpec, paint: ChartSpec, line: float
) -> ChartSpec:
    """A layer with the names (`of`) beside these ends (`x`, `y`). `line`: how much of the axis a line of text takes."""
    return label_layer(spaced(ends, line), x, y, paint)


def label_layer(placed: Sequence[Mapping[str, Any]], x: ChartSpec, y: ChartSpec, paint: ChartSpec) -> ChartSpec:
    """Of names that have their places already, as `spaced` gives them."""
    return {
        "data": {"values": list(placed)},
        "mark": {"type": "text", "align": "left", "dx": 8, "fontWeight": 600},
        "encoding": {"x": x, "y": y, "color": {**paint, "legend": None}, "text": {"field": "label"}},
    }


def line_of(values: Iterable[float], height: int) -> float:
    """How much a line of text takes of an axis of `height` dots that has these values."""
    known = list(values)
    return _LINE / height * (max(known) - min(known))


def spaced(ends: Sequence[Mapping[str, Any]], line: float) -> list[dict[str, Any]]:
    """From the lowest on, each at least a line above the one below it; `label` is the name, cut where it is long."""
    placed: list[dict[str, Any]] = []
    for one in sorted(ends, key=lambda row: float(row["y"])):
        least = placed[-1]["y"] + line if placed else float(one["y"])
        placed.append({"x": one["x"], "y": max(float(one["y"]), least), "of": one["of"], "label": _cut(str(one["of"]))})
    return placed


def room(names: Sequence[str], width: int) -> float:
    """What of `width` dots the longest label takes, as a share."""
    return min(0.4, (8 + _CHARACTER * max((len(_cut(name)) for name in names), default=0)) / width)


def _cut(name: str) -> str:
    return name if len(name) <= _LONG else f"{name[: _LONG - 3]}..."
