"""What is shown is safe and can be shown, whoever chose it and whatever the terminal is."""

import io
import os

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ovbench.coordinator.report.console import SafeConsole
from ovbench.coordinator.report.text import print_report
from tests.builders import report


class Stream(io.TextIOWrapper):
    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict")

    def text(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


def shown(renderable: object, encoding: str = "utf-8", terminal: bool = False) -> str:
    stream = Stream(encoding)
    SafeConsole(file=stream, width=60, force_terminal=terminal).print(renderable, markup=False, highlight=False)
    return stream.text()


def test_orders_in_a_name_are_shown_and_those_of_ours_are_given() -> None:
    said = shown(Text("evil\x1b[2J\x07\u202ename", "bold red"), terminal=True)
    assert r"evil\x1b[2J" in said
    assert r"\u202ename" in said
    assert said.startswith("\x1b[1;31m")
    assert "\x1b[2J" not in said


def test_a_name_in_a_table_keeps_the_columns_under_each_other() -> None:
    table = Table("name", "figure")
    table.add_row("\x1b[2J", "1")
    table.add_row("model", "2")
    lines = shown(table).splitlines()
    assert len({len(line) for line in lines[1:]}) == 1
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "cp437", "utf-8"])
def test_what_a_terminal_cannot_show_has_something_else_in_its_place(encoding: str) -> None:
    said = shown(Text("модель ±5 % █▒·"), encoding)
    assert ("модель" in said) == (encoding == "utf-8")
    assert (r"\u043c" in said) == (encoding != "utf-8")
    assert ("±" in said) == (encoding != "ascii")
    assert ("~5 %" in said) == (encoding == "ascii")


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_a_whole_report_can_be_shown_without_unicode(encoding: str) -> None:
    stream = Stream(encoding)
    print_report(SafeConsole(file=stream, width=80), report())
    said = stream.text()
    assert "VALID" in said
    assert "\\u" not in said


def test_what_is_shown_while_it_changes_is_safe_too() -> None:
    stream = Stream("ascii")
    console = SafeConsole(file=stream, width=60, force_terminal=True, color_system=None)
    with Live(Text("агент \x1b[2J"), console=console, auto_refresh=False) as live:
        live.refresh()
    assert r"\u0430" in stream.text()
    assert r"\x1b[2J" in stream.text()
    assert "\x1b[2J" not in stream.text().replace(r"\x1b[2J", "")


def test_where_nobody_reads_any_more_nothing_more_is_shown_and_nothing_ends() -> None:
    read, written = os.pipe()
    os.close(read)
    with os.fdopen(written, "w") as stream:
        console = SafeConsole(file=stream)
        console.print("gone")
        console.print("and nobody minds")
        assert console.quiet
