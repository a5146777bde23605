"""Verdicts between results as conditions: `slower`, `faster` and `inconclusive`, as `study ab` has them. Pure.

A verdict is on throughput, at a rate on p99, as what was served is what was offered. It goes by the interval of the
difference: none of a stated size where that lies within the size as a whole, else faster or slower where it excludes 0.
Where several settings or results are judged, each of these n has an nth of the doubt (Bonferroni).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..request.requirement import Requirement, parse_requirement
from ..result.figures import BY_NAME
from ..result.latency import Interval
from ..result.study import SIZE_PERCENT
from ..stats.student import CONFIDENCE, t_within
from ..study.gate import Word, parse_word
from .change import Change, way

_NORMAL: Final = 1e6
"""Degrees of freedom of which Student's distribution is the normal one."""


@dataclass(frozen=True)
class Verdict:
    """A condition that is one."""

    word: Word

    @property
    def text(self) -> str:
        return self.word


Condition = Requirement | Verdict


def parse_condition(flag: str, text: str) -> Condition:
    """Raises UsageError, one sentence."""
    word = parse_word(flag, text)
    return parse_requirement(flag, text, relative=True) if word is None else Verdict(word)


def telling(changes: Sequence[Change]) -> str | None:
    """The figure that a verdict is on; None where one of the results is at a rate, and the other is not."""
    offered = next((one for one in changes if one.figure == "offered_per_s"), None)
    if offered is None:
        return "fps"
    return None if offered.first is None or offered.other is None else "p99_ms"


@dataclass(frozen=True)
class Found:
    """`word`: the verdict, empty where there is no difference of that size; `by`: the change that says so."""

    word: Word | None
    by: str


def verdict_of(change: Change, parts: int) -> Found | None:
    """One of `parts` that are judged. None where the change has no interval."""
    ci95, first, other = change.difference_ci95, change.first, change.other
    if ci95 is None or first is None or other is None or not first.value:
        return None
    within = _at(ci95, other.value - first.value, change.freedom, 1 - (1 - CONFIDENCE) / parts)
    low, high = (None if end is None else 100 * end / first.value for end in (within.low, within.high))
    percent = 100 * (other.value / first.value - 1)
    ends = " to ".join("..." if end is None else f"{end:+.1f}" for end in (low, high))
    by = f"{change.figure} {percent:+.1f} % ({ends} %)"
    size = SIZE_PERCENT
    if low is not None and high is not None and low >= 100 * (1 / (1 + size / 100) - 1) and high <= size:
        return Found(None, by)
    found = way(within)
    if found is None:
        return Found("inconclusive", by)
    return Found("faster" if found == BY_NAME[change.figure].better else "slower", by)


def _at(ci95: Interval, by: float, freedom: int | None, confidence: float) -> Interval:
    """The interval of a difference at another confidence."""
    of = freedom or _NORMAL
    wider = t_within(of, confidence) / t_within(of)
    ends = (None if end is None else by + wider * (end - by) for end in (ci95.low, ci95.high))
    return Interval(*ends)
