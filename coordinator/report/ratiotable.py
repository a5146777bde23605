"""The ratios of a study's settings on a terminal: by case, and their geometric mean."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..study.answer import Answer
from ..study.ratiotable import cells, columns, ratio_rows


def print_ratios(console: Console, found: Answer) -> None:
    rows = ratio_rows(found)
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=False)
    for title in columns(rows):
        figure = title in ("ratio", "interval")
        table.add_column(Text(title), justify="right" if figure else "left", overflow="fold", no_wrap=title != "case")
    before = ""
    for side, *rest in cells(rows):
        table.add_row(*map(Text, ("" if side == before else side, *rest)))
        before = side
    console.print()
    console.print(table)
