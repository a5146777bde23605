"""From latencies to figures: of all of them, of histograms, and the intervals of either."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.histogram import Int64s, nearest_rank
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.latency import (
    INTERVALS,
    PERCENTILES,
    Latency,
    folded_latency,
    intervals_of,
    latency_of,
)
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.stats.distribution import percents_of
from ovbench.coordinator.stats.uncertainty import effective_count, rank_bounds
from tests.builders import folded, in_part_folded, ms, pairs, recording, spread, steady

quick = settings(max_examples=60, deadline=None)
latencies_ns = st.lists(st.integers(0, 10**11), min_size=1, max_size=300)


def figures_of(values: Int64s, chosen: float = 50.0) -> Latency:
    found = latency_of(values.copy(), chosen)
    assert found is not None
    return found


def with_folded(data: Int64s, chosen: float = 50.0) -> Latency:
    head, middle, tail = in_part_folded(data)
    exact = [SampleArray(part).latencies for part in (head, tail)]
    found, histogram = folded_latency(exact, [middle], chosen)
    assert found is not None
    assert histogram.sum() == len(data)
    return found


@quick
@given(latencies=latencies_ns, chosen=st.integers(1, 100), near=st.booleans())
def test_figures_are_those_of_numpy(latencies: list[int], chosen: int, near: bool) -> None:
    values = np.array(latencies)
    found = latency_of(np.array(latencies), chosen, near)
    assert found is not None
    assert found.exact
    assert found.count == len(values)
    assert (found.min, found.max) == (values.min() / 1e6, values.max() / 1e6)
    assert found.mean == pytest.approx(values.mean() / 1e6, rel=1e-12)
    assert found.stddev == pytest.approx(values.std() / 1e6, rel=1e-9, abs=1e-9)
    expected = [np.percentile(values, p, method="inverted_cdf") / 1e6 for p in (*PERCENTILES, chosen)]
    assert [*found.percentiles, found.chosen] == expected


def test_nothing_has_no_latency() -> None:
    assert latency_of(np.empty(0, np.int64), 50.0) is None
    assert latency_of(np.empty(0, np.int64), 50.0, at_least=np.array([7])) is None
    latency, histogram = folded_latency([], [], 50.0)
    assert latency is None
    assert not histogram.any()


# What never completed

bounds_ns = st.lists(st.integers(0, 10**11), min_size=1, max_size=300)


@quick
@given(latencies=latencies_ns, at_least=bounds_ns, chosen=st.integers(1, 100), near=st.booleans())
def test_what_never_completed_is_longer_than_all_that_did(
    latencies: list[int], at_least: list[int], chosen: int, near: bool
) -> None:
    found = latency_of(np.array(latencies), chosen, near, np.array(at_least))
    assert found is not None
    assert (found.count, found.missing, found.total) == (len(latencies), len(at_least), len(latencies + at_least))
    assert found.min == min(latencies) / 1e6
    assert (found.mean, found.stddev, found.max) == (None, None, None)
    longer = [max(bound, *latencies) for bound in at_least]
    inflated, bounded = sorted(latencies) + [None] * len(at_least), sorted(latencies + longer)
    assert found.at_least["max"] == bounded[-1] / 1e6
    assert found.at_least["mean"] == pytest.approx(sum(bounded) / len(bounded) / 1e6)
    for name, percent, value in zip(INTERVALS, (*PERCENTILES, chosen), (*found.percentiles, found.chosen), strict=True):
        rank = nearest_rank(len(bounded), percent)
        expected = inflated[rank]
        assert value == (None if expected is None else expected / 1e6)
        assert found.least(name) == (bounded[rank] if expected is None else expected) / 1e6
        assert (name in found.at_least) == (value is None)


def test_what_a_lost_agent_took_is_not_below_what_is_known() -> None:
    """Of 9 that took 1 to 9 ms and 3 of which nothing is known, the mean and each unknown percentile lie at the end."""
    values = np.arange(1, 10, dtype=np.int64) * ms(1)
    found = latency_of(values, 50.0, at_least=np.zeros(3, np.int64))
    assert found is not None
    assert found.percentiles[0] == 6.0
    assert {found.at_least[name] for name in ("p90", "p95", "p99", "p99_9", "max")} == {9.0}
    assert found.at_least["mean"] == (45 + 3 * 9) / 12


LONG: Final = 1 << 58
"""A wait in ns of which 32 have a sum beyond int64."""


def test_the_mean_of_many_long_waits_does_not_overflow() -> None:
    values = np.full(100, LONG, np.int64)
    exact = latency_of(values.copy(), 50.0)
    folded_one, _ = folded_latency([values], [], 50.0)
    bounded = latency_of(values[:1].copy(), 50.0, at_least=values)
    folded_bounded, _ = folded_latency([values[:1]], [], 50.0, values)
    for found in (exact, folded_one, bounded, folded_bounded):
        assert found is not None
        assert found.least("mean") == pytest.approx(LONG / 1e6)


@quick
@given(latencies=latencies_ns, at_least=bounds_ns, truth=st.lists(st.integers(0, 10**10), max_size=300))
def test_no_bound_is_above_what_the_figure_would_have_been(
    latencies: list[int], at_least: list[int], truth: list[int]
) -> None:
    """Had all completed in the end: after their bounds, and after those that did."""
    later = [max(bound, *latencies) + more for bound, more in zip(at_least, truth + [0] * len(at_least), strict=False)]
    found = latency_of(np.array(latencies), 50.0, at_least=np.array(at_least))
    would = figures_of(np.array(latencies + later))
    assert found is not None
    for name in (*INTERVALS, "mean", "max"):
        assert found.least(name) <= would.least(name) * (1 + 1e-12)
    for one, other in zip(found.percentiles, would.percentiles, strict=True):
        assert one in (None, other)


def test_a_histogram_knows_what_is_not_known_as_exact_samples_do() -> None:
    data = spread(20_000)
    at_least = np.arange(500, dtype=np.int64) * ms(1)
    head, middle, tail = in_part_folded(data)
    exact = [SampleArray(part).latencies for part in (head, tail)]
    found, _ = folded_latency(exact, [middle], 97.0, at_least)
    expected = latency_of(SampleArray(data).latencies, 97.0, at_least=at_least)
    assert found is not None
    assert expected is not None
    assert [value is None for value in found.percentiles] == [False, False, False, True, True]
    assert found.percentiles[:3] == pytest.approx(expected.percentiles[:3], rel=0.001)
    assert found.at_least == pytest.approx(expected.at_least, rel=0.001)
    assert len(found.distribution) == len(expected.distribution)


def test_the_distribution_ends_where_it_is_not_known() -> None:
    values = np.arange(1000, dtype=np.int64) * ms(1)
    found = latency_of(values, 50.0, at_least=np.full(1000, ms(1)))
    assert found is not None
    known = [percent for percent in percents_of(2000) if percent <= 50]
    assert found.distribution == tuple(20 * percent - 1 for percent in known)


# Histograms


@pytest.mark.parametrize("chosen", [1, 50, 73, 100])
def test_the_chosen_percentile_of_a_histogram_is_within_a_thousandth(chosen: int) -> None:
    data = spread(20_000)
    value = np.percentile(data[:, 1] - data[:, 0], chosen, method="inverted_cdf") / 1e6
    assert with_folded(data, chosen).chosen == pytest.approx(value, rel=0.001)


@pytest.mark.parametrize("seed", range(3))
def test_a_histogram_gives_percentiles_within_a_thousandth_of_the_exact_ones(seed: int) -> None:
    data = spread(20_000, seed)
    found = with_folded(data)
    assert not found.exact
    assert found.percentiles == pytest.approx(figures_of(data[:, 1] - data[:, 0]).percentiles, rel=0.001)


def test_a_histogram_keeps_count_extremes_mean_and_deviation_exact() -> None:
    data = spread(20_000)
    whole, found = figures_of(data[:, 1] - data[:, 0]), with_folded(data)
    assert (found.count, found.min, found.max) == (whole.count, whole.min, whole.max)
    assert found.mean == pytest.approx(whole.mean, rel=1e-12)
    assert found.stddev == pytest.approx(whole.stddev, rel=1e-9)


@quick
@given(latency=st.integers(1, 10**11), count=st.integers(1, 50))
def test_no_percentile_lies_outside_of_min_and_max(latency: int, count: int) -> None:
    """The middle of a bucket may: of equal latencies every percentile is that latency."""
    found, _ = folded_latency([], [folded(pairs(range(count), [latency] * count), 0)], 50.0)
    assert found is not None
    assert found.min == found.max == latency / 1e6
    assert set(found.percentiles) == {found.max}


# Intervals


@quick
@given(seed=st.integers(0, 10**6), count=st.integers(40, 3_000), chosen=st.integers(1, 99), bits=st.integers(0, 30))
def test_the_bounds_of_intervals_are_at_their_ranks_of_all_values_sorted(
    seed: int, count: int, chosen: int, bits: int
) -> None:
    """Of values that are sorted no further than needed; with no `bits` there are only equal ones."""
    values = np.random.default_rng(seed).integers(0, 2**bits, count)
    ordered, cells = np.sort(values), np.array_split(values, 40)
    percents = (*PERCENTILES, float(chosen))
    limits = [ordered[nearest_rank(count, percent)] for percent in percents]
    below = np.array([[(cell <= limit).sum() for cell in cells] for limit in limits])
    counts = np.array([len(cell) for cell in cells])
    expected = {}
    for name, percent, row in zip(INTERVALS, percents, below, strict=True):
        bounds = rank_bounds(count, percent, effective_count(row, counts) or 0)
        expected[name] = Interval(*(None if rank is None else ordered[rank] / 1e6 for rank in bounds))
    latency_of(values, chosen, near=True)
    assert intervals_of(values, list(below), counts, chosen) == expected


def test_an_interval_from_a_histogram_is_about_that_of_the_samples_themselves() -> None:
    random = np.random.default_rng(2)
    latencies = random.lognormal(15, 0.3, 3400).astype(np.int64)
    data = pairs(np.cumsum(latencies), latencies)
    stop = int(data[-1, 1])
    exact = merge([recording(0, 0, stop, data)]).latency
    found = merge([recording(0, 0, stop, data[:500], data[3000:], rest=(folded(data[500:3000], 0),))]).latency
    assert exact is not None
    assert found is not None
    assert set(exact.ci95) == set(found.ci95) == {"median", "p90", "p95", "p99", "p99_9", "chosen"}
    for name in ("median", "p90"):
        for one, other in (
            (exact.ci95[name].low, found.ci95[name].low),
            (exact.ci95[name].high, found.ci95[name].high),
        ):
            assert other == pytest.approx(one, rel=0.03)


def test_an_interval_holds_its_percentile() -> None:
    random = np.random.default_rng(3)
    latencies = random.lognormal(15, 0.3, 3000).astype(np.int64)
    latency = merge([recording(0, 0, int(latencies.sum()), pairs(np.cumsum(latencies), latencies))], 10.0).latency
    assert latency is not None
    values = (*latency.percentiles, latency.chosen)
    for value, interval in zip(values, latency.ci95.values(), strict=True):
        assert value is not None
        assert interval.low is not None
        assert interval.low <= value <= (interval.high or value)


def test_the_interval_of_equal_latencies_is_their_value_also_in_a_histogram() -> None:
    data = steady(0, 12_345_678, 800)
    stop = int(data[-1, 1])
    load = recording(0, 0, stop, data[:100], data[700:], rest=(folded(data[100:700], 0),))
    latency = merge([load]).latency
    assert latency is not None
    assert (latency.ci95["median"].low, latency.ci95["median"].high) == (12.345678, 12.345678)
