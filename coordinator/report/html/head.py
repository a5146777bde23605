"""The head of a page by itself, for what shows HTML among other things, such as a notebook.

Nothing of it needs the extra that draws charts. Text has the colour of what is around it, dark or light.
"""

from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Final

from ...compare.change import Change, FigurePart
from ...compare.comparison import Comparison, Pair
from ...result.latency import Interval
from ...result.numbers import figure_value
from ...result.report import Report
from ...result.study import Outcome, Study
from ...study.answer import Answer
from ..comparison import failure_words
from .document import Html, join, table, tag
from .runpage import run_header
from .studypage import gate_list, study_header

_STYLES: Final = "head.css"


def run_head(report: Report) -> str:
    return _framed(run_header(report))


def study_head(study: Study, outcomes: Sequence[Outcome], answer: Answer) -> str:
    said = tag("p", tag("b", answer.headline), class_="answer")
    gate = gate_list(answer.gate) or Html("")
    return _framed(study_header(study, outcomes), said, gate, _items(answer.lines), _items(answer.unsaid))


def comparison_head(comparison: Comparison) -> str:
    failed = [f"failed: {failure_words(one, one.result)}" for one in comparison.failures]
    return _framed(_items(failed), *(_pair(comparison.first.name, pair) for pair in comparison.others))


def _items(lines: Sequence[str]) -> Html:
    return tag("ul", (tag("li", line) for line in lines)) if lines else Html("")


def _pair(first: str, pair: Pair) -> Html:
    parts = [tag("h1", f"{pair.other.name} against {first}")]
    for matched in pair.matched:
        if matched.point:
            parts.append(tag("p", tag("b", " ".join(f"{flag} {value}" for flag, value in matched.point.items()))))
        doubts = [doubt for doubt in matched.doubts if doubt]
        if doubts:
            parts.append(tag("p", f"doubtful: {', '.join(doubts)}"))
        parts.append(table(("figure", "first", "other", "change", "95 %", "verdict"), _rows(matched.changes)))
    return join(parts)


def _rows(changes: Sequence[Change]) -> Iterator[Sequence[str]]:
    for one in changes:
        percent = "-" if one.change_percent is None else f"{one.change_percent:+.1f} %"
        yield (
            one.figure, _value(one.figure, one.first), _value(one.figure, one.other), percent,
            _relative(one.difference_ci95, one.first), one.verdict,
        )  # fmt: skip


def _value(figure: str, part: FigurePart | None) -> str:
    return "-" if part is None else figure_value(figure, part.value)


def _relative(interval: Interval | None, first: FigurePart | None) -> str:
    """In percent of the first result's figure."""
    if interval is None or first is None or not first.value or (interval.low is None and interval.high is None):
        return ""
    ends = (("..." if end is None else f"{100 * end / first.value:+.1f}") for end in (interval.low, interval.high))
    return f"{' to '.join(ends)} %"


def _framed(*content: Html) -> str:
    styles = (resources.files(__package__) / _STYLES).read_text(encoding="utf-8")
    return tag("div", tag("style", Html(styles)), *content, class_="ovbench-head")
