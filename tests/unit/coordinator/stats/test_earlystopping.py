"""Early stopping, against LoadGen's own values, the binomial distribution and what 99 % confidence promises."""

import json
from fractions import Fraction
from math import comb, sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.coordinator.stats.earlystopping import CONFIDENCE, estimate, fewest_queries

GOLDEN: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("golden_earlystopping.json").read_text())
"""What LoadGen says; `tests/differential/loadgen.py` made it."""

PERCENTILES: Final = st.sampled_from([0.5, 0.9, 0.95, 0.97, 0.99, 0.999])


@pytest.mark.parametrize("percentile", GOLDEN["fewest_queries"])
def test_as_many_queries_are_needed_as_loadgen_needs(percentile: str) -> None:
    expected = dict(GOLDEN["fewest_queries"][percentile])
    assert {over: fewest_queries(over, float(percentile)) for over in expected} == expected


@pytest.mark.parametrize("percentile", GOLDEN["discarded"])
def test_as_many_latencies_are_discarded_as_loadgen_discards(percentile: str) -> None:
    expected = dict(GOLDEN["discarded"][percentile])
    assert {queries: estimate(queries, float(percentile)).discarded for queries in expected} == expected


def test_the_counts_of_mlperfs_rules_are_those_of_one_query_over() -> None:
    """64 and 662 stand in its rules, and 662 in `mlperf.conf` as the least of multi-stream."""
    assert estimate(63, 0.9).needed == estimate(64, 0.9).needed == 64
    assert fewest_queries(1, 0.99) == 662


@pytest.mark.parametrize(("over", "percent"), [(0, 90), (1, 90), (7, 90), (40, 90), (3, 50), (2, 99), (5, 97)])
def test_the_queries_needed_are_the_first_at_which_so_few_over_have_a_probability_below_one_percent(
    over: int, percent: int
) -> None:
    def probability(queries: int) -> Fraction:
        p = Fraction(percent, 100)
        return sum((comb(queries, k) * p ** (queries - k) * (1 - p) ** k for k in range(over + 1)), Fraction(0))

    needed = fewest_queries(over, percent / 100)
    assert probability(needed) < Fraction(1, 100) <= probability(needed - 1)


@given(queries=st.integers(1, 10**7), percentile=PERCENTILES)
def test_an_estimate_is_the_lowest_latency_that_enough_queries_are_within(queries: int, percentile: float) -> None:
    """It and those discarded are over every lower latency, so they are few, and with one more they would not be."""
    found = estimate(queries, percentile)
    if found.discarded is None:
        assert queries < fewest_queries(1, percentile)
    else:
        over = found.discarded + 1
        assert fewest_queries(over, percentile) <= queries < fewest_queries(over + 1, percentile)


def test_of_very_many_queries_so_many_are_discarded_as_the_normal_distribution_has_it() -> None:
    """Ten minutes at a million per second; 2.3263 standard deviations are exceeded by 1 %."""
    queries, percentile = 600_000_000, 0.99
    discarded = estimate(queries, percentile).discarded
    expected = queries * (1 - percentile) - 2.3263 * sqrt(queries * percentile * (1 - percentile))
    assert discarded == pytest.approx(expected, abs=2)


def test_an_estimate_is_below_the_true_percentile_in_no_more_than_one_run_of_a_hundred() -> None:
    runs, queries, percentile = 20_000, 200, 0.9
    latencies = np.sort(np.random.default_rng(1).random((runs, queries)), axis=1)
    discarded = estimate(queries, percentile).discarded
    assert discarded is not None
    too_low = np.mean(latencies[:, queries - 1 - discarded] < percentile)
    by_chance = 3 * sqrt(CONFIDENCE * (1 - CONFIDENCE) / runs)
    assert 0.001 < too_low < 1 - CONFIDENCE + by_chance
