"""What a chart is: a Vega-Lite specification with few, aggregated rows; a page or a file fills in its colours. Pure.

Vega-Lite: https://vega.github.io/vega-lite/docs/. Colours are the CSS variables of PALETTE, so that a page changes from
light to dark without drawing again. The text of a hover is made here, as numbers are written elsewhere in ovbench.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ChartSpec = dict[str, Any]
Row = Mapping[str, Any]

PALETTE: Final = {
    "--text": ("#1b1f24", "#e6e8ea"),
    "--muted": ("#57606a", "#9aa4ae"),
    "--grid": ("#d8dce1", "#3a424b"),
    "--paper": ("#ffffff", "#14181d"),
    "--blue": ("#0072b2", "#56b4e9"),
    "--orange": ("#d55e00", "#ff9a4d"),
    "--green": ("#007f5f", "#2fc79a"),
    "--pink": ("#a8508a", "#e08fc0"),
    "--yellow": ("#b8860b", "#f0c808"),
    "--idle": ("#e3e6ea", "#2b323a"),
}
"""Light and dark. After Okabe and Ito, https://jfly.uni-koeln.de/color/: distinguishable by the colour-blind."""

TEXT, MUTED, GRID, PAPER, BLUE, ORANGE, GREEN, PINK, YELLOW, IDLE = (f"var({name})" for name in PALETTE)
SERIES: Final = (BLUE, ORANGE, GREEN, PINK, YELLOW, MUTED)
HEAT: Final = "cividis"
"""A colour scale that is even in lightness, too: https://doi.org/10.1371/journal.pone.0199239."""

CONFIG: Final[ChartSpec] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED, "titleColor": TEXT, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID,
        "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8, "labelOverlap": True,
        "labelSeparation": 6,
    },
    "legend": {
        "labelColor": TEXT, "titleColor": TEXT, "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal",
        "orient": "top", "symbolStrokeWidth": 2, "labelLimit": 320, "columns": 6,
    },
    "text": {"color": TEXT, "fontSize": 11},
    "line": {"strokeWidth": 2, "strokeJoin": "round"},
    "rule": {"color": MUTED},
    "range": {"category": list(SERIES)},
}  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """`name`: of its file. `caption`: how to read it. `wide`: takes the page's whole width."""

    name: str
    title: str
    caption: str
    spec: ChartSpec
    wide: bool = False


@dataclass(frozen=True)
class Unit:
    """In which milliseconds are drawn: times `factor`."""

    name: str
    factor: float


def time_unit(largest_ms: float) -> Unit:
    """The one in which it has at most three digits before the point."""
    for name, factor in (("us", 1e3), ("ms", 1.0)):
        if largest_ms * factor < 1000:
            return Unit(name, factor)
    return Unit("s", 1e-3)


def middle(span_s: tuple[float, float]) -> float:
    """Where what is of a time between two instants is drawn."""
    return round(sum(span_s) / 2, 6)


def span_text(span_s: tuple[float, float]) -> str:
    start, stop = span_s
    return f"{start:.6g} to {stop:.6g} s"


def drawing(layers: Sequence[ChartSpec], rows: Sequence[Row], height: int = 240, **more: Any) -> ChartSpec:
    """Layers over the same rows. A layer may have data of its own, and is left out where those are none."""
    return {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": list(rows)},
        "layer": [layer for layer in layers if "data" not in layer or layer["data"]["values"]],
        **more,
    }


def axis(field: str, title: str | None, *, kind: str = "quantitative", zero: bool = False, **more: Any) -> ChartSpec:
    """The encoding of a position; `more` may have `scale` and `axis`, which are added to."""
    scale = {**({"zero": zero} if kind == "quantitative" else {}), **more.pop("scale", {})}
    return {"field": field, "type": kind, "title": title, **({"scale": scale} if scale else {}), **more}


def colours(field: str, names: Sequence[str], values: Sequence[str], *, legend: bool = True) -> ChartSpec:
    """An encoding of colour by name, in this order."""
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": list(names), "range": list(values)},
        "legend": {"title": None} if legend else None,
        "sort": None,
    }


def hover(x: ChartSpec, y: ChartSpec, colour: ChartSpec | str = BLUE, name: str = "hover") -> ChartSpec:
    """A layer that shows the point nearest to the pointer, and its text (`tip`)."""
    return {
        "mark": {"type": "point", "filled": True, "size": 70},
        "params": [
            {
                "name": name,
                "select": {"type": "point", "on": "pointerover", "nearest": True, "clear": "pointerout"},
            }
        ],
        "encoding": {
            "x": x,
            "y": y,
            "color": colour if isinstance(colour, dict) else {"value": colour},
            "opacity": {"condition": {"param": name, "empty": False, "value": 1}, "value": 0},
            "tooltip": {"field": "tip"},
        },
    }
