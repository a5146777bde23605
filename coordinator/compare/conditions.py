"""Whether the conditions of --fail-if came true between results, or cannot be judged. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from ..request.requirement import Requirement, compare
from ..result.numbers import beyond, figure_value
from ..result.study import Point
from .change import Change, way
from .comparison import Comparison, Failure, Matched, Pair
from .verdict import Condition, Verdict, telling, verdict_of

_NO_REPETITIONS: Final = "there are no repetitions, so significance is unknown"
_TWO_LOADS: Final = "one result is at a rate, and the other is not"
_MISSING: Final = "the setting is in the first result alone"
_TWO_LATENCIES: Final = "latency is from due in one result, and from the start in the other"


def with_failures(comparison: Comparison, conditions: Sequence[Condition], *, significant: bool) -> Comparison:
    """With the conditions that came true, for each result but the first.

    One that cannot be judged fails, too, as a gate must not pass for want of knowledge: a figure that is not known, a
    setting of the first that the other lacks, results that are not comparable, and with `significant` a setting of a
    study without repetitions.

    `significant`: those of which the intervals leave a doubt do not count. A relative one needs a significant
    difference, an absolute one an interval that lies beyond the limit as a whole; without intervals all is in doubt.
    """
    cases = [(pair, matched) for pair in comparison.others for matched in pair.matched]
    found = [
        judged
        for pair, matched in cases
        for condition in conditions
        if (judged := _judge(_Case(comparison, pair, matched, condition, len(cases)), significant)) is not None
    ]
    found += [
        (Failure(condition.text, pair.other.name, point, _figure(condition), None, None, _MISSING), True)
        for pair in comparison.others
        for point in pair.only_in_first
        for condition in conditions
    ]
    counts = tuple(failure for failure, certain in found if certain or not significant)
    return structs.replace(
        comparison,
        failures=counts,
        doubtful=tuple(failure for failure, certain in found if significant and not certain),
    )


@dataclass(frozen=True)
class _Case:
    """A condition, and the figures that it is judged by. `parts`: how many such there are for each condition."""

    comparison: Comparison
    pair: Pair
    matched: Matched
    condition: Condition
    parts: int

    @property
    def point(self) -> Point:
        return self.matched.point

    def failure(self, value: float | None = None, limit: float | None = None, why: str = "") -> Failure:
        condition = self.condition
        return Failure(condition.text, self.pair.other.name, self.point, _figure(condition), value, limit, why)

    @property
    def obstacle(self) -> str:
        """Why the figures decide nothing; an absolute condition is on the other result alone."""
        if self.comparison.forced:
            return ""
        first, other = self.matched.doubts
        named = ((self.comparison.first.name, "" if _absolute(self.condition) else first),
                 (self.pair.other.name, other))  # fmt: skip
        parts = [f"{name} is {doubt}" for name, doubt in named if doubt]
        return f"not comparable: {' and '.join(parts)}" if parts else ""

    def unknown(self, found: Change | None) -> str:
        """What is known of a figure without a value in one of the results; empty where that is nothing."""
        if found is None:
            return ""
        bounds = ((self.comparison.first.name, found.first_at_least), (self.pair.other.name, found.other_at_least))
        figure = _figure(self.condition)
        parts = [f"{beyond(figure_value(figure, bound))} in {name}" for name, bound in bounds if bound is not None]
        return f"{figure} is not known, but {' and '.join(parts)}" if parts else ""


def _figure(condition: Condition) -> str:
    return "" if isinstance(condition, Verdict) else condition.figure


def _absolute(condition: Condition) -> bool:
    return not isinstance(condition, Verdict) and condition.kind == "value"


def _judge(case: _Case, significant: bool) -> tuple[Failure, bool] | None:
    """And whether it is beyond doubt."""
    matched, condition = case.matched, case.condition
    if case.obstacle:
        return case.failure(why=case.obstacle), True
    if isinstance(condition, Verdict):
        failure = _judge_verdict(case, condition)
        return None if failure is None else (failure, True)
    found = next((change for change in matched.changes if change.figure == condition.figure), None)
    if found is None or found.other is None or (found.first is None and condition.kind != "value"):
        return case.failure(why=case.unknown(found)), True
    if found.verdict == "not comparable" and condition.kind != "value":
        return case.failure(why=_TWO_LATENCIES), True
    if significant and matched.noise == "repetitions" and min(matched.trials) < 2:
        return case.failure(why=_NO_REPETITIONS), True
    first = None if found.first is None else found.first.value
    value, limit = found.other.value, condition.limit(first)
    if not condition.holds(value, first):
        return None
    return case.failure(value, limit), _beyond_doubt(found, condition, limit)


def _judge_verdict(case: _Case, condition: Verdict) -> Failure | None:
    figure = telling(case.matched.changes)
    if figure is None:
        return case.failure(why=_TWO_LOADS)
    change = next((one for one in case.matched.changes if one.figure == figure), None)
    if case.matched.noise == "repetitions" and min(case.matched.trials) < 2:
        return case.failure(why=_NO_REPETITIONS)
    found = None if change is None else verdict_of(change, case.parts)
    if change is None or change.other is None or found is None:
        return case.failure(why=f"the interval of {figure} is not known")
    if found.word != condition.word:
        return None
    return structs.replace(case.failure(change.other.value), figure=figure, by=found.by)


def _beyond_doubt(found: Change, condition: Requirement, limit: float) -> bool:
    if condition.kind != "value":
        return found.difference_ci95 is not None and way(found.difference_ci95) is not None
    interval = None if found.other is None else found.other.ci95
    if interval is None:
        return False
    nearest = interval.low if condition.operator in (">", ">=") else interval.high
    return nearest is not None and compare(nearest, condition.operator, limit)
