"""Which layers of a model became slower or faster between two builds, by trials that counted the time of each. Pure."""

from collections.abc import Iterator, Sequence
from math import sqrt
from statistics import fmean
from typing import Annotated, Final

from msgspec import Meta, Struct

from ..result.numbers import milliseconds
from ..result.study import LayerTime, Outcome
from ..stats.estimate import welch
from ..stats.student import t_within

_DOUBT: Final = 0.02
_MOST_LINES: Final = 6


class LayerChange(Struct, frozen=True):
    """A layer whose mean time in an inference changed significantly. Milliseconds; null where a build has no such
    layer."""

    name: str
    type: str
    before_ms: float | None
    after_ms: float | None
    low_ms: Annotated[float | None, Meta(description="of the interval of the change; null where only one build has it")]
    high_ms: float | None
    exec_before: str = ""
    exec_after: str = ""

    @property
    def change_ms(self) -> float:
        return (self.after_ms or 0.0) - (self.before_ms or 0.0)


def changes(before: Sequence[Outcome], after: Sequence[Outcome]) -> tuple[LayerChange, ...]:
    """The largest change first; none where one build has no layers that were counted. By Welch's test, its doubt of 2 %
    shared out among the layers (Bonferroni)."""
    first, second = _by_name(before), _by_name(after)
    if not first or not second:
        return ()
    names = dict.fromkeys((*first, *second))
    confidence = 1 - _DOUBT / max(1, len(names))
    found = (_change(name, first.get(name, []), second.get(name, []), confidence) for name in names)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -abs(one.change_ms)))


def _by_name(outcomes: Sequence[Outcome]) -> dict[str, list[LayerTime]]:
    found: dict[str, list[LayerTime]] = {}
    for outcome in outcomes:
        for layer in outcome.layers:
            found.setdefault(layer.name, []).append(layer)
    return found


def _change(
    name: str, before: Sequence[LayerTime], after: Sequence[LayerTime], confidence: float
) -> LayerChange | None:
    one = (before or after)[0]
    times = [[layer.ms for layer in side] for side in (before, after)]
    means = [fmean(side) if side else None for side in times]
    kinds = [side[0].exec_type if side else "" for side in (before, after)]
    if not before or not after:
        return LayerChange(name, one.type, means[0], means[1], None, None, *kinds) if sum(map(sum, times)) > 0 else None
    if min(map(len, times)) < 2:
        return None
    middle = fmean(times[1]) - fmean(times[0])
    square, freedom = welch(times[0], times[1])
    half = t_within(freedom, confidence) * sqrt(square) if square > 0 else 0.0
    if abs(middle) <= half or middle == 0:
        return None
    return LayerChange(name, one.type, means[0], means[1], middle - half, middle + half, *kinds)


def layer_lines(found: Sequence[LayerChange]) -> Iterator[str]:
    """Of layers that were counted."""
    if not found:
        yield "No layer's time changed significantly by itself."
    for one in found[:_MOST_LINES]:
        before, after = (milliseconds(ms) if ms is not None else "none" for ms in (one.before_ms, one.after_ms))
        how = f", {one.exec_before} before, now {one.exec_after}" if one.exec_before != one.exec_after else ""
        yield f"Layer {one.name} ({one.type}): {before} before, {after} now{how}."
    if len(found) > _MOST_LINES:
        yield f"{len(found) - _MOST_LINES} more layers changed by less."
