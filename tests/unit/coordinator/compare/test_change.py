"""How figures change between results, and whether that is significant."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.coordinator.compare.change import change, change_of_means, difference_ci95, welch_ci95
from ovbench.coordinator.result.figures import BY_NAME
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.stats.estimate import Estimate, estimate


def around(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half)


def test_symmetric_half_widths_add_as_squares() -> None:
    assert difference_ci95(around(100.0, 3.0), around(106.0, 4.0)) == Interval(1.0, 11.0)


def test_of_asymmetric_intervals_the_sides_that_face_each_other_count() -> None:
    first = Estimate(10.0, 9.0, 13.0)
    other = Estimate(20.0, 16.0, 40.0)
    interval = difference_ci95(first, other)
    assert interval is not None
    assert interval.low == pytest.approx(10 - math.hypot(4, 3))
    assert interval.high == pytest.approx(10 + math.hypot(20, 1))


def test_intervals_that_overlap_may_still_differ_significantly() -> None:
    found = change(BY_NAME["fps"], around(100.0, 4.0), around(106.0, 4.0))
    assert found.verdict == "better"


@pytest.mark.parametrize(
    ("name", "first", "other", "verdict"),
    [
        ("fps", around(100, 1), around(110, 1), "better"),
        ("fps", around(110, 1), around(100, 1), "worse"),
        ("p99_ms", around(5, 0.1), around(6, 0.1), "worse"),
        ("p99_ms", around(6, 0.1), around(5, 0.1), "better"),
        ("cpu_percent", around(50, 1), around(60, 1), "higher"),
        ("cpu_percent", around(60, 1), around(50, 1), "lower"),
        ("fps", around(100, 4), around(105, 4), "inconclusive"),
        ("fps", Estimate(100), around(200, 1), "no interval"),
        ("fps", around(100, 1), Estimate(200), "no interval"),
        ("p99_9_ms", Estimate(5, 4, None), around(9, 1), "inconclusive"),
        ("p99_9_ms", Estimate(5, 4, None), around(1, 1), "better"),
    ],
)
def test_a_verdict_needs_a_difference_that_is_not_noise(
    name: str, first: Estimate, other: Estimate, verdict: str
) -> None:
    assert change(BY_NAME[name], first, other).verdict == verdict


def test_a_figure_that_one_of_them_lacks_is_listed_without_a_verdict() -> None:
    found = change(BY_NAME["fps"], None, Estimate(5.0))
    assert (found.change_percent, found.difference_ci95, found.verdict) == (None, None, "no interval")
    assert change(BY_NAME["fps"], Estimate(0.0), Estimate(5.0)).change_percent is None


@given(st.floats(1, 1e6), st.floats(0, 1e3), st.floats(1, 1e6), st.floats(0, 1e3))
def test_the_other_way_round_the_verdict_is_the_opposite(a: float, ha: float, b: float, hb: float) -> None:
    opposite = {"better": "worse", "worse": "better"}
    there = change(BY_NAME["fps"], around(a, ha), around(b, hb)).verdict
    back = change(BY_NAME["fps"], around(b, hb), around(a, ha)).verdict
    assert back == opposite.get(there, there)


def test_the_mean_over_repetitions_has_students_interval() -> None:
    found = estimate([10.0, 12.0, 14.0])
    assert found.value == 12.0
    assert found.low is not None
    assert found.low == pytest.approx(12.0 - 4.302653 * 2.0 / math.sqrt(3), abs=1e-5)
    assert estimate([10.0]).low is None


def test_welchs_interval_is_that_of_a_worked_example() -> None:
    """By hand: means 2, 7, variances 1, 4, n 3, 4: square 4/3, freedom (16/9)/(1/18+1/3) = 4.57, t(4) 2.7764."""
    half = 2.776445 * math.sqrt(4 / 3)
    found, freedom = welch_ci95([1.0, 2.0, 3.0], [5.0, 9.0, 7.0 - math.sqrt(2), 7.0 + math.sqrt(2)])
    assert found is not None
    assert found.low == pytest.approx(5 - half, abs=1e-5)
    assert found.high == pytest.approx(5 + half, abs=1e-5)
    assert freedom == 4


def test_welchs_interval_of_equal_scatter_is_students_of_both_together() -> None:
    found, freedom = welch_ci95([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    assert found is not None
    assert found.low == pytest.approx(10 - 2.776445 * math.sqrt(2 / 3))
    assert freedom == 4
    assert welch_ci95([1.0, 1.0], [2.0, 2.0]) == (Interval(1.0, 1.0), 1)
    assert welch_ci95([1.0], [2.0, 2.0]) == (None, None)


@pytest.mark.parametrize("repetitions", [2, 3, 5, 10])
def test_the_same_setting_twice_is_rarely_called_different(repetitions: int) -> None:
    """2000 draws of two samples with 3 % noise: at most 5 % and the sampling error of that."""
    random = np.random.default_rng(5)
    samples = 100 * (1 + 0.03 * random.standard_normal((2000, 2, repetitions)))
    verdicts = [change_of_means(BY_NAME["fps"], a.tolist(), b.tolist()).verdict for a, b in samples]
    assert sum(verdict in ("better", "worse") for verdict in verdicts) <= 0.06 * len(verdicts)


def test_a_slowdown_of_5_percent_is_found_in_twelve_repetitions_with_3_percent_noise() -> None:
    """In 95 % and more: the difference is 4.1 of its standard errors, and 2.1 of them are in doubt."""
    random = np.random.default_rng(6)
    first = 100 * (1 + 0.03 * random.standard_normal((400, 12)))
    other = 95 * (1 + 0.03 * random.standard_normal((400, 12)))
    pairs = zip(first, other, strict=True)
    verdicts = [change_of_means(BY_NAME["fps"], a.tolist(), b.tolist()).verdict for a, b in pairs]
    assert verdicts.count("worse") >= 0.95 * len(verdicts)
