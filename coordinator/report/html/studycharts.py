"""The charts of a study: those that its kind names, as far as the outcomes have figures for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...result.numbers import duration, rate
from ...result.study import Outcome, Study
from ...study.answer import Answer
from ...study.builds import builds_of
from ...study.choices import within_limit
from ...study.curves import Curve
from ...study.kinds.kind import ChartName
from ...study.kinds.registry import kind_of
from ...study.summary import Setting
from .capacitycharts import capacities, latency_by_trial
from .chart import BLUE, MUTED, ORANGE, SERIES, Chart, ChartSpec, axis, colours, drawing, hover
from .loadcharts import load_chart, load_parts
from .studybuilds import builds
from .studycurves import efficiency, latency_of_sizes, scaling
from .studyratios import ratios
from .studyrows import Rows
from .studysettings import heat, ranking, trade, trials_of, two_axes

_MOST_CURVES: Final = len(SERIES)
_VALID: Final = "VALID"
_OTHER: Final = "not VALID"


@dataclass(frozen=True)
class Drawn:
    """What there is to draw. `known`: the settings with figures; `curves`: with points, as many as have colours."""

    study: Study
    outcomes: Sequence[Outcome]
    answer: Answer
    known: tuple[Setting, ...]
    curves: tuple[Curve, ...]


def study_charts(study: Study, outcomes: Sequence[Outcome], answer: Answer) -> tuple[Chart, ...]:
    """Those that the outcomes have figures for, the most informative first."""
    known = tuple(setting for setting in answer.settings if setting.fps is not None)
    curves = tuple(curve for curve in answer.curves if curve.scaling.points)[:_MOST_CURVES]
    drawn = Drawn(study, outcomes, answer, known, curves)
    return tuple(chart for name in kind_of(study).charts(answer) for chart in DRAWINGS[name](drawn))


def _scaling(of: Drawn) -> Iterator[Chart]:
    if of.curves:
        limit_ms = of.study.p99_limit_ms
        what = None if limit_ms is None else within_limit(limit_ms)
        yield scaling(of.curves, [choice for choice in of.answer.choices if choice.what == what])


def _efficiency(of: Drawn) -> Iterator[Chart]:
    if of.curves:
        yield efficiency(of.curves)


def _latency_of_sizes(of: Drawn) -> Iterator[Chart]:
    if any(curve.p99_ms for curve in of.curves):
        yield latency_of_sizes(of.curves)


def _ratio(of: Drawn) -> Iterator[Chart]:
    if of.answer.comparisons:
        yield from ratios(of.answer.comparisons, *kind_of(of.study).compared(of.study))


def _builds(of: Drawn) -> Iterator[Chart]:
    if of.answer.comparisons:
        yield from builds(of.answer.comparisons, builds_of(of.study))


def _heat(of: Drawn) -> Iterator[Chart]:
    axes = two_axes(of.study)
    if axes is not None and of.known:
        yield heat(of.study, axes, of.known, "fps")
        if all(setting.p99_ms is not None for setting in of.known):
            yield heat(of.study, axes, of.known, "p99")


def _ranking(of: Drawn) -> Iterator[Chart]:
    if len(of.known) > 1:
        yield ranking(of.known)


def _trials(of: Drawn) -> Iterator[Chart]:
    yield from trials_of(of.known)


def _trade(of: Drawn) -> Iterator[Chart]:
    if len([setting for setting in of.known if setting.p99_ms is not None]) > 1:
        yield trade(of.known, of.answer.front, of.study.p99_limit_ms)


def _drift(of: Drawn) -> Iterator[Chart]:
    rows = _drift_rows(of)
    if len(rows) > 2:
        yield _drift_chart(rows)


DRAWINGS: Final[Mapping[ChartName, Callable[[Drawn], Iterator[Chart]]]] = {
    "scaling": _scaling,
    "efficiency": _efficiency,
    "p99-by-size": _latency_of_sizes,
    "ratio": _ratio,
    "builds": _builds,
    "heat": _heat,
    "ranking": _ranking,
    "trials": _trials,
    "trade": _trade,
    "drift": _drift,
    "load": lambda of: load_chart(of.study, of.answer.loads),
    "load-parts": lambda of: load_parts(of.answer.loads),
    "latency-by-rate": lambda of: latency_by_trial(of.answer.capacities),
    "capacities": lambda of: capacities(of.answer.capacities),
}


def _drift_rows(of: Drawn) -> Rows:
    """Each trial against the mean of its setting, in the order in which they ran."""
    stand = kind_of(of.study).standing(of.study, of.outcomes)
    last = {outcome.trial: outcome for outcome in stand if outcome.fps is not None}
    setting_of = {tuple(point.items()): number for number, one in enumerate(of.answer.settings) for point in one.points}
    means: dict[int | None, list[float]] = {}
    for outcome in last.values():
        means.setdefault(setting_of.get(tuple(outcome.point.items())), []).append(outcome.fps or 0.0)
    rows: Rows = []
    at_s = 0.0
    for number, trial in enumerate(of.study.trials):
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


def _drift_chart(rows: Rows) -> Chart:
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
    layers: list[ChartSpec] = [zero, *([trend] if len(rows) >= 12 else []), points, hover(x, y, paint)]
    caption = "A trend here comes from the machine, not from a setting: repetitions ran in mixed order."
    return Chart("drift", "Drift of the machine", caption, drawing(layers, rows, 300))
