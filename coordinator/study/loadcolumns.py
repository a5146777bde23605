"""The table of a load study: the closed loop, then rate by rate what was served, and how long that took. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from ..result.numbers import beyond, milliseconds, rate
from ..stats.estimate import Estimate
from .columns import UNKNOWN, Column
from .loadcurve import LoadCurve, LoadPoint, own_point
from .ratetrials import RATE
from .summary import Setting

CLOSED: Final = "closed loop"


def load_columns(curves: Sequence[LoadCurve]) -> tuple[Column, ...]:
    points = {(tuple(curve.point.items()), one.rate): one for curve in curves for one in curve.points}
    loops = {tuple(curve.point.items()): curve for curve in curves}

    def place(setting: Setting) -> tuple[LoadCurve | None, LoadPoint | None]:
        own, asked = tuple(own_point(setting.point).items()), setting.point.get(RATE)
        return loops.get(own), None if asked is None else points.get((own, float(asked)))

    def at(cell: Callable[[LoadPoint], str], closed: Callable[[LoadCurve, Setting], str]) -> Callable[[Setting], str]:
        def of(setting: Setting) -> str:
            curve, point = place(setting)
            if point is not None:
                return cell(point)
            return UNKNOWN if curve is None or RATE in setting.point else closed(curve, setting)

        return of

    return (
        Column("share", at(lambda one: f"{one.percent:g} %", lambda *_: CLOSED)),
        Column("served", at(lambda one: _rate(one.delivered_per_s), lambda curve, _: _rate(curve.closed_per_s)), 3),
        Column("p50", at(lambda one: _ms(one.p50_ms), lambda _, setting: _ms(setting.median_ms))),
        Column("p99", at(_p99, lambda _, setting: _ms(setting.p99_ms))),
        Column("wait", at(lambda one: _ms(one.wait_mean_ms), _nothing), 1),
        Column("service", at(lambda one: _ms(one.service_mean_ms), _nothing), 1),
        Column("CPU", lambda setting: UNKNOWN if setting.busy_percent is None else f"{setting.busy_percent:.0f} %", 4),
        Column("trials", at(_trials, lambda _, setting: _closed_trials(setting))),
    )  # fmt: skip


def _nothing(curve: LoadCurve, setting: Setting) -> str:
    return UNKNOWN


def _rate(figure: Estimate | None) -> str:
    return UNKNOWN if figure is None else rate(figure.value)


def _ms(figure: Estimate | None) -> str:
    return UNKNOWN if figure is None else milliseconds(figure.value)


def _p99(point: LoadPoint) -> str:
    bound = point.p99_at_least_ms
    return beyond(milliseconds(bound)) if point.p99_ms is None and bound is not None else _ms(point.p99_ms)


def _trials(point: LoadPoint) -> str:
    if point.trials == 0:
        return UNKNOWN
    over = point.trials - point.served
    if not over:
        return f"{point.trials}"
    doubt = "" if over == point.overloaded else "?"
    return f"{point.trials}{'' if over == point.trials else f', {over}'} overloaded{doubt}"


def _closed_trials(setting: Setting) -> str:
    return f"{len(setting.used)}{' SUSPECT' if setting.suspect else ''}"
