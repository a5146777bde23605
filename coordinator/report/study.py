"""A study at a glance: the answer in words, settings, a plot of the scaling, commands, what is not known."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import ceil, prod
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..result.effective import text_of
from ..result.study import Outcome, Study
from ..stats.scaling import throughput
from ..study.answer import Answer
from ..study.columns import UNKNOWN, Column
from ..study.curves import Curve
from ..study.kinds.registry import kind_of
from ..study.summary import Setting
from ..study.words import figures_of
from .gate import print_gate
from .lines import print_line
from .plot import Plot
from .ratiotable import print_ratios

_MOST_SETTINGS: Final = 40
_MOST_PLOTS: Final = 3
_MOST_FRONT: Final = 6
_GAP: Final = 2
_INDENT: Final = 4
_PLOT_WIDTH: Final = 60
_PLOT_HEIGHT: Final = 13
_IDEAL: Final = "dim"
_LAW: Final = "cyan"
_MEASURED: Final = "bold green"


def print_study(console: Console, study: Study, outcomes: Sequence[Outcome]) -> None:
    """The answer first; tables and plots fit a terminal of 80 columns."""
    print_answer(console, study, kind_of(study).conclude(study, outcomes))


def print_answer(console: Console, study: Study, found: Answer) -> None:
    console.print()
    _print_wrapped(console, Text(found.headline, "bold"))
    _print_lines(console, found.lines)
    if found.settings:
        console.print()
        table = _table(study, found, console.width)
        console.print(table)
        titles = [str(column.header) for column in table.columns]
        if legend := _legend(found, titles):
            console.print(Text(f"  {legend}", "dim"), highlight=False)
    print_ratios(console, found)
    for curve in found.curves[:_MOST_PLOTS]:
        for text in _plot(curve):
            console.print(text, highlight=False, no_wrap=True, crop=True)
    for part in _commands(found):
        if isinstance(part, Text):
            print_line(console, part, _INDENT)
        else:
            console.print(Text(part), highlight=False, soft_wrap=True)
    if found.unsaid:
        console.print(Text("\ninconclusive", "bold"))
        _print_lines(console, found.unsaid)
    print_gate(console, found.gate)


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        _print_wrapped(console, Text(line), 2)


def _print_wrapped(console: Console, text: Text, indent: int = 0) -> None:
    """Without spaces at the ends of lines, which would be pasted with them."""
    for line in text.wrap(console, console.width - indent):
        line.rstrip()
        console.print(Text(" " * indent) + line, highlight=False, soft_wrap=True)


def _table(study: Study, found: Answer, width: int) -> Table:
    """A column for each axis, then figures: means over VALID trials, with half the 95 % interval of the throughput."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=False)
    shown = _shown(found.settings)
    names = _short_values(study)
    axes = [
        Column(axis.lstrip("-"), lambda setting, axis=axis: _values(setting, axis, names))  # type: ignore[misc]
        for axis in study.axes
    ]
    front = {setting.name for setting in found.front}
    mark = Column("", lambda setting: "*" if setting.name in front else "")
    columns = _fitting([mark, *axes, *kind_of(study).columns(found)], shown, width)
    for index, column in enumerate(columns):
        axis = index <= len(axes)
        table.add_column(
            Text(column.title), justify="left" if axis else "right", overflow="fold", no_wrap=not axis or index == 0
        )
    best = {choice.setting.name for choice in found.choices} if kind_of(study).ranks else set()
    for setting in shown:
        style = "red" if setting.fps is None else "yellow" if setting.suspect else ""
        style = style or ("bold" if setting.name in best else "")
        table.add_row(*(Text(column.cell(setting)) for column in columns), style=style)
    return table


def _values(setting: Setting, axis: str, names: Mapping[str, Mapping[str, str]]) -> str:
    """What was asked for of an axis: all of it, where points that were the same run have every combination of it."""
    points = setting.points
    by_axis = {one: dict.fromkeys(point.get(one, "") for point in points) for one in names}
    whole = prod(map(len, by_axis.values())) == len(points)
    words = [names[axis].get(value, value) for value in by_axis[axis]]
    return ",".join(words) if whole else f"{words[0]} .."


def _shown(settings: Sequence[Setting]) -> Sequence[Setting]:
    """In their order: all, or the fastest where they are many."""
    if len(settings) <= _MOST_SETTINGS:
        return settings
    ranked = sorted(settings, key=lambda setting: -setting.fps.value if setting.fps is not None else 0.0)
    fastest = {setting.name for setting in ranked[:_MOST_SETTINGS]}
    return [setting for setting in settings if setting.name in fastest]


