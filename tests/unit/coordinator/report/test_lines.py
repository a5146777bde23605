"""Long lines, on a terminal and off it."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from ovbench.coordinator.report.lines import print_line

LINE = "  warning Other processes took time from CPU 1."
PATH = "a/" * 30


def printed(line: str, width: int, terminal: bool) -> str:
    written = io.StringIO()
    print_line(Console(file=written, width=width, force_terminal=terminal, color_system=None), Text(line), 10)
    return written.getvalue()


def test_off_a_terminal_a_line_stays_whole() -> None:
    assert printed(LINE, 30, terminal=False) == LINE + "\n"


def test_on_a_terminal_it_goes_on_below_where_it_began_and_no_word_is_divided() -> None:
    assert printed(LINE, 30, terminal=True).splitlines() == [
        "  warning Other processes took",
        "          time from CPU 1.",
    ]


@pytest.mark.parametrize("width", [20, 47, 80])
def test_what_fits_and_what_leaves_no_room_stays_as_it_is(width: int) -> None:
    assert printed(LINE, width, terminal=True) == LINE + "\n"


def test_a_path_that_is_too_long_stays_one_word() -> None:
    assert PATH in printed(f"          written to {PATH} at last", 40, terminal=True)
