"""What a run waits for, as it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.coordinator.request.until import FIGURES, Until, parse_until
from tests.builders import request


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("p99 +-3%", Until("p99_ms", 3.0)),
        ("p99+-3%", Until("p99_ms", 3.0)),
        ("fps ±1%", Until("fps", 1.0)),
        (" fps +/- 0.5 % ", Until("fps", 0.5)),
        ("p50 +-1e1%", Until("median_ms", 10.0)),
        ("p99.9 +-50%", Until("p99_9_ms", 50.0)),
        ("mean_ms +-2%", Until("mean_ms", 2.0)),
    ],
)
def test_a_figure_and_how_well_it_is_to_be_known(text: str, until: Until) -> None:
    assert parse_until(text) == until


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a figure and how well"),
        ("p99", "is not a figure and how well"),
        ("p99 3%", "is not a figure and how well"),
        ("p99 +-3", "is not a figure and how well"),
        ("p99 <= 3%", "is not a figure and how well"),
        ("p98 +-3%", r"names no figure that a run can wait for; did you mean p9"),
        ("max +-3%", r"names no figure that a run can wait for; there are fps, mean, median, p90, p95, p99, p99_9"),
        ("energy +-3%", "names no figure that a run can wait for"),
        ("p99 +-0%", "does not have a percentage above 0, at most 50"),
        ("p99 +-51%", "does not have a percentage above 0, at most 50"),
        ("p99 +-1e999%", "does not have a percentage"),
        ("p99 +-1.2.3%", "does not have a percentage"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        parse_until(text)
    assert str(refused.value).startswith(f"'{text}'")


@given(st.sampled_from(FIGURES), st.integers(1, 500))
def test_what_is_reported_of_it_asks_for_the_same(figure: str, tenths: int) -> None:
    until = Until(figure, tenths / 10)
    assert parse_until(str(until)) == until


def test_without_a_time_it_lasts_ten_minutes_at_the_most() -> None:
    assert request("--until", "p99 +-3%").load.duration_s == 600.0
    assert request("--until", "p99 +-3%", "-t", "30").load.duration_s == 30.0
    assert request("--until", "p99 +-3%", "--rate", "100").load.duration_s == 600.0
    assert request().load.duration_s == 10.0
