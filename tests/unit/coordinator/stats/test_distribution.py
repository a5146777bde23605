"""Few points that stand for all latencies, against numpy's percentiles of all."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.histogram import FINE, Int64s, nearest_rank
from ovbench.coordinator.stats.distribution import (
    PERCENTS,
    SAMPLE,
    TAIL,
    distribution,
    distribution_of_counts,
    percents_of,
    sample_of,
)
from tests.builders import delivered, finished, folded, ms, pairs, report, run, seconds


def skewed(count: int) -> Int64s:
    return np.random.default_rng(7).lognormal(14, 0.6, count).astype(np.int64)


def points(values: Int64s) -> Int64s:
    mine = values.copy()
    sample = sample_of(mine)
    mine.partition(nearest_rank(len(mine), TAIL))
    return distribution(sample, mine)


def expected(values: Int64s) -> Int64s:
    """Nearest rank by exact fractions: numpy's own percentile adds a rank where 99.8 % of the count is whole."""
    ordered, count = np.sort(values), len(values)
    ranks = [ceil(Fraction(str(percent)) * count / 100) - 1 for percent in percents_of(count)]
    return ordered[np.maximum(ranks, 0)]


def test_the_percents_ascend_and_have_eight_for_each_nine() -> None:
    assert list(PERCENTS) == sorted(set(PERCENTS))
    for low, high in ((90, 99), (99, 99.9), (99.9, 99.99), (99.99, 99.999)):
        assert sum(low <= percent < high for percent in PERCENTS) == 8


@pytest.mark.parametrize(("count", "last"), [(1, 1), (10, 90), (99, 98.5), (100, 99), (1000, 99.9), (10**6, 99.9999)])
def test_the_last_percent_is_the_last_beyond_which_there_is_a_sample(count: int, last: float) -> None:
    assert percents_of(count)[-1] == last


def test_there_are_fewer_than_100_points_for_a_billion_samples() -> None:
    assert len(percents_of(10**9)) < 100


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300))
def test_what_is_not_too_much_is_exact(values: list[int]) -> None:
    array = np.asarray(values, np.int64)
    assert points(array).tolist() == expected(array).tolist()


def test_of_many_values_the_tail_is_exact_and_the_body_nearly() -> None:
    values = skewed(8 * SAMPLE)
    percents = np.asarray(percents_of(len(values)))
    found = points(values)
    tail = percents >= TAIL
    assert found[tail].tolist() == expected(values)[tail].tolist()
    # Where each point really lies, in percent: five standard errors of the rank, of 0.2 % at most.
    ranks = 100 * np.searchsorted(np.sort(values), found[~tail], side="right") / len(values)
    assert np.abs(ranks - percents[~tail]).max() < 1.0
    assert (np.diff(found) >= 0).all()


def test_to_draw_a_sample_leaves_the_values_as_they_are() -> None:
    values = skewed(2 * SAMPLE)
    before = values.copy()
    assert len(sample_of(values)) == SAMPLE
    assert (values == before).all()


def test_a_histogram_gives_the_same_within_its_error() -> None:
    values = skewed(50_000)
    found = distribution_of_counts(FINE.count(values))
    assert np.abs(found / expected(values) - 1).max() <= FINE.relative_error


def test_the_report_has_the_distribution_of_all_and_of_each_agent() -> None:
    latencies = [ms(1 + index % 100) for index in range(1000)]
    ends = [seconds(1) + ms(10) * (index + 1) for index in range(1000)]
    slow = delivered(1, data=pairs(ends, latencies))
    shape = report(run([delivered(0), slow])).latency_distribution
    assert shape is not None
    assert shape.percents == percents_of(2000)
    assert shape.agents["0"] == (10.0,) * len(percents_of(1000))
    assert shape.agents["1"] == tuple(float(max(1, np.ceil(percent))) for percent in percents_of(1000))
    both = np.sort(np.concatenate([np.full(1000, 10.0), np.asarray(latencies) / 1e6]))
    assert shape.merged == tuple(expected(np.rint(both * 1e6).astype(np.int64)) / 1e6)


def test_the_distribution_of_folded_samples_lies_between_the_extremes() -> None:
    data = pairs(seconds(1) + ms(10) * np.arange(1, 1001), skewed(1000))
    agent = delivered(0, data=data[:0], load=finished(completed=1000))
    facts = report(run([replace(agent, folded=(folded(data, seconds(1)),))]))
    assert facts.latency_distribution is not None
    assert facts.latency_ms is not None
    merged = np.asarray(facts.latency_distribution.merged)
    exact = expected(data[:, 1] - data[:, 0]) / 1e6
    assert np.abs(merged / exact - 1).max() <= FINE.relative_error
    assert facts.latency_ms.min <= merged[0] <= merged[-1] <= facts.latency_ms.max


def test_of_more_than_64_agents_only_the_whole_has_a_distribution() -> None:
    shape = report(run([delivered(id, cpus=(0,)) for id in range(65)])).latency_distribution
    assert shape is not None
    assert shape.agents == {}
    assert shape.merged