def _short_values(study: Study) -> dict[str, dict[str, str]]:
    """Of files their names, where those differ."""
    short = {}
    for axis, values in study.axes.items():
        ends = [value.rstrip("/").rpartition("/")[2] for value in values]
        short[axis] = dict(zip(values, ends if len(set(ends)) == len(values) else values, strict=True))
    return short


def _fitting(columns: Sequence[Column], settings: Sequence[Setting], width: int) -> list[Column]:
    """As many as have room, without those that nothing is known for; axes and throughput stay."""
    left = [c for c in columns if not c.rank or any(c.cell(setting) != UNKNOWN for setting in settings)]

    def needed() -> int:
        cells = (max([len(column.title), *(len(column.cell(setting)) for setting in settings)]) for column in left)
        return sum(cell + _GAP for cell in cells)

    while needed() > width and any(column.rank for column in left):
        left.remove(max(left, key=lambda column: column.rank))
    return left


def _legend(found: Answer, titles: Sequence[str]) -> str:
    """Of the table with these columns."""
    parts = ["* Pareto front"] if found.front else []
    parts += ["1,2 or 1 .. the same run"] if any(s.same for s in found.settings) else []
    parts += ["± half the 95 % interval"] if "±" in titles else []
    parts += ["/CPU-s frames per CPU-second"] if "/CPU-s" in titles else []
    every = len(found.settings)
    return (f"the fastest {_MOST_SETTINGS} of {every} settings; " if every > _MOST_SETTINGS else "") + ", ".join(parts)


def _plot(curve: Curve) -> Iterator[Text]:
    """Measured means, the ideal line through the smallest size, and the law that is believed."""
    points, fit = curve.scaling.points, curve.scaling.fit
    if len(points) < 2:
        return
    most, each = points[-1].size, points[0].fps.value / points[0].size
    most_y = 1.15 * max(max(point.fps.high or point.fps.value for point in points), 0.7 * each * most)
    plot = Plot(_PLOT_WIDTH, _PLOT_HEIGHT, most, most_y)
    plot.curve(lambda x: each * x, _IDEAL, from_x=0, to_x=most, every=3)
    if fit is not None:
        shares = [part.value if part is not None else 0.0 for part in (fit.contention, fit.coherency)]
        law = partial(throughput, single=fit.single.value, contention=shares[0], coherency=shares[1])
        plot.curve(law, _LAW, from_x=points[0].size, to_x=most)
    for point in points:
        plot.mark(point.size, point.fps.value, "●", _MEASURED)
    legend = Text.assemble(
        (f"\nFPS by {curve.unit}", "bold"),
        ("".join(f" {flag} {value}" for flag, value in curve.point.items()), ""),
        ("   ● ", _MEASURED), "measured",
        ("   ⠤⠤ " if fit is not None else "", _LAW), f"fit ({_LAWS[fit.model]})" if fit is not None else "",
        ("   ⠂⠐ ", _IDEAL), "in proportion",
    )  # fmt: skip
    yield legend
    yield from (Text("  ") + line for line in plot.lines(_axis, [point.size for point in points]))


_LAWS: Final = {"linear": "linear", "amdahl": "Amdahl", "usl": "USL"}


def _axis(value: float) -> str:
    return f"{ceil(value):,}" if value >= 100 else f"{value:.3g}"


def _commands(found: Answer) -> Iterator[Text | str]:
    """Text is words, a string a command, which stays one line for whoever copies it."""
    for choice in found.choices:
        yield ""
        yield Text.assemble((choice.what, "bold"), f"  {figures_of(choice.setting)}")
        if choice.setting.in_effect is not None:
            yield Text(f"  in effect: {text_of(choice.setting.in_effect)}", "dim")
        yield f"  {choice.setting.command}"
    shown = {choice.setting.name for choice in found.choices}
    rest = [setting for setting in found.front if setting.name not in shown]
    if rest:
        yield ""
        yield Text("also on the Pareto front", "bold")
    for setting in rest[:_MOST_FRONT]:
        yield Text(f"  {figures_of(setting)}")
        yield f"    {setting.command}"
    if len(rest) > _MOST_FRONT:
        yield Text(f"  ... {len(rest) - _MOST_FRONT} more", "dim")
