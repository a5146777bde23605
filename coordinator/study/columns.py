"""The figures of a study's settings as columns of a table: what is in a cell, and which goes first where room is short.

A renderer lays them out. A figure that a setting lacks is a dash, one that it does not know `> x`. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ..result.numbers import beyond, milliseconds, rate
from ..stats.estimate import Estimate
from .summary import Setting

UNKNOWN: Final = "-"


@dataclass(frozen=True)
class Column:
    """`rank`: where there is no room for all, the columns with the highest go first."""

    title: str
    cell: Callable[[Setting], str]
    rank: int = 0


def share(figure: Estimate | None) -> str:
    """Such as `97.3 %`."""
    return UNKNOWN if figure is None else f"{100 * figure.value:.1f} %"


def per_batch(settings: Sequence[Setting]) -> tuple[Column, ...]:
    """The median latency, and by frame where the batch is varied."""
    median = Column("median", lambda s: _latency("median_ms", s.median_ms, s), 2)
    return (median, Column("a frame", _per_frame)) if any(setting.batch for setting in settings) else (median,)


def _per_frame(setting: Setting) -> str:
    if setting.median_ms is None or setting.batch is None:
        return UNKNOWN
    return milliseconds(setting.median_ms.value / setting.batch)


def _of(name: str, form: Callable[[float], str]) -> Callable[[Setting], str]:
    def cell(setting: Setting) -> str:
        figure = setting.figures.get(name)
        if figure is not None:
            return form(figure.value)
        return _unknown(setting, name, form)

    return cell


def _unknown(setting: Setting, name: str, form: Callable[[float], str]) -> str:
    """More than a bound where trials do not know it; they have no such figure where there is none."""
    bound = setting.at_least.get(name)
    return UNKNOWN if bound is None else beyond(form(bound))


def _latency(name: str, figure: Estimate | None, setting: Setting) -> str:
    return _unknown(setting, name, milliseconds) if figure is None else milliseconds(figure.value)


_AT_RATE: Final = {
    "wait_p99_ms": Column("wait p99", _of("wait_p99_ms", milliseconds), 1),
    "goodput": Column("goodput", _of("goodput", lambda part: f"{100 * part:.4g} %"), 1),
    "delivered_per_s": Column("delivered", _of("delivered_per_s", rate), 2),
    "unfinished": Column("unfinished", _of("unfinished", "{:,.10g}".format), 2),
}


def at_rate(settings: Sequence[Setting]) -> tuple[Column, ...]:
    """What came of arrivals, where there were any; those that never completed where some did not."""
    known = {
        name
        for setting in settings
        for name in (*setting.figures, *setting.at_least)
        if name != "unfinished" or setting.figures[name].value
    }
    return tuple(column for name, column in _AT_RATE.items() if name in known)


def _plus_minus(figure: Estimate | None) -> str:
    if figure is None or figure.low is None or figure.high is None or figure.value <= 0:
        return UNKNOWN
    percent = 50 * (figure.high - figure.low) / figure.value
    return f"{percent:.1f} %" if percent < 99.95 else "> 100 %"


def _trials(setting: Setting) -> str:
    total = sum(setting.trials.values())
    used = len(setting.used)
    doubt = " SUSPECT" if setting.suspect else ""
    if used == total:
        return f"{total}{doubt}"
    return f"{used} of {total}{doubt}" if used else "/".join(setting.trials)


BEFORE: Final = (
    Column("FPS", lambda s: UNKNOWN if s.fps is None else rate(s.fps.value)),
    Column("±", lambda s: _plus_minus(s.fps)),
)
"""With half the 95 % interval of the throughput."""

P99: Final = Column("p99", lambda s: _latency("p99_ms", s.p99_ms, s))

AFTER: Final = (
    Column("CPU", lambda s: UNKNOWN if s.busy_percent is None else f"{s.busy_percent:.0f} %", 3),
    Column("/CPU-s", lambda s: UNKNOWN if s.frames_per_cpu_s is None else rate(s.frames_per_cpu_s), 4),
    Column("trials", _trials),
)
