"""Lines of any length: whole for whatever reads them, on a terminal between words and under where they began."""

import re
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from ..result.report import Finding


def print_line(console: Console, line: Text, indent: int) -> None:
    """`indent`: how many columns stay free on a terminal from the second line on. Longer words are not divided, so
    that a path can be copied."""
    if console.is_terminal and line.cell_len > console.width > 2 * indent:
        rest = line[indent:]
        parts = rest.divide(list(_starts(rest.plain, console.width - indent)))
        for part in parts:
            part.rstrip()
        line = line[:indent] + Text("\n" + " " * indent).join(parts)
    console.print(line, highlight=False, soft_wrap=True)


def _starts(text: str, width: int) -> Iterator[int]:
    """Where the second line starts, the third ..."""
    begin = 0
    for word in re.finditer(r"\S+", text):
        if word.end() - begin > width and text[begin : word.start()].strip():
            begin = word.start()
            yield begin


def gist(finding: Finding) -> str:
    """Its first sentence, on one line."""
    return " ".join(finding.message.split()).partition(". ")[0].rstrip(".") + "."
