"""Student's and Fisher's distributions, against published tables and closed forms."""

from math import inf, sqrt

import numpy as np
import pytest

from ovbench.coordinator.stats.student import f_tail, incomplete_beta, t_quantile


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
