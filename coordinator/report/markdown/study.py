"""A study as Markdown: the answer, what was to pass, ratios, the settings with their figures, how to run each."""

import shlex
from collections.abc import Iterator
from typing import Final

from ...result.study import Study
from ...study.answer import Answer
from ...study.columns import UNKNOWN
from ...study.gate import Judged, words_of
from ...study.kinds.registry import kind_of
from ...study.ratio import Ratio
from ...study.summary import Setting, name_of
from .markup import MARKS, block, bullets, code, document, escaped, folded, heading, table

_MOST_SETTINGS: Final = 40


def study_markdown(study: Study, said: Answer) -> str:
    return document(
        (
            heading(f"{_mark(said)}{escaped(said.headline)}"),
            _gate(said),
            bullets(map(escaped, said.lines)),
            _ratios(said),
            _settings(study, said),
            _unsaid(said),
            _commands(said),
            folded("Command of the study", block(shlex.join(study.command), "sh")),
            f"<sub>ovbench {escaped(study.ovbench)}, {escaped(study.created_at)}</sub>",
        ),
        "`answer.json`",
    )


def _mark(said: Answer) -> str:
    """By what was to pass, if anything was."""
    if not said.gate:
        return ""
    return f"{MARKS['failed' if any(one.fails for one in said.gate) else 'passed']} "


def _gate(said: Answer) -> str:
    several = any(one.of for one in said.gate)
    return bullets(_judged(one, several) for one in sorted(said.gate, key=lambda one: not one.fails))


def _judged(one: Judged, several: bool) -> str:
    words = words_of(one, several).removeprefix(one.condition)
    unknown = " cannot be judged" if one.state == "unknown" else ""
    return f"{MARKS[one.state]} {code(one.condition)}{unknown}{escaped(words)}"


def _ratios(said: Answer) -> str:
    """B / A of each figure, with what is compared where that is more than two settings."""
    if not said.comparisons:
        return ""
    of = any(one.of for one in said.comparisons)
    sides = any(one.side for one in said.comparisons)
    titles = (*(["setting"] if sides else []), *(["of"] if of else []), "figure", "ratio", "interval", "verdict")
    rows = [(*_ratio(one, of, sides),) for one in said.comparisons]
    return table(titles, rows, names=1 + of + sides, words=1)


def _ratio(one: Ratio, of: bool, sides: bool) -> Iterator[str]:
    if sides:
        yield escaped(one.side)
    if of:
        yield code(one.of) if one.of else "**geometric mean**"
    yield escaped(one.figure)
    yield UNKNOWN if one.ratio is None else f"{one.ratio:.3f}"
    yield "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
    yield f"**{one.verdict}**" if one.verdict in ("faster", "slower") else one.verdict


def _settings(study: Study, said: Answer) -> str:
    shown = said.settings[:_MOST_SETTINGS]
    if not shown:
        return ""
    columns = [column for column in kind_of(study).columns(said) if any(column.cell(one) != UNKNOWN for one in shown)]
    flags = kind_of(study).sides(study)
    rows = [
        [_name(one, flags, kind_of(study).nameless), *(escaped(column.cell(one)) for column in columns)]
        for one in shown
    ]
    more = len(said.settings) - len(shown)
    drawn = table(("setting", *(escaped(column.title) for column in columns)), rows)
    return f"{drawn}\n\n{more} more, in `answer.json`" if more else drawn


def _name(setting: Setting, flags: dict[str, str], nameless: str) -> str:
    """With the flags that a side has of its own."""
    own = flags.get(" ".join(setting.point.values()))
    name = code(" = ".join(name_of(point) for point in setting.points)) or f"the {nameless}"
    return f"{name} {code(own)}".rstrip() if own else name


def _unsaid(said: Answer) -> str:
    return f"**Inconclusive**\n\n{bullets(map(escaped, said.unsaid))}" if said.unsaid else ""


def _commands(said: Answer) -> str:
    lines = (f"# {choice.what}\n{choice.setting.command}" for choice in said.choices)
    body = "\n".join(lines)
    return folded("To run it", block(body, "sh")) if body else ""
