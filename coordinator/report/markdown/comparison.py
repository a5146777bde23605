"""Results side by side as Markdown: what failed, what was compared, what differs, figures with verdicts. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from ...compare.change import Change
from ...compare.comparison import Comparison, Failure, Matched, Pair
from ...compare.difference import Difference
from ...compare.seen import unseen
from ...compare.verdict import Condition
from ...study.summary import name_of
from ..comparison import changed, failure_words, letters, span, value
from .markup import MARKS, bullets, code, document, escaped, folded, heading, table

_MOST_SETTINGS: Final = 40
_TELLING: Final = ("fps", "median_ms", "p95_ms", "p99_ms", "goodput", "delivered_per_s", "cpu_percent", "memory_mb")
"""The figures that are not folded."""


def comparison_markdown(comparison: Comparison, conditions: Sequence[Condition]) -> str:
    results = (comparison.first, *(pair.other for pair in comparison.others))
    known = letters(comparison)
    rows = [
        (letter, code(one.name), escaped(one.started_at), escaped(one.status))
        for letter, one in zip(known, results, strict=True)
    ]
    parts = [heading(_title(comparison, conditions)), _judged(comparison, conditions)]
    parts.append(table(("", "result", "started", "verdict"), rows, names=4))
    for letter, pair in zip(known[1:], comparison.others, strict=True):
        parts += _pair(pair, letter, comparison.forced)
    return document(parts, "`compare --json`")


def _title(comparison: Comparison, conditions: Sequence[Condition]) -> str:
    if comparison.failures:
        failed = len(dict.fromkeys(one.condition for one in comparison.failures))
        return f"{MARKS['failed']} {failed} of {len(conditions)} conditions failed"
    if conditions:
        many = "the condition" if len(conditions) == 1 else f"all {len(conditions)} conditions"
        return f"{MARKS['passed']} {many} passed"
    return "Comparison"


def _judged(comparison: Comparison, conditions: Sequence[Condition]) -> str:
    named = {
        pair.other.name: letter
        for pair, letter in zip(comparison.others, letters(comparison)[1:], strict=True)
    }  # fmt: skip

    def lines(state: str, found: Sequence[Failure]) -> Iterator[str]:
        for one in found:
            words = failure_words(one, named[one.result]).removeprefix(one.condition)
            yield f"{MARKS[state]} {code(one.condition)}{escaped(words)}"

    return bullets((*lines("failed", comparison.failures), *lines("doubtful", comparison.doubtful)))


def _pair(pair: Pair, letter: str, forced: bool) -> Iterator[str]:
    several = f" ({letter} against A)"
    parts = {
        "contents": pair.contents or (), "verdicts and findings": pair.validity, "settings": pair.settings,
        "environment": pair.environment,
    }  # fmt: skip
    for title, differences in parts.items():
        if differences:
            yield folded(f"Different {title}{several}", _differences(differences, letter))
    for matched in pair.matched[:_MOST_SETTINGS]:
        yield from _matched(matched, letter, forced)
    if len(pair.matched) > _MOST_SETTINGS:
        yield f"{len(pair.matched) - _MOST_SETTINGS} more settings: `compare --json`"
    for name, points in (("A", pair.only_in_first), (letter, pair.only_in_other)):
        if points:
            yield f"Only in {name}: {', '.join(code(name_of(point)) for point in points[:_MOST_SETTINGS])}"


def _differences(differences: Sequence[Difference], letter: str) -> str:
    rows = [(escaped(one.what), code(one.first) or "none", code(one.other) or "none") for one in differences]
    return table(("", "A", letter), rows, names=3)


def _matched(matched: Matched, letter: str, forced: bool) -> Iterator[str]:
    if matched.point:
        first, other = matched.trials
        yield f"**{code(name_of(matched.point))}** {first} and {other} trials"
    doubts = [f"{name} is {doubt}" for name, doubt in zip(("A", letter), matched.doubts, strict=True) if doubt]
    if doubts:
        what = "compared by force" if forced else "not comparable"
        yield f"{MARKS['warning']} {what}: {escaped(', '.join(doubts))}"
    telling = [one for one in matched.changes if one.figure in _TELLING]
    rest = [one for one in matched.changes if one.figure not in _TELLING]
    if telling:
        yield _table(telling, letter)
    yield escaped(" ".join(unseen(matched)))
    if rest:
        yield folded("Other figures", _table(rest, letter))


def _table(changes: Sequence[Change], letter: str) -> str:
    rows = [
        (
            escaped(one.figure),
            escaped(value(one.first, one.first_at_least)),
            escaped(value(one.other, one.other_at_least)),
            escaped(changed(one)),
            escaped(span(one)),
            f"**{one.verdict}**" if one.verdict in ("better", "worse") else one.verdict,
        )
        for one in changes
    ]
    return table(("figure", "A", letter, "change", "95 % interval", "verdict"), rows, words=1)
