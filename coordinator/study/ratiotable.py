"""The ratios of a study as a table: each case of each setting, and their geometric mean. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .answer import Answer
from .ratio import Ratio

MEAN: Final = "geometric mean"


@dataclass(frozen=True)
class RatioRow:
    """`side`: what is compared; `case`: in which; the figures as texts."""

    side: str
    case: str
    ratio: str
    interval: str
    verdict: str


def columns(rows: Sequence[RatioRow]) -> tuple[str, ...]:
    """Their titles; without cases where there is one."""
    return "", *(("case",) if _has_cases(rows) else ()), "ratio", "interval", "verdict"


def cells(rows: Sequence[RatioRow]) -> Iterator[tuple[str, ...]]:
    """By `columns`."""
    for row in rows:
        yield row.side, *((row.case,) if _has_cases(rows) else ()), row.ratio, row.interval, row.verdict


def _has_cases(rows: Sequence[RatioRow]) -> bool:
    return any(row.case for row in rows)


def ratio_rows(answer: Answer) -> tuple[RatioRow, ...]:
    """Of the figure that the verdict is on; none where there is one ratio alone, which is in the headline."""
    first = answer.comparisons[0].figure if answer.comparisons else ""
    found = [one for one in answer.comparisons if one.figure == first]
    return tuple(_rows(found)) if len(found) > 1 else ()


def _rows(found: list[Ratio]) -> Iterator[RatioRow]:
    """Of each setting its cases, and their mean last."""
    several = any(one.of for one in found)
    for side in dict.fromkeys(one.side for one in found):
        own = [one for one in found if one.side == side]
        for one in (*(one for one in own if one.of), *(one for one in own if not one.of)):
            interval = f"{one.low:.3f} to {one.high:.3f}" if one.low is not None and one.high is not None else "-"
            case = one.of or (MEAN if several else "")
            yield RatioRow(side or "B", case, "-" if one.ratio is None else f"{one.ratio:.3f}", interval, one.verdict)
