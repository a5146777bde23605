"""Results side by side: what differs in settings and environment first, then figure by figure with a verdict."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..comparison import Change, Comparison, Difference, Failure, Matched, Pair, Point
from ..figures import Estimate
from ..requirement import Requirement
from .numbers import interval, plain

_STYLES: Final = {"better": "bold green", "worse": "bold red", "higher": "bold", "lower": "bold"}
_WORDS: Final = {"cannot be told apart": "not apart"}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_LISTED: Final = 8

_RULE: Final = (
    "The second line of a figure is its 95 % interval; that of the change is of the",
    "difference of two independent estimates, in percent of A. not apart: it holds 0.",
)
_OF_RUNS: Final = (
    "An interval tells of the noise within a run, not of what drifts from one run to",
    "the next: a small difference needs repetitions.",
)
_OF_STUDIES: Final = ("Values are means over repetitions, intervals are Student's.",)


def print_comparison(console: Console, comparison: Comparison, conditions: Sequence[Requirement]) -> None:
    """Fits a terminal of 80 columns."""

    def show(part: Text) -> None:
        console.print(part, highlight=False, soft_wrap=True)

    began = (comparison.started_at, *(pair.started_at for pair in comparison.others))
    for letter, name, at in zip(_letters(comparison), (comparison.first, *_names(comparison)), began, strict=True):
        show(Text.assemble((f"{letter}  ", "bold"), name, (f"  {at}", "dim")))
    for letter, pair in zip(_letters(comparison)[1:], comparison.others, strict=True):
        if len(comparison.others) > 1:
            show(Text(f"\n{letter} against A", "bold underline"))
        for title, differences in (
            ("verdicts and findings", pair.validity),
            ("settings", pair.settings),
            ("environment", pair.environment),
        ):
            show(_differences(title, differences))
        for matched in pair.matched:
            show(_title(matched))
            console.print(_table(matched, letter))
        for line in _unmatched(pair, letter):
            show(line)
    studies = any(matched.point for pair in comparison.others for matched in pair.matched)
    for index, line in enumerate((*_RULE, *(_OF_STUDIES if studies else _OF_RUNS))):
        show(Text("\n" * (index == 0) + line, "dim"))
    for part in _judged(comparison, conditions):
        show(part)


def _names(comparison: Comparison) -> list[str]:
    return [pair.name for pair in comparison.others]


def _letters(comparison: Comparison) -> list[str]:
    """A, B, ... Z, then numbers."""
    count = 1 + len(comparison.others)
    return [_LETTERS[n] if n < len(_LETTERS) else f"R{n + 1}" for n in range(count)]


def _differences(title: str, differences: Sequence[Difference]) -> Text:
    if not differences:
        return Text.assemble((f"\n{title}", "bold"), ("  the same", "dim"))
    text = Text(f"\n{title} differ", "bold yellow")
    width = max(len(difference.what) for difference in differences)
    for one in differences:
        text += Text.assemble(
            f"\n  {one.what:<{width}}  {one.first or 'none'}", ("  ->  ", "dim"), one.other or "none", style="not bold"
        )
    return text


def _title(matched: Matched) -> Text:
    if not matched.point:
        return Text("\nfigures", "bold")
    first, other = matched.trials
    return Text.assemble((f"\n{_setting(matched.point)}", "bold"), (f"  {first} and {other} trials", "dim"))


def _setting(point: Point) -> str:
    return " ".join(f"{flag} {value}" for flag, value in point.items())


def _table(matched: Matched, letter: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=True)
    table.add_column("figure", no_wrap=True)
    for title in ("A", letter, "change"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for change in matched.changes:
        verdict = Text(_WORDS.get(change.verdict, change.verdict), _STYLES.get(change.verdict, "dim"))
        table.add_row(change.figure, _value(change.first), _value(change.other), _change(change), verdict)
        intervals = [_interval(change.first), _interval(change.other), _change_interval(change)]
        if any(intervals):
            table.add_row("", *intervals, "", style="dim")
    return table


def _value(estimate: Estimate | None) -> str:
    return "-" if estimate is None else plain(estimate.value)


def _interval(estimate: Estimate | None) -> str:
    ci95 = None if estimate is None else estimate.ci95
    return "" if ci95 is None else interval(ci95.low, ci95.high)


def _change(change: Change) -> str:
    return "-" if change.change_percent is None else f"{change.change_percent:+.1f} %"


def _change_interval(change: Change) -> str:
    ci95, first = change.difference_ci95, change.first
    if ci95 is None or first is None or not first.value:
        return ""
    low, high = (None if bound is None else 100 * bound / first.value for bound in (ci95.low, ci95.high))
    return interval(low, high, "{:+.1f}".format) + " %"


def _unmatched(pair: Pair, letter: str) -> list[Text]:
    found = []
    for name, points in (("A", pair.only_in_first), (letter, pair.only_in_other)):
        if points:
            listed = "; ".join(map(_setting, points[:_MOST_LISTED])) + " ..." * (len(points) > _MOST_LISTED)
            found.append(Text(f"\nonly in {name}: {listed}", "yellow"))
    return found


def _judged(comparison: Comparison, conditions: Sequence[Requirement]) -> list[Text]:
    if not conditions:
        return []
    if not comparison.failures:
        held = "the condition did not" if len(conditions) == 1 else f"none of the {len(conditions)} conditions did"
        return [Text(f"\n  passed  {held} come true", "green")]
    letters = dict(zip(_names(comparison), _letters(comparison)[1:], strict=True))
    return [
        Text("\n" * (index == 0)) + _failure(failure, letters[failure.result])
        for index, failure in enumerate(comparison.failures)
    ]


def _failure(failure: Failure, letter: str) -> Text:
    where = f" at {_setting(failure.point)}" if failure.point else ""
    if failure.value is None or failure.limit is None:
        told = f"{failure.condition}: {failure.figure} is not known in both A and {letter}{where}"
    else:
        told = f"{failure.condition}: {failure.figure} of {letter}{where} is {plain(failure.value)}"
        told += f", the limit {plain(failure.limit)}"
    return Text.assemble(("  failed  ", "bold red"), told)
