"""A table on the terminal that keeps to 80 columns where its figures can."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

_WIDTH: Final = 80
_GAPS: Final = (2, 1, 0)


def fitted_table(titles: Sequence[str], rows: Sequence[Sequence[str | Text]], names: int = 0) -> Table:
    """Flush right but the first `names` columns, which name things; columns move together where there is no room, and
    bounds such as `> 5.00 ms` lose the space that would look like one between columns."""
    cells = [[*titles], *([str(cell) for cell in row] for row in rows)]
    figures = sum(max(map(len, column)) for column in zip(*cells, strict=True))
    gap = next((gap for gap in _GAPS if figures + len(titles) * (1 + gap) - 1 <= _WIDTH), _GAPS[-1])
    if gap < _GAPS[0]:
        rows = [[cell.replace("> ", ">") if isinstance(cell, str) else cell for cell in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, gap), show_edge=False, pad_edge=True)
    for index, title in enumerate(titles):
        table.add_column(title, justify="left" if index < names else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
