"""The charts of a capacity study: the latency of every trial by its rate, and what each setting serves. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from ...request.slo import parse_objectives
from ...result.numbers import bounded as at_least_text
from ...result.numbers import rate
from ...study.capacity import Capacity, RateTrial
from ...study.capacitywords import cut_of, with_span
from .chart import BLUE, TEXT, Chart, axis, drawing
from .ratecharts import RateBand, RateLine, RateMark, RatePicture, latency_by_rate
from .studyrows import Rows, bounded

_MOST: Final = 40


def latency_by_trial(found: Sequence[Capacity]) -> Iterator[Chart]:
    known = [one for one in found if one.trials]
    if not known:
        return
    several = len(known) > 1
    limits = dict.fromkeys(one.slo for one in known)
    picture = RatePicture(
        lines=tuple(_line(one, several) for one in known),
        limits=tuple(
            (f"{slo.partition(':')[0]} within {objective.limit_ms:g} ms", objective.limit_ms)
            for slo in limits
            for objective in parse_objectives(slo)
        ),
        found=tuple(_bands(known[0], several)),
        closed=() if several or known[0].closed_loop_per_s is None else (("closed loop", known[0].closed_loop_per_s),),
    )
    caption = (
        "Every trial, with arrivals of its own, on a logarithmic axis. The line has the form that theory gives "
        "it, fitted to the trials; where it crosses the limit is the capacity, with its 95 % interval (the band). "
        "Near saturation it is above the trials, which are too short to show what the long run does."
    )
    chart = latency_by_rate(picture, "capacity", "Latency by rate", caption)
    if chart is not None:
        yield chart


def _line(one: Capacity, several: bool) -> RateLine:
    percentile = one.slo.partition(":")[0]
    marks = tuple(_mark(trial, percentile) for trial in sorted(one.trials, key=lambda trial: trial.rate))
    return RateLine((cut_of(one) if several else "") or percentile, marks, curve=one.curve)


def _mark(trial: RateTrial, percentile: str) -> RateMark:
    tip = (
        f"trial {trial.trial}: {rate(trial.rate)}/s\n{percentile} {at_least_text(trial.latency_ms, trial.at_least_ms)}"
    )
    tip += f"\n{trial.status}{', to confirm the rate' if trial.confirming else ''}"
    tip += f"\n{'kept the limits' if trial.kept else 'did not keep the limits'}"
    return RateMark(trial.rate, trial.latency_ms, tip, trial.at_least_ms, trial.overloaded)


def _bands(best: Capacity, several: bool) -> Iterator[RateBand]:
    """Of several settings that of the best: another chart has all."""
    if best.rate is not None:
        label = f"{rate(best.rate.value)}/s{f', {cut_of(best)}' if several else ''}"
        tip = f"{cut_of(best)}\n{with_span(best.rate)}".strip()
        yield RateBand(best.rate.value, best.rate.low, best.rate.high, label, tip)


def capacities(found: Sequence[Capacity]) -> Iterator[Chart]:
    """Where there are several."""
    known = [(one, one.rate) for one in found if one.rate is not None][:_MOST]
    if len(known) < 2:
        return
    rows: Rows = []
    for one, figure in known:
        row = bounded(0, figure, "", f"{cut_of(one)}\n{with_span(figure)}\n{one.verdict}")
        closed = {} if one.closed_loop_per_s is None else {"closed": one.closed_loop_per_s}
        rows.append({**row, **closed, "name": cut_of(one)})
    y = axis("name", None, kind="nominal", sort=[row["name"] for row in rows], axis={"labelLimit": 420})
    x = axis("y", "requests per second", zero=True)
    tip = {"tooltip": {"field": "tip"}}
    layers = [
        {"mark": {"type": "bar", "color": BLUE, "opacity": 0.85}, "encoding": {"x": x, "y": y, **tip}},
        {"data": {"values": [row for row in rows if "low" in row]},
         "mark": {"type": "rule", "color": TEXT, "strokeWidth": 1.5},
         "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y}},
        {"data": {"values": [row for row in rows if "closed" in row]},
         "mark": {"type": "tick", "color": TEXT, "opacity": 0.6, "thickness": 2},
         "encoding": {"x": {**x, "field": "closed"}, "y": y}},
    ]  # fmt: skip
    caption = "The highest rate at which all limits hold, with its 95 % interval; a tick is the closed loop."
    yield Chart("capacities", "Settings by capacity", caption, drawing(layers, rows, 28 * len(rows) + 30), wide=True)
