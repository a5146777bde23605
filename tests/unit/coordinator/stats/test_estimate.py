"""Means with intervals, against draws from known distributions."""

from math import exp, log, sqrt

import numpy as np
import pytest

from ovbench.coordinator.stats.estimate import bound, estimate, geometric, plain_mean


def test_a_mean_has_student_s_interval() -> None:
    found = estimate([9.0, 10.0, 11.0])
    half = 4.30265272991 / sqrt(3)
    assert (found.value, found.count) == (10.0, 3)
    assert found.low == pytest.approx(10 - half)
    assert found.high == pytest.approx(10 + half)


def test_one_value_has_no_interval() -> None:
    found = estimate([7.0])
    assert (found.value, found.low, found.high, found.count) == (7.0, None, None, 1)


def test_intervals_hold_the_mean_in_95_of_100_draws() -> None:
    draw = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        found = estimate(draw.normal(100, 3, 4).tolist())
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 100 <= found.high
    assert 0.935 <= hits / 1000 <= 0.965


def test_a_geometric_mean_has_student_s_interval_of_its_logarithm() -> None:
    found = geometric([50.0, 100.0, 200.0])
    half = 4.30265272991 * log(2) / sqrt(3)
    assert found.value == pytest.approx(100.0)
    assert found.low == pytest.approx(100 * exp(-half))
    assert found.high == pytest.approx(100 * exp(half))
    assert geometric([7.0]) == estimate([7.0])
    assert geometric([0.1, 0.1]).value == 0.1, "to the last bit"


def test_an_end_that_no_float_holds_is_no_bound() -> None:
    assert bound(2.0) == pytest.approx(7.389056)
    assert bound(1000.0) is None


def test_a_plain_mean_of_nothing_is_nothing() -> None:
    assert plain_mean(iter([1.0, 2.0, 6.0])) == 3.0
    assert plain_mean([]) == 0.0
