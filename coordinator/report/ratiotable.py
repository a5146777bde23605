"""The ratios of a study's settings on a terminal: by case, and their geometric mean."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..study.answer import Answer
from ..study.ratiotable import COLUMNS, cells, ratio_rows


def print_ratios(console: Console, found: Answer) -> None:
    rows = ratio_rows(found)
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=False)
    for number, title in enumerate(COLUMNS):
        left = number < 2 or number == len(COLUMNS) - 1
        table.add_column(Text(title), justify="left" if left else "right", overflow="fold", no_wrap=number != 1)
    before = ""
    for row in rows:
        side, *rest = cells(row)
        table.add_row(*map(Text, ("" if side == before else side, *rest)))
        before = side
    console.print()
    console.print(table)
