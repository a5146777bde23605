"""Means with intervals, against published tables and draws from known distributions."""

from math import inf, sqrt

import numpy as np
import pytest

from ovbench.coordinator.study.estimate import bound, differ, estimate, f_tail, incomplete_beta, t_quantile


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [
        (0.975, 1, 12.7062047364),
        (0.975, 2, 4.30265272991),
        (0.975, 5, 2.57058183564),
        (0.975, 10, 2.22813885196),
        (0.975, 30, 2.04227245630),
        (0.975, 1000, 1.96233908082),
        (0.99, 9, 2.82143792502),
        (0.995, 9, 3.24983554159),
        (0.9, 3, 1.63774435370),
    ],
)
def test_quantiles_of_t_are_those_of_the_tables(probability: float, freedom: float, expected: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)


def test_with_five_degrees_of_freedom_t_is_the_inverse_of_its_finite_sum() -> None:
    """Abramowitz and Stegun 26.7.3."""
    angle = np.arctan(t_quantile(0.975, 5) / sqrt(5))
    within = 2 / np.pi * (angle + np.sin(angle) * (np.cos(angle) + 2 / 3 * np.cos(angle) ** 3))
    assert within == pytest.approx(0.95, rel=1e-12)


@pytest.mark.parametrize("probability", [0.51, 0.9, 0.975, 0.9999])
def test_with_one_and_two_degrees_of_freedom_t_has_closed_forms(probability: float) -> None:
    tail = 2 * probability - 1
    assert t_quantile(probability, 1) == pytest.approx(np.tan(np.pi * tail / 2), rel=1e-9)
    assert t_quantile(probability, 2) == pytest.approx(sqrt(2) * tail / sqrt(1 - tail * tail), rel=1e-9)


def test_with_very_many_degrees_of_freedom_t_is_normal() -> None:
    assert t_quantile(0.975, 1e6) == pytest.approx(1.959963985, abs=1e-5)


@pytest.mark.parametrize(("probability", "freedom"), [(0.5, 3), (1.0, 3), (0.9, 0)])
def test_a_quantile_that_does_not_exist_is_refused(probability: float, freedom: float) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        t_quantile(probability, freedom)


@pytest.mark.parametrize(
    ("ratio", "above", "below", "tail"),
    [(4.10282102, 2, 10, 0.05), (5.14325285, 2, 6, 0.05), (2.71088984, 5, 20, 0.05), (5.63632619, 5, 10, 0.01)],
)
def test_tails_of_f_are_those_of_the_tables(ratio: float, above: int, below: int, tail: float) -> None:
    assert f_tail(ratio, above, below) == pytest.approx(tail, rel=1e-6)


def test_an_f_without_bound_has_no_tail() -> None:
    assert f_tail(inf, 2, 10) == 0.0


def test_the_incomplete_beta_is_the_power_where_it_is_one() -> None:
    for x in (0.0, 0.1, 0.5, 0.99, 1.0):
        assert incomplete_beta(x, 3, 1) == pytest.approx(x**3, rel=1e-12)
        assert incomplete_beta(x, 1, 4) == pytest.approx(1 - (1 - x) ** 4, rel=1e-12)


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


def test_equal_means_are_told_apart_in_5_of_100_draws_though_their_scatter_differs() -> None:
    draw = np.random.default_rng(2)
    told = sum(bool(differ(draw.normal(100, 1, 5).tolist(), draw.normal(100, 4, 5).tolist())) for _ in range(1000))
    assert 0.035 <= told / 1000 <= 0.065


def test_what_was_not_repeated_cannot_be_told_apart() -> None:
    assert differ([1.0], [2.0, 2.1]) is None
    assert differ([1.0, 1.1], [2.0]) is None


def test_means_without_scatter_are_told_apart_if_they_differ() -> None:
    assert differ([1.0, 1.0], [2.0, 2.0]) is True
    assert differ([2.0, 2.0], [2.0, 2.0]) is False


def test_an_end_that_no_float_holds_is_no_bound() -> None:
    assert bound(2.0) == pytest.approx(7.389056)
    assert bound(1000.0) is None
