"""Markdown as GitHub and GitLab read it: texts that others chose stay texts, whatever is in them. Pure.

What is folded is `<details>`, which other renderers show open.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from ovbench.common.printable import one_line

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]|~])")
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_NAMES: Final = re.compile(r"(?<!\w)([@#])(?=\w)|(?<=\w)([@#])(?=\w)")
"""Which would notify somebody, or link to an issue."""
_BAR: Final = re.compile(r"(?<!\\)\|")
MOST: Final = 65_536
"""Characters of a comment on GitHub; GitLab takes longer ones."""

_FOLD: Final = "<details>"
_GAP: Final = "\n\n"
MARKS: Final = {
    "VALID": "✅", "SUSPECT": "⚠️", "INVALID": "❌", "PARTIAL": "❌", "FAILED": "❌",
    "passed": "✅", "failed": "❌", "unknown": "❌", "doubtful": "⚠️",
    "error": "❌", "warning": "⚠️", "info": "ℹ️",
}  # fmt: skip


def escaped(text: str) -> str:
    """On one line, without a meaning for Markdown."""
    plain = _SPECIAL.sub(r"\\\1", one_line(" ".join(text.split())).translate(_HTML))
    return _NAMES.sub(lambda found: f"{found[0]}<!-- -->", plain)


def code(text: str) -> str:
    """Fenced by more backticks than are in it."""
    plain = one_line(text)
    if not plain:
        return ""
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    space = " " if plain[0] == "`" or plain[-1] == "`" else ""
    return f"{fence}{space}{plain}{space}{fence}"


def block(text: str, language: str = "") -> str:
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def heading(text: str) -> str:
    """Of the third level: a comment has others above it."""
    return f"### {text}"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1, words: int = 0) -> str:
    """Of cells that are Markdown already. The first `names` columns and the last `words` are flush left."""
    last = len(titles) - words
    lines = [_row(titles), _row(["--:" if names <= index < last else ":--" for index in range(len(titles))])]
    return "\n".join([*lines, *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """A bar would end it, in code, too."""
    return _BAR.sub(r"\|", text)


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def folded(title: str, body: str) -> str:
    return f"{_FOLD}<summary>{title}</summary>\n\n{body}\n\n</details>"


def document(parts: Iterable[str], more: str) -> str:
    """Paragraphs, without those that are empty. What is longer than a comment may be is cut, first whole folded parts,
    the longest first, then rows of tables, then of lists, the last first. `more`: where the rest is."""
    kept = [part for part in parts if part]
    excess = len(_joined(kept)) - MOST
    if excess <= 0:
        return _joined(kept)
    note = f"**Cut to the length of a comment**; more in {more}"
    excess += len(note) + len(_GAP)
    tables = [part.startswith("| ") for part in kept]
    folds = [number for number, part in enumerate(kept) if part.startswith(_FOLD)]
    order = [
        *sorted(folds, key=lambda number: -len(kept[number])),
        *sorted(set(range(len(kept))).difference(folds), key=lambda number: (not tables[number], -number)),
    ]
    for number in order:
        if excess <= 0:
            break
        part = kept[number]
        kept[number] = "" if number in folds else _shortened(part, len(part) - excess)
        excess -= len(part) - len(kept[number]) + (0 if kept[number] else len(_GAP))
    return _joined([*filter(None, kept), note])


def _joined(parts: Iterable[str]) -> str:
    return _GAP.join(parts) + "\n"


def _shortened(part: str, room: int) -> str:
    """Its first whole lines; nothing where only its titles would be left."""
    lines = part.split("\n")
    titles = 2 if len(lines) > 1 and (not lines[1] or lines[1].startswith(("| :--", "| --:"))) else 0
    fit = sum(end - 1 <= room for end in accumulate(len(line) + 1 for line in lines))
    return "\n".join(lines[:fit]) if fit > titles else ""
