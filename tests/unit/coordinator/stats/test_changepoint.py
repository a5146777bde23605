"""Which build is the first slow one: the probabilities by hand, and differences as least squares has them."""

from math import exp, log, sqrt

import numpy as np
import pytest

from ovbench.coordinator.stats.changepoint import difference, places
from ovbench.coordinator.stats.student import t_within

SIZE = log(1.02)


def by_hand(blocks: list[dict[int, float]], builds: int) -> tuple[float, list[float]]:
    """Each hypothesis by itself, from its own residuals."""
    steps = [exp(x) for x in np.linspace(log(SIZE), log(log(100)), 48)]
    freedom = sum(len(block) - 1 for block in blocks) + 2

    def weight(first: int, step: float) -> float:
        squares = 2 * 0.01**2
        for block in blocks:
            left = [value - step * (build >= first) for build, value in block.items()]
            squares += sum((one - sum(left) / len(left)) ** 2 for one in left)
        return float(squares ** (-freedom / 2))

    def of_any_size(first: int, sign: float) -> float:
        return sum(weight(first, sign * step) / len(steps) for step in steps) / (builds - 1)

    none = weight(builds, 0.0) + sum(of_any_size(first, -1.0) for first in range(1, builds))
    each = [of_any_size(first, 1.0) for first in range(1, builds)]
    total = none + sum(each)
    return none / total, [one / total for one in each]


BLOCKS = [{0: 0.00, 4: 0.06}, {0: 1.01, 4: 1.05}, {0: 0.5, 2: 0.503, 4: 0.551}, {0: 0.2, 2: 0.21, 4: 0.26}]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_probabilities_are_those_of_each_hypothesis_by_itself(number: int) -> None:
    found = places(BLOCKS[:number], 5, SIZE)
    none, each = by_hand(BLOCKS[:number], 5)
    assert found.none == pytest.approx(none)
    assert found.first == pytest.approx((0.0, *each))
    assert found.none + sum(found.first) == pytest.approx(1.0)


def test_nothing_is_known_before_anything_was_measured() -> None:
    found = places([], 5, SIZE)
    assert found.none == pytest.approx(2 / 3)
    assert found.first == pytest.approx((0.0, *4 * [1 / 12]))


def test_builds_that_were_not_measured_are_equally_probable() -> None:
    found = places(BLOCKS, 5, SIZE)
    assert found.first[1] == pytest.approx(found.first[2])
    assert found.first[3] == pytest.approx(found.first[4])
    assert found.slow(2) < 0.1 < 0.9 < found.slow(4)


def test_a_build_that_is_faster_is_not_slower() -> None:
    assert places([{0: 0.0, 1: -0.05}] * 8, 2, SIZE).none > 0.99
    assert places([{0: 0.0, 1: log(0.6)}] * 3, 2, SIZE).none > 0.99


def test_the_difference_of_two_builds_that_shared_all_blocks_is_students() -> None:
    logs = [0.05, 0.07, 0.04, 0.06]
    found = difference([{0: float(n), 1: n + one} for n, one in enumerate(logs)], 0, 1, 0.98)
    assert found is not None
    half = t_within(3, 0.98) * float(np.std(logs, ddof=1)) / sqrt(4)
    assert found.value == pytest.approx(0.055)
    assert (found.low, found.high) == pytest.approx((0.055 - half, 0.055 + half))


def test_builds_that_shared_no_block_are_compared_by_those_that_both_were_beside() -> None:
    found = difference([{0: 0.0, 1: 0.1}, {0: 5.0, 2: 5.3}], 1, 2, 0.98)
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert found.low is None


def test_builds_that_nothing_connects_are_not_compared() -> None:
    assert difference([{0: 0.0, 1: 0.1}, {2: 5.0, 3: 5.3}], 1, 2, 0.98) is None
    assert difference([{0: 0.0, 1: 0.1}], 0, 2, 0.98) is None


def test_the_interval_of_an_unbalanced_design_is_numpys_least_squares() -> None:
    draw = np.random.default_rng(3)
    blocks = [{0: float(draw.normal()), 2: float(draw.normal()), **({1: 0.3} if n % 2 else {})} for n in range(5)]
    found = difference(blocks, 1, 2, 0.95)
    assert found is not None
    rows = [(n, build, value) for n, block in enumerate(blocks) for build, value in block.items()]
    # Build 0 is the reference, so that the design has full rank.
    design = np.array([[*(n == m for m in range(5)), build == 1, build == 2] for n, build, _ in rows], float)
    values = np.array([value for *_, value in rows])
    levels, squares, _, _ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(rows) - 7
    covariance = np.linalg.inv(design.T @ design) * squares[0] / freedom
    spread = sqrt(covariance[5, 5] + covariance[6, 6] - 2 * covariance[5, 6])
    assert found.value == pytest.approx(levels[6] - levels[5])
    assert found.high == pytest.approx(levels[6] - levels[5] + t_within(freedom, 0.95) * spread)
