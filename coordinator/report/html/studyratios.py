"""The chart of B against A, or of releases against the first: the ratio that every block gives, beside the size of a
difference that counts. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ...study.ratio import Ratio
from .chart import IDLE, MUTED, SERIES, TEXT, Chart, ChartSpec, axis, colours, drawing, hover
from .endlabels import end_labels, line_of, room
from .studyrows import Rows

_ALL: Final = "all"
_MOST_NAMED: Final = len(SERIES)
_WIDTH, _HEIGHT = 1000, 300


def ratios(comparisons: Sequence[Ratio], what: str, against: str) -> Iterator[Chart]:
    """Of the figure that the verdict is on. `what`: is compared, `against` what. Of many cases, and of several
    settings, their means alone; of many settings that of the verdict."""
    verdict = comparisons[0]
    known = [one for one in comparisons if one.figure == verdict.figure and one.ratios]
    sides = list(dict.fromkeys(one.side for one in known))
    if len(sides) > 1:
        known = [one for one in known if not one.of]
    of_several = len(sides) == 1 and len(known) > 1
    drawn = {_name(one, of_several, what): one for one in (known if len(known) <= 1 + _MOST_NAMED else known[:1])}
    if not drawn or max(len(one.ratios) for one in drawn.values()) < 2:
        return
    rows: Rows = []
    means: Rows = []
    most = max(len(one.ratios) for one in drawn.values())
    for place, (name, one) in enumerate(drawn.items()):
        rows += [
            {"x": number, "y": percent_of(ratio), "of": name, "tip": f"block {number}\n{name}  {signed(ratio)}"}
            for number, ratio in enumerate(one.ratios, start=1)
        ]
        means.append(_mean(one, name, most + 1 + 0.3 * place))
    names = list(drawn)
    paint = colours("of", names, ([TEXT, *SERIES] if of_several else [*SERIES, TEXT])[: len(names)], legend=False)
    size = verdict.size_percent
    last = most + 1.5 + 0.3 * len(names)
    named = [{**mean, "x": means[-1]["x"]} for mean in means] if len(names) > 1 else []
    x = axis(
        "x", "block, in the order they ran; last the mean",
        scale={"domain": [0.5, last / (1 - room(names if named else (), _WIDTH))], "nice": False},
        axis={"values": _ticks(most), "format": "d", "grid": False},
    )  # fmt: skip
    y = axis("y", f"{figure_of(verdict)} against {against}, percent")
    alike: list[ChartSpec] = [
        {"data": {"values": [{"low": percent_of(1 / (1 + size / 100)), "high": size}]},
         "mark": {"type": "rect", "color": IDLE}, "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}}},
        {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "color": MUTED},
         "encoding": {"y": {**y, "field": "zero"}}},
    ]  # fmt: skip
    whiskers = {
        "data": {"values": [row for row in means if "low" in row]},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": paint},
    }
    points: ChartSpec = {"x": x, "y": y, "color": paint}
    mean = {"type": "point", "shape": "diamond", "filled": True, "size": 130, "opacity": 1}
    layers = [
        *alike,
        {"mark": {"type": "line", "strokeWidth": 1, "opacity": 0.35}, "encoding": points},
        {"mark": {"type": "point", "filled": True, "size": 45, "opacity": 0.9}, "encoding": points},
        whiskers,
        {"data": {"values": means}, "mark": mean, "encoding": {**points, "tooltip": {"field": "tip"}}},
        end_labels(
            named,
            x,
            y,
            paint,
            line_of(
                [size, -size, *(row[end] for row in (*rows, *means) for end in ("y", "low", "high") if end in row)],
                _HEIGHT,
            ),
        ),
        hover(x, y, paint),
    ]
    caption = (
        f"What each block of trials gives. The band is the stated size, {size:g} %: within it there is no difference. "
        f"The diamond is the mean with its {verdict.confidence_percent:g} % interval."
    )
    title = f"{figure_of(verdict).capitalize()} of {what} against {against}, by block"
    yield Chart("ratio", title, caption, drawing(layers, rows, _HEIGHT), wide=True)


def figure_of(ratio: Ratio) -> str:
    return ratio.figure if ratio.figure == "throughput" else f"{ratio.figure} latency"


def _name(ratio: Ratio, of_several: bool, what: str) -> str:
    return ratio.of or (_ALL if of_several else ratio.side or what)


def _mean(one: Ratio, name: str, x: float) -> dict[str, Any]:
    assert one.ratio is not None
    row: dict[str, Any] = {"x": x, "y": percent_of(one.ratio), "of": name, "tip": f"{name}  {signed(one.ratio)}"}
    if one.low is not None and one.high is not None:
        row |= {"low": percent_of(one.low), "high": percent_of(one.high)}
        row["tip"] = f"{row['tip']}, {signed(one.low)} to {signed(one.high)}"
    return row


def percent_of(ratio: float) -> float:
    return 100 * (ratio - 1)


def signed(ratio: float) -> str:
    return f"{percent_of(ratio):+.2f} %"


def _ticks(blocks: int) -> list[int]:
    return list(range(1, blocks + 1, -(-blocks // 20)))
