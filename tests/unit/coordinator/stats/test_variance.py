"""Variance components against textbook sums, and against what values were drawn by."""

from math import sqrt

import numpy as np
import pytest

from ovbench.coordinator.stats.variance import pooled_variance, scatter_of


def test_equal_groups_have_the_mean_squares_of_a_one_way_analysis() -> None:
    """By hand: means 2, 5, 8 about 5; within (1+0+1)/2 = 1 in each; between (n s^2 of means - within) / n."""
    found = scatter_of([(1, 2, 3), (4, 5, 6), (7, 8, 9)])
    assert found is not None
    assert found.within == pytest.approx(1.0)
    assert found.between == pytest.approx(sqrt(9 - 1 / 3))
    assert found.of_groups == pytest.approx(3.0)
    assert found.groups == 3


def test_groups_of_unequal_size_weigh_by_their_size() -> None:
    """(2, 4) and (9): mean 5; squares between 2 * 4 + 16 = 24, within 2; n0 = 3 - 5/3 = 4/3."""
    found = scatter_of([(2, 4), (9,)])
    assert found is not None
    assert found.within == pytest.approx(sqrt(2))
    assert found.between == pytest.approx(sqrt((24 - 2) / (4 / 3)))


def test_groups_that_differ_by_less_than_their_own_scatter_explains_do_not_differ() -> None:
    found = scatter_of([(1, 9), (2, 8), (0, 10)])
    assert found is not None
    assert (found.between, found.of_groups) == (0.0, 0.0)


@pytest.mark.parametrize("groups", [[], [(1, 2, 3)], [(1,), (2,)], [(), (1, 2)]])
def test_without_two_groups_or_two_values_in_one_nothing_is_known(groups: list[tuple[float, ...]]) -> None:
    assert scatter_of(groups) is None


def test_values_alone_in_their_group_pool_nothing() -> None:
    assert pooled_variance([(1,), (5,)]) is None
    assert pooled_variance([(1, 3), (5, 5, 5), (7,)]) == pytest.approx(2 / 3)


def test_drawn_components_are_found() -> None:
    draw = np.random.default_rng(1)
    squares = []
    for _ in range(400):
        starts = draw.normal(0, 0.02, 6)
        found = scatter_of([list(start + draw.normal(0, 0.01, 4)) for start in starts])
        assert found is not None
        squares.append((found.within**2, found.of_groups**2))
    within, of_groups = np.mean(squares, axis=0)
    assert within == pytest.approx(0.01**2, rel=0.05)
    assert of_groups == pytest.approx(0.02**2 + 0.01**2 / 4, rel=0.08)
