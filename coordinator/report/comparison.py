"""Results side by side: what differs in settings and environment first, then figure by figure with a verdict."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import structs
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..compare.change import Change, FigurePart
from ..compare.comparison import Comparison, Failure, Matched, Pair
from ..compare.difference import Difference
from ..compare.hosts import HostPair
from ..compare.seen import unseen
from ..compare.verdict import Condition
from ..result.numbers import beyond, interval, milliseconds, plain
from ..result.study import Point
from .hosttable import short_names
from .lines import print_line

_STYLES: Final = {"better": "bold green", "worse": "bold red", "higher": "bold", "lower": "bold"}
_WORDS: Final = {"not comparable": "-"}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_LISTED: Final = 8
_MOST_HOSTS: Final = 16
_OF_HOSTS: Final = ("fps", "p99_ms")
_WIDTH: Final = 80
_LEAST_MS: Final = 0.001
"""A time of which a change is in percent."""

Row = tuple[str, str, str, str, Text]
_DOUBTFUL: Final = ("SUSPECT", "INVALID", "PARTIAL")

_OF_RUNS: Final = (
    "The second line of a figure is its 95 % interval; that of the change is of the",
    "difference of two independent estimates, in % of A. inconclusive: it includes 0.",
    "It knows the noise within a run, not what differs from one run to the next:",
    "two runs of the same command may be further apart. study ab repeats them.",
)
_NOT_CALIBRATED: Final = "By how much, ovbench-coord calibrate measures before the runs."
_OF_STUDIES: Final = (
    "Values are means over repetitions. The second line of a figure is its 95 %",
    "interval (Student); that of the change is Welch's, in % of A.",
    "inconclusive: it includes 0.",
)


def print_comparison(console: Console, comparison: Comparison, conditions: Sequence[Condition]) -> None:
    """Fits a terminal of 80 columns."""

    def show(part: Text) -> None:
        console.print(part, highlight=False, soft_wrap=True)

    results = (comparison.first, *(pair.other for pair in comparison.others))
    for letter, result in zip(letters(comparison), results, strict=True):
        show(
            Text.assemble(
                (f"{letter}  ", "bold"), result.name, (f"  {result.started_at}  ", "dim"),
                (result.status, "dim" if result.status not in _DOUBTFUL else "bold yellow"),
            )
        )  # fmt: skip
    for letter, pair in zip(letters(comparison)[1:], comparison.others, strict=True):
        if len(comparison.others) > 1:
            show(Text(f"\n{letter} against A", "bold underline"))
        for part in _differences(pair):
            show(part)
        for matched in pair.matched:
            show(_title(matched))
            for line in _doubts(matched, letter, comparison.forced):
                print_line(console, line, 2)
            unstressed = "" if matched.noise == "repetitions" else "bold "
            console.print(_table(matched.changes, letter, unstressed, console.width), crop=False)
            for text in unseen(matched):
                print_line(console, Text(f"  {text}"), 2)
        if pair.hosts:
            show(Text("\nhosts", "bold"))
            for line in _unlike(pair.hosts):
                print_line(console, line, 2)
            console.print(_table(list(_of_hosts(pair.hosts)), letter, "bold ", console.width), crop=False)
            if len(pair.hosts) > _MOST_HOSTS:
                show(Text(f"  {len(pair.hosts) - _MOST_HOSTS} hosts more, and their other figures: --json", "dim"))
        for line in _unmatched(pair, letter):
            show(line)
    studies = any(matched.point for pair in comparison.others for matched in pair.matched)
    known = any(matched.unseen is not None for pair in comparison.others for matched in pair.matched)
    further = () if studies or known else (_NOT_CALIBRATED,)
    show(Text("\n" + "\n".join((*(_OF_STUDIES if studies else _OF_RUNS), *further)), "dim"))
    for part in _judged(comparison, conditions):
        show(part)


def letters(comparison: Comparison) -> list[str]:
    """A, B, ... Z, then numbers."""
    count = 1 + len(comparison.others)
    return [_LETTERS[n] if n < len(_LETTERS) else f"R{n + 1}" for n in range(count)]


def _differences(pair: Pair) -> Iterator[Text]:
    """What was run comes first: figures of two models are no change of anything."""
    parts = {
        "contents": pair.contents,
        "verdicts and findings": pair.validity,
        "settings": pair.settings,
        "environment": pair.environment,
    }
    for title, differences in parts.items():
        if differences:
            yield _different(title, differences)
    same = [title for title, differences in parts.items() if differences == ()]
    if same:
        yield Text.assemble(("\nthe same", "bold"), f"  {', '.join(same)}")
    if pair.contents is None:
        yield Text("not known  whether the files that were run had the same content", "yellow")


def _different(title: str, differences: Sequence[Difference]) -> Text:
    text = Text.assemble((f"\ndifferent {title}", "bold yellow"))
    width = max(len(difference.what) for difference in differences)
    for one in differences:
        text += Text.assemble(f"\n  {one.what:<{width}}  {one.first or 'none'}", ("  ->  ", "dim"), one.other or "none")
    return text


def _doubts(matched: Matched, letter: str, forced: bool) -> Iterator[Text]:
    parts = [f"{name} is {doubt}" for name, doubt in zip(("A", letter), matched.doubts, strict=True) if doubt]
    if parts:
        what, then = (
            ("compared by force", "") if forced else ("not comparable", "Run it again, or compare with --force.")
        )
        yield Text.assemble("  ", (f"{what}: {', '.join(parts)}.", "bold yellow"), (f" {then}".rstrip(), "dim"))


def _title(matched: Matched) -> Text:
    if not matched.point:
        return Text.assemble(("\nfigures", "bold"), ("  verdicts by within-run noise only", "yellow"))
    first, other = matched.trials
    return Text.assemble((f"\n{_setting(matched.point)}", "bold"), (f"  {first} and {other} trials", "dim"))


def _setting(point: Point) -> str:
    return " ".join(f"{flag} {value}" for flag, value in point.items())


def _table(changes: Sequence[Change], letter: str, unstressed: str, width: int) -> Table:
    """`unstressed`: what of a verdict's style is left out. `width`: of the console."""
    rows: list[tuple[Row, Row | None]] = []
    for change in changes:
        style = _STYLES.get(change.verdict, "dim").removeprefix(unstressed)
        verdict = Text(_WORDS.get(change.verdict, change.verdict), style)
        first, other = value(change.first, change.first_at_least), value(change.other, change.other_at_least)
        intervals = ("", _interval(change.first), _interval(change.other), span(change), Text())
        rows.append(((change.figure, first, other, changed(change), verdict), intervals if any(intervals) else None))
    titles = ("figure", "A", letter, "change", "verdict")
    lines = list(_lines(rows, whole=True))
    if sum(_widths(titles, lines)) + 2 * len(titles) - 1 > min(width, _WIDTH):
        lines = list(_lines(rows, whole=False))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=True)
    for at, (title, least) in enumerate(zip(titles, _widths(titles, lines), strict=True)):
        # Half a number would be another number: what is too wide for a console is wide there.
        table.add_column(title, justify="right" if 0 < at < 4 else "left", no_wrap=True, min_width=least)
    for line, dim in lines:
        table.add_row(*line, style="dim" if dim else "")
    return table


