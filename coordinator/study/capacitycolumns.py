"""The table of a capacity study: what each setting serves, with its interval, and what it does back to back. Pure."""

from collections.abc import Callable, Sequence

from ..result.numbers import milliseconds, rate
from .capacity import Capacity
from .columns import UNKNOWN, Column
from .summary import Setting


def capacity_columns(ranked: Sequence[Capacity]) -> tuple[Column, ...]:
    by_point = {tuple(one.point.items()): one for one in ranked}

    def of(cell: Callable[[Capacity], str]) -> Callable[[Setting], str]:
        def found(setting: Setting) -> str:
            one = by_point.get(tuple(setting.point.items()))
            return UNKNOWN if one is None else cell(one)

        return found

    return (
        Column("requests/s", of(_rate)),
        Column("95 % interval", of(_interval)),
        Column("±", of(_half), 3),
        Column("less", of(_less), 2 if len(ranked) > 1 else 9),
        Column("back to back", of(_closed), 4),
        Column("fastest", of(lambda one: UNKNOWN if one.fastest_ms is None else milliseconds(one.fastest_ms)), 5),
        Column("trials", lambda setting: str(len(setting.used)), 4),
        *([Column("verdict", of(lambda one: one.verdict))] if any(one.verdict != "found" for one in ranked) else []),
    )


def _rate(one: Capacity) -> str:
    return UNKNOWN if one.rate is None else rate(one.rate.value)


def _interval(one: Capacity) -> str:
    if one.rate is None or one.rate.low is None or one.rate.high is None:
        return UNKNOWN
    return f"{rate(one.rate.low)} to {rate(one.rate.high)}"


def _half(one: Capacity) -> str:
    return UNKNOWN if one.half_width_percent is None else f"{one.half_width_percent:.1f} %"


def _less(one: Capacity) -> str:
    """In brackets where chance may explain it."""
    if one.less_percent is None:
        return UNKNOWN
    text = f"{one.less_percent:.1f} %"
    return text if one.differs else f"({text})"


def _closed(one: Capacity) -> str:
    return UNKNOWN if one.closed_loop_per_s is None else rate(one.closed_loop_per_s)
