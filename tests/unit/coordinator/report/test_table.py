"""Tables that keep to 80 columns."""

import io

import pytest
from rich.console import Console

from ovbench.coordinator.report.table import fitted_table


def lines(columns: int, width: int) -> list[str]:
    """Of a table of so many columns of figures of this width."""
    written = io.StringIO()
    table = fitted_table(["x"] * columns, [["1" * width] * columns])
    Console(file=written, width=200, force_terminal=False).print(table)
    return [line.rstrip() for line in written.getvalue().splitlines()]


@pytest.mark.parametrize(("columns", "width", "gap"), [(8, 7, 3), (8, 8, 2), (8, 9, 1), (2, 7, 3)])
def test_columns_move_together_only_where_there_is_no_room(columns: int, width: int, gap: int) -> None:
    row = lines(columns, width)[-1]
    assert row.split("1" * width)[1] == " " * gap
    assert len(row) <= 80


def test_figures_that_fit_at_no_gap_are_still_whole() -> None:
    assert lines(12, 9)[-1].split() == ["1" * 9] * 12
