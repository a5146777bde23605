"""Latencies in columns, where they are known and where they are not."""

import io

import pytest
from msgspec import structs
from rich.console import Console

from ovbench.coordinator.report.latencytable import latency_figure, latency_table, parts_table
from ovbench.coordinator.result.latency import LatencyPart
from tests.pages import rate_report

KNOWN = rate_report().latency_ms
UNKNOWN = rate_report(overloaded=True).latency_ms
ALL = ("mean", "median", "p90", "p95", "p99", "p99_9", "max")


def printed(*parts: LatencyPart | None) -> list[str]:
    written = io.StringIO()
    table = parts_table(dict(zip(("latency", "wait", "service"), parts, strict=False)))
    Console(file=written, width=80, force_terminal=False).print(table)
    return [line.rstrip() for line in written.getvalue().splitlines()]


def test_each_part_has_its_row_under_the_same_columns_and_the_whole_its_intervals() -> None:
    assert KNOWN is not None
    header, _, *rows = printed(KNOWN, structs.replace(KNOWN, p99=0.25), structs.replace(KNOWN, p99=7.5))
    assert header.split() == ["median", "mean", "p90", "p95", "p99", "p99.9", "max"]
    assert [row.split()[0] for row in rows] == ["latency", "±2.0", "wait", "service"]
    end = header.index("p99") + len("p99")
    assert [row[:end].split()[-2:] for row in rows if "±" not in row] == [["12.2", "ms"], ["250", "us"], ["7.50", "ms"]]


def test_what_is_unknown_is_more_than_what_it_cannot_be_below() -> None:
    assert UNKNOWN is not None
    assert latency_figure(UNKNOWN, "p99") == "> 12.2 ms"
    assert latency_figure(structs.replace(UNKNOWN, at_least={}), "p99") == "unknown"
    assert latency_figure(UNKNOWN, "median") == "2.50 ms"
    assert latency_figure(None, "median") == "-"


def test_a_row_in_which_nothing_is_known_fits_a_terminal() -> None:
    assert KNOWN is not None
    nothing = structs.replace(KNOWN, at_least=dict.fromkeys(ALL, 123.4), **dict.fromkeys(ALL))
    lines = printed(nothing, nothing, nothing)
    assert max(map(len, lines)) <= 80
    assert lines[2].split().count(">123") == len(ALL)


@pytest.mark.parametrize("at_rate", [False, True])
def test_a_percentile_that_was_asked_for_and_is_unknown_stands_for_no_other(at_rate: bool) -> None:
    assert UNKNOWN is not None
    asked = structs.replace(UNKNOWN, chosen_percentile=97, chosen=None, at_least={"chosen": 10.0})
    written = io.StringIO()
    table = parts_table({"latency": asked}) if at_rate else latency_table(asked)
    Console(file=written, width=100, force_terminal=False).print(table)
    header, _, row, *_ = written.getvalue().splitlines()
    end = header.index("p97") + len("p97")
    assert row[:end].endswith(">10.0 ms")


def test_parts_that_are_not_there_have_no_row() -> None:
    assert [row.split()[0] for row in printed(KNOWN, None, KNOWN)[2:]] == ["latency", "±2.0", "service"]
    assert "".join(printed(None, None, None)).strip() == ""
