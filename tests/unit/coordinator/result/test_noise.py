"""The noise floor against the law it is from."""

from math import exp, log, sqrt

import numpy as np
import pytest

from ovbench.coordinator.result.noise import NoiseFloor, floor_percent, noisier


def floor(percent: float, starts: int = 6) -> NoiseFloor:
    return NoiseFloor(percent, starts, "quiet", "2026-01-01T00:00:00Z", "builtin:mlp")


def test_two_runs_of_the_same_are_further_apart_in_five_of_100_pairs() -> None:
    """A calibration of six starts, then two runs: whatever the scatter is, Student's t is exact."""
    draw, beyond, many = np.random.default_rng(2), 0, 4000
    for _ in range(many):
        known = float(np.std(draw.normal(0, 0.01, 6), ddof=1))
        one, two = draw.normal(0, 0.01, 2)
        beyond += exp(abs(one - two)) - 1 > floor_percent(known, 6) / 100
    assert beyond / many == pytest.approx(0.05, abs=0.012)


def test_more_starts_show_smaller_differences_by_the_square_root() -> None:
    assert floor(1.0).two_runs_percent == pytest.approx(100 * (exp(2.5706 * 0.01 * sqrt(2)) - 1), rel=1e-4)
    one, hundred = (log(1 + floor(1.0).over(starts) / 100) for starts in (1, 100))
    assert one / hundred == pytest.approx(10)


def test_one_start_shows_no_scatter() -> None:
    with pytest.raises(ValueError, match="no scatter"):
        floor_percent(0.01, 1)


def test_of_two_results_the_noisier_one_counts() -> None:
    assert noisier([]) is None
    assert noisier([floor(1.0), floor(3.0), floor(2.0)]) == floor(3.0)
    assert noisier([floor(1.0, 3), floor(1.0, 30)]) == floor(1.0, 3)
    assert noisier([floor(1.0), None]) is None


def test_a_scatter_beyond_all_bounds_has_a_number_all_the_same() -> None:
    assert floor_percent(1e9, 3) == 1e6
