"""Numbers as people read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.coordinator.result.numbers import (
    bounded,
    count,
    deviation,
    duration,
    figure_value,
    interval,
    megabytes,
    milliseconds,
    percent,
    plain,
    ramp,
    rate,
)

UNITS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0.0, "0.00 ns"),
        (0.000_5, "500 ns"),
        (0.001_234, "1.23 us"),
        (0.0456, "45.6 us"),
        (0.999, "999 us"),
        (1.0, "1.00 ms"),
        (12.345, "12.3 ms"),
        (999.4, "999 ms"),
        (999.5, "1.00 s"),
        (1000.0, "1.00 s"),
        (75_000.0, "75.0 s"),
    ],
)
def test_a_latency_has_the_unit_that_fits(ms: float, text: str) -> None:
    assert milliseconds(ms) == text


@pytest.mark.parametrize(
    ("ms", "at_least", "text"),
    [(1.5, None, "1.50 ms"), (1.5, 1.0, "1.50 ms"), (None, 12.3, "> 12.3 ms"), (None, None, "unknown")],
)
def test_a_latency_that_is_unknown_is_never_written_as_one(ms: float | None, at_least: float | None, text: str) -> None:
    assert bounded(ms, at_least) == text


@pytest.mark.parametrize(
    ("first", "last", "text"), [(100.0, 100.0, "100"), (100.0, 2500.0, "100..2,500"), (0.5, 0.0, "0.5..0")]
)
def test_a_ramp_has_both_its_ends_and_a_level_one(first: float, last: float, text: str) -> None:
    assert ramp(first, last) == text


@settings(max_examples=100, deadline=None)
@given(ms=st.floats(1e-6, 9e5))
def test_a_latency_read_back_is_right_to_half_a_percent(ms: float) -> None:
    number, unit = milliseconds(ms).split()
    assert float(number) * UNITS[unit] == pytest.approx(ms, rel=0.0051)
    assert len(number) <= 4 or float(number) >= 1000


@pytest.mark.parametrize(
    ("per_second", "text"),
    [
        (0.0, "0.000"),
        (1.23456, "1.235"),
        (56.789, "56.79"),
        (1234.56, "1,234.6"),
        (98_765.4, "98,765"),
        (1e6, "1,000,000"),
    ],
)  # fmt: skip
def test_a_rate_has_four_digits_or_all_whole_ones(per_second: float, text: str) -> None:
    assert rate(per_second) == text


def test_counts_are_grouped_by_thousands() -> None:
    assert count(1_234_567) == "1,234,567"


def test_memory_is_in_whole_megabytes() -> None:
    assert megabytes(1234.56) == "1,235 MB"


def test_a_percentage_has_one_decimal() -> None:
    assert percent(12.345) == "12.3 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"),
        (10.0, "10 s"),
        (59.0, "59 s"),
        (60.0, "1 min 00 s"),
        (119.6, "2 min 00 s"),
        (3599.0, "59 min 59 s"),
        (3600.0, "1 h 00 min"),
        (90_061.0, "25 h 01 min"),
    ],
)
def test_a_duration_has_the_units_that_matter(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (99.6, 100.2, "±0.4 %"),
        (99.6, 101.0, "±1.0 %"),
        (90.06, 101.0, "±9.9 %"),
        (88.0, 101.0, "±12 %"),
        (None, 103.0, "±3.0 %"),
        (97.0, None, "±3.0 %"),
        (1.0, 1099.0, "±999 %"),
        (1.0, 1100.0, "±>999 %"),
    ],
)
def test_bounds_are_shown_by_the_farther_one(low: float | None, high: float | None, text: str) -> None:
    assert deviation(100.0, low, high) == text


def test_a_value_of_nothing_has_no_percent() -> None:
    assert deviation(0.0, 0.0, 1.0) == "±0.0 %"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.001_234_4, "0.001234"),
        (0.05, "0.05000"),
        (1.0, "1.000"),
        (-12.346, "-12.35"),
        (999.96, "1,000"),
        (0.999_96, "1.000"),
        (1731.06, "1,731"),
        (123_456.7, "123,457"),
    ],
)
def test_a_plain_value_has_four_digits_or_all_whole_ones(value: float, text: str) -> None:
    assert plain(value) == text


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-9, 1e12))
def test_a_plain_value_read_back_is_right_to_four_digits(value: float) -> None:
    assert float(plain(value).replace(",", "")) == pytest.approx(value, rel=5.001e-4)


def test_an_interval_is_open_where_an_end_is_not_known() -> None:
    assert interval(1.0, 2.0) == "1.000..2.000"
    assert (interval(1.0, None), interval(None, 2.0), interval(None, None)) == ("1.000..", "..2.000", "")


def test_a_figure_is_written_in_the_unit_of_its_name() -> None:
    figures = {"fps": 910.9, "p99_9_ms": 0.0456, "cpu_percent": 99.94, "memory_mb": 1234.0}
    assert [figure_value(*figure) for figure in figures.items()] == ["910.9", "45.6 us", "99.9 %", "1,234 MB"]
    assert figure_value("energy_per_inference_j", 0.01234) == "0.0123 J"
