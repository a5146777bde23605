"""Trends and windows, against closed forms and simulated noise."""

import math

import numpy as np
import pytest

from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.steadiness import last_windows, mann_kendall, theil_sen, trend
from tests.builders import ms, pairs, recording, seconds, steady
from tests.unit.coordinator.stats.test_uncertainty import autocorrelated


def changing(rates: list[float], length_s: float = 10.0) -> Merged:
    """One request that goes at these rates, each for an equal part of the time."""
    at, ends = 0.0, []
    while at < length_s:
        at += 1 / rates[min(len(rates) - 1, int(at / length_s * len(rates)))]
        ends.append(round(at * 1e9))
    return merge([recording(0, 0, seconds(length_s), pairs(ends, np.diff(ends, prepend=0)))])


def test_the_slope_is_that_of_a_line_whatever_single_values_are() -> None:
    values = np.linspace(3.0, 41.0, 20)
    values[[4, 11]] = 1000, -1000
    assert theil_sen(values) == pytest.approx(2.0)


def test_a_trend_s_significance_is_that_of_kendall_s_score() -> None:
    """All 45 pairs of 10 rise: S = 45, variance 10 * 9 * 25 / 18 = 125."""
    assert mann_kendall(np.arange(10.0)) == pytest.approx(math.erfc(44 / math.sqrt(2 * 125)))
    assert mann_kendall(np.ones(10)) == 1.0
    assert mann_kendall(-np.arange(10.0)) == mann_kendall(np.arange(10.0))


def test_ties_take_from_the_variance() -> None:
    """Two of 8 are equal: S = 27, variance (8 * 7 * 21 - 2 * 1 * 9) / 18."""
    values = np.asarray([1.0, 2, 3, 4, 4, 5, 6, 7])
    assert mann_kendall(values) == pytest.approx(math.erfc(26 / math.sqrt(2 * (8 * 7 * 21 - 18) / 18)))


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.02), (0.4, 0.09)])
def test_noise_has_hardly_a_trend(phi: float, most: float) -> None:
    """At 1 %. Values as much alike as 0.4 would have one in 12 % of runs without the correction."""
    runs = autocorrelated(np.random.default_rng(1), phi, 1000, 20)
    assert np.mean([mann_kendall(run) < 0.01 for run in runs]) <= most


def test_a_slope_in_noise_is_found() -> None:
    runs = 0.2 * np.arange(20) + np.random.default_rng(1).normal(size=(200, 20))
    assert np.mean([mann_kendall(run) < 0.01 for run in runs]) > 0.8


@pytest.mark.parametrize("ratio", [0.8, 0.99, 1.3, 3.0, 0.02])
def test_a_trend_is_the_change_from_the_start_of_the_window_to_its_end(ratio: float) -> None:
    """A rate that changes by the same share at each step; however steep the fall, it ends above zero."""
    found = trend(changing([400 * ratio ** (n / 40) for n in range(41)], 40))
    assert found is not None
    assert found.percent == pytest.approx(100 * (ratio - 1), rel=0.1)
    assert found.percent > -100
    assert found.chance < 0.001


def test_a_rate_that_falls_to_nothing_has_not_fallen_by_more_than_all_of_it() -> None:
    """A straight line through it falls by over three times its mean."""
    found = trend(changing([400 * math.exp(-n / 4) + 0.4 for n in range(40)], 40))
    assert found is not None
    assert -100 < found.percent < -90


def test_the_last_three_of_five_windows_are_compared() -> None:
    found = last_windows(changing([50.0, 90.0, 100.0, 110.0, 100.0]))
    assert found is not None
    assert (found.parts, found.seconds) == (5, 2.0)
    assert found.fps == pytest.approx((100, 110, 100), rel=0.01)
    assert found.change_percent == pytest.approx(10, abs=0.5)


def test_a_window_without_any_inference_is_no_division_by_zero() -> None:
    done = np.concatenate([steady(0, ms(10), 600), steady(seconds(8), ms(10), 400)])
    found = last_windows(merge([recording(0, 0, seconds(20), done)]))
    assert found is not None
    assert found.change_percent > 1000


@pytest.mark.parametrize(("latency_ms", "parts"), [(90, 5), (110, 3), (160, 3), (170, None)])
def test_windows_are_longer_or_none_where_inferences_are_few(latency_ms: float, parts: int | None) -> None:
    """20 inferences of 100 ms fill a fifth of ten seconds, 20 of 166 ms a third."""
    found = last_windows(merge([recording(0, 0, seconds(10), steady(0, ms(latency_ms), 200))]))
    assert (found.parts if found else None) == parts


def test_an_empty_window_has_no_course() -> None:
    merged = merge([recording(0, 0, 100), recording(1, 500, 600)])
    assert (last_windows(merged), trend(merged), merged.cells, merged.fps_ci95) == (None, None, None, None)
