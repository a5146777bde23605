"""The conditions of a study, as they were judged: what failed first, a line each."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from ..study.gate import GateState, Judged, gate_words
from .lines import print_line

_WORDS: Final[dict[GateState, tuple[str, str]]] = {
    "failed": ("failed", "bold red"),
    "unknown": ("failed", "bold red"),
    "passed": ("passed", "green"),
}
_INDENT: Final = 10


def print_gate(console: Console, gate: Sequence[Judged]) -> None:
    """Nothing where there were no conditions."""
    several = any(one.of for one in gate)
    for index, one in enumerate(sorted(gate, key=lambda one: not one.fails)):
        word, style = _WORDS[one.state]
        if index == 0:
            console.print()
        print_line(console, Text.assemble((f"  {word:<8}", style), gate_words(one, several)), _INDENT)