def _lines(rows: Sequence[tuple[Row, Row | None]], whole: bool) -> Iterator[tuple[Row, bool]]:
    """With whether a line is below another. Not `whole`: an interval has a line for each of its ends."""
    for values, below in rows:
        yield values, False
        if below is not None and whole:
            yield below, True
        elif below is not None:
            _, first, other, change, verdict = below
            ends = [one.removesuffix(" %").partition("..")[::2] for one in (first, other, change)]
            for name, at in (("  from", 0), ("  to", 1)):
                of_change = ends[2][at] + " %" * bool(ends[2][at])
                yield (name, ends[0][at], ends[1][at], of_change, verdict), True


def _widths(titles: Sequence[str], lines: Sequence[tuple[Row, bool]]) -> list[int]:
    columns = zip(titles, *(line for line, _ in lines), strict=True)
    return [max(map(len, column)) for column in columns]


def value(figure: FigurePart | None, at_least: float | None) -> str:
    if figure is not None:
        return plain(figure.value)
    return "-" if at_least is None else beyond(plain(at_least))


def _interval(figure: FigurePart | None) -> str:
    ci95 = None if figure is None else figure.ci95
    return "" if ci95 is None else interval(None if ci95.low is None else max(0.0, ci95.low), ci95.high)


def changed(change: Change) -> str:
    if _of_next_to_nothing(change):
        assert change.first is not None
        assert change.other is not None
        by_ms = change.other.value - change.first.value
        return f"{'-' if by_ms < 0 else '+'}{milliseconds(abs(by_ms))}"
    return "-" if change.change_percent is None else f"{_signed(change.change_percent)} %"


