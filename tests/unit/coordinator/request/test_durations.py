"""Lengths of time as people write them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.durations import SECONDS_OF, in_unit
from tests.builders import request


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("1e1", 10.0),
        ("90s", 90.0),
        ("1m30s", 90.0),
        ("1.5m", 90.0),
        ("1min", 60.0),
        ("500ms", 0.5),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("2h", 7200.0),
        (".5s", 0.5),
    ],
)
def test_a_time_is_a_number_of_the_flag_s_unit_or_has_its_own(text: str, seconds: float) -> None:
    assert in_unit("s")(text) == seconds


@given(number=st.integers(0, 10**6), unit=st.sampled_from(sorted(SECONDS_OF)), flag=st.sampled_from(["us", "ms", "s"]))
def test_a_unit_is_converted_exactly(number: int, unit: str, flag: str) -> None:
    assert in_unit(flag)(f"{number}{unit}") == float(Fraction(number) * SECONDS_OF[unit] / SECONDS_OF[flag])


@pytest.mark.parametrize("text", ["", "s", "10 s", "10S", "10sec", "1m30", "-1s", "1e9999s", "10d", "ms10"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        in_unit("s")(text)


def test_every_flag_of_a_time_takes_a_unit() -> None:
    asked = request(
        "-t", "1m", "--warmup", "500ms", "--rate", "9", "--drain", "2s", "--timeout-ms", "1s", "--spin", "1ms",
        "--slo-ms", "p99:20ms,0.1s", "--join-timeout", "1m", "--prepare-timeout", "1h", "--min-window", "500ms",
        "--max-start-skew", "1s",
    )  # fmt: skip
    assert (asked.load.warmup_s, asked.load.drain_s, asked.load.timeout_s, asked.load.spin_s) == (0.5, 2.0, 1.0, 1e-3)
    assert [objective.limit_ms for objective in asked.criteria.objectives] == [20.0, 100.0]
    assert (asked.launch.join_timeout_s, asked.launch.prepare_timeout_s) == (60.0, 3600.0)
    assert (asked.criteria.thresholds.min_window_s, asked.criteria.thresholds.max_start_skew_ms) == (0.5, 1000.0)
    assert request("-t", "1m30s") == request("-t", "90")


def test_a_time_that_is_too_long_is_refused_whatever_its_unit() -> None:
    with pytest.raises(UsageError, match="'9999999h' is not a number of seconds above 0, at most 1e7, or a time as in"):
        parse_run(["-t", "9999999h"])


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("-t", "1e999s"),
        ("-t", "1e308h"),
        ("--timeout-ms", "1e306s"),
        ("--slo-ms", "p99:1e999s"),
        ("--min-window", "1e999s"),
        ("--stages", "1e999h:5"),
    ],
)
def test_a_time_beyond_any_number_is_refused_in_words(flag: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"^{flag}.*'{value}' (is not a number|does not last)"):
        parse_run([flag, value])