def _of_next_to_nothing(change: Change) -> bool:
    """Whether both are times and the first is so short that a share of it means nothing: waits of nanoseconds."""
    known = change.first is not None and change.other is not None and change.change_percent is not None
    return known and change.figure.endswith("_ms") and change.first is not None and change.first.value < _LEAST_MS


def span(change: Change) -> str:
    ci95, first = change.difference_ci95, change.first
    if ci95 is None or first is None or not first.value or _of_next_to_nothing(change):
        return ""
    low, high = (None if bound is None else 100 * bound / first.value for bound in (ci95.low, ci95.high))
    parts = interval(low, high, _signed)
    return parts and f"{parts} %"


def _signed(percent: float) -> str:
    return f"{percent:+.1f}" if abs(percent) < 999.95 else f"{percent:+,.0f}"


def _of_hosts(hosts: Sequence[HostPair]) -> Iterator[Change]:
    """What matters most of each; all of it is in --json."""
    names = short_names([host.name for host in hosts])
    for host in hosts[:_MOST_HOSTS]:
        for change in host.changes:
            if change.figure in _OF_HOSTS:
                yield structs.replace(change, figure=f"{names[host.name]} {change.figure}")


def _unlike(hosts: Sequence[HostPair]) -> Iterator[Text]:
    """Which hosts are other machines, or run something else, in the two results."""
    for host in hosts[:_MOST_HOSTS]:
        if host.unlike:
            found = "; ".join(f"{one.what} {one.first or 'unknown'} -> {one.other or 'unknown'}" for one in host.unlike)
            how = "another machine" if not host.comparable else "differs"
            yield Text.assemble("  ", (f"{host.name} {'is ' * (not host.comparable)}{how}", "yellow"), f": {found}")


def _unmatched(pair: Pair, letter: str) -> list[Text]:
    found = []
    for name, points in (("A", pair.only_in_first), (letter, pair.only_in_other)):
        if points:
            listed = "; ".join(map(_setting, points[:_MOST_LISTED])) + " ..." * (len(points) > _MOST_LISTED)
            found.append(Text(f"\nonly in {name}: {listed}", "yellow"))
    return found


def _judged(comparison: Comparison, conditions: Sequence[Condition]) -> list[Text]:
    if not conditions:
        return []
    named = {pair.other.name: letter for pair, letter in zip(comparison.others, letters(comparison)[1:], strict=True)}
    lines = [
        Text.assemble((f"  {word:<9}", style), failure_words(failure, named[failure.result]))
        for word, style, found in (
            ("failed", "bold red", comparison.failures),
            ("doubtful", "yellow", comparison.doubtful),
        )
        for failure in found
    ]
    if not comparison.failures:
        sure = " beyond doubt" if comparison.doubtful else ""
        lines.append(Text.assemble(("  passed   ", "green"), f"no condition is true{sure}"))
    return [Text("\n" * (index == 0)) + line for index, line in enumerate(lines)]


def failure_words(failure: Failure, letter: str) -> str:
    where = f", at {_setting(failure.point)}" if failure.point else ""
    if failure.why:
        return f"{failure.condition}: cannot be judged{where}: {failure.why}"
    if failure.by:
        return f"{failure.condition}: {letter} has {failure.by}{where}"
    if failure.value is None or failure.limit is None:
        return f"{failure.condition}: {failure.figure} is not known in both A and {letter}{where}"
    values = f"{failure.figure} {plain(failure.value)}, limit {plain(failure.limit)}"
    return f"{failure.condition}: {letter} has {values}{where}"
