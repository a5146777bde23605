"""Intervals against tables, exact sums, and simulated runs of which the truth is known."""

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from ovbench.common.histogram import nearest_rank
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.stats.uncertainty import effective_count, grouped, rank_bounds, rate_half_width, samples_needed
from tests.builders import pairs, piece_of, recording, seconds

Floats = npt.NDArray[np.float64]

# Samples needed


@pytest.mark.parametrize(
    ("percentile", "over", "needed"),
    [(99, 0, 459), (99, 1, 662), (90, 0, 44), (90, 1, 64), (50, 0, 7), (99.9, 0, 4603)],
)
def test_samples_needed_are_those_that_mlperf_states(percentile: float, over: int, needed: int) -> None:
    """64 and 662 are the least query counts of its single-stream and multi-stream scenarios; 459 its formula."""
    assert samples_needed(percentile, 99, over) == needed


@pytest.mark.parametrize(("percent", "confidence", "over"), [(99, 99, 3), (95, 90, 0), (97, 99, 12), (50, 99, 5)])
def test_samples_needed_are_the_least_by_the_exact_sum(percent: int, confidence: int, over: int) -> None:
    def at_most(count: int) -> Fraction:
        above = Fraction(100 - percent, 100)
        return sum((math.comb(count, k) * above**k * (1 - above) ** (count - k) for k in range(over + 1)), Fraction())

    needed = samples_needed(percent, confidence, over)
    assert at_most(needed) <= Fraction(100 - confidence, 100) < at_most(needed - 1)


@pytest.mark.parametrize(("percent", "confidence"), [(100, 99), (0, 99), (99, 100), (99, 0)])
def test_no_number_of_samples_shows_the_impossible(percent: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        samples_needed(percent, confidence)


# Order statistics


def exact_bounds(count: int, percent: int) -> tuple[int | None, int | None]:
    """By the sums themselves, in fractions."""
    share, tail = Fraction(percent, 1000), Fraction(25, 1000)
    masses = [math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(count + 1)]
    low = max((k for k in range(1, count + 1) if sum(masses[:k]) <= tail), default=None)
    high = min((k for k in range(1, count + 1) if sum(masses[k:]) <= tail), default=None)
    return None if low is None else low - 1, None if high is None else high - 1


@pytest.mark.parametrize("count", [1, 5, 6, 20, 100])
@pytest.mark.parametrize("tenths", [500, 900, 990])
def test_bounds_are_the_ranks_of_the_exact_binomial_distribution(count: int, tenths: int) -> None:
    assert rank_bounds(count, tenths / 10, count) == exact_bounds(count, tenths)


def test_the_bounds_of_a_median_of_a_hundred_are_those_of_the_textbook() -> None:
    assert rank_bounds(100, 50.0, 100) == (39, 60)


@pytest.mark.parametrize("percent", [50.0, 90.0, 99.0, 99.9])
def test_many_samples_have_the_bounds_of_the_normal_distribution(percent: float) -> None:
    count = 10**8
    low, high = rank_bounds(count, percent, count)
    assert low is not None
    assert high is not None
    reach = 1.95996 * math.sqrt(count * percent / 100 * (1 - percent / 100))
    assert nearest_rank(count, percent) - low == pytest.approx(reach, rel=0.01, abs=3)
    assert high - nearest_rank(count, percent) == pytest.approx(reach, rel=0.01, abs=3)


def test_a_percentile_that_the_samples_cannot_show_has_no_upper_bound() -> None:
    low, high = rank_bounds(500, 99.9, 500)
    assert low is not None
    assert high is None
    assert rank_bounds(5, 50.0, 5) == (None, None)
    assert rank_bounds(5, 100.0, 5) == (None, None)


def test_fewer_independent_samples_have_wider_bounds_at_the_same_place() -> None:
    assert rank_bounds(10_000, 50.0, 100) == (3999, 6099)


def test_samples_that_scatter_like_independent_ones_count_nearly_whole() -> None:
    """Each cell has exactly its share, so nothing is taken off; one cell with all of them leaves little."""
    counts = np.full(40, 100)
    assert effective_count(np.full(40, 90), counts) == 4000
    apart = np.where(np.arange(40) < 36, 100, 0)
    assert (effective_count(apart, counts) or 0) < 20
    assert effective_count(np.full(3, 90), np.full(3, 100)) is None
    assert effective_count(counts, counts) == 4000


# Throughput


def test_a_rate_has_the_interval_of_its_batch_means() -> None:
    amounts = np.arange(8.0)
    expected = 2.364624 * amounts.std(ddof=1) / math.sqrt(8)
    assert rate_half_width(amounts, np.ones(8)) == pytest.approx(expected, rel=1e-6)
    assert rate_half_width(np.repeat(amounts, 5) / 5, np.full(40, 0.2)) == pytest.approx(expected, rel=1e-6)


def test_cells_of_unequal_length_are_no_scatter() -> None:
    lengths = np.asarray([1.0, 2.0, 1.0, 0.5, 3.0])
    assert rate_half_width(7 * lengths, lengths) == pytest.approx(0, abs=1e-9)


def test_three_cells_show_nothing() -> None:
    assert rate_half_width(np.ones(3), np.ones(3)) is None


def test_groups_hold_everything_once() -> None:
    values = np.arange(11.0)
    for parts in range(1, 12):
        assert grouped(values, parts).sum() == values.sum()
        assert len(grouped(values, parts)) == parts


# Coverage: how often 95 % intervals hold the truth


def autocorrelated(random: np.random.Generator, phi: float, runs: int, length: int) -> Floats:
    """AR(1) of unit variance: [runs, length]."""
    values = random.normal(size=(runs, length))
    values[:, 1:] *= math.sqrt(1 - phi * phi)
    for at in range(1, length):
        values[:, at] += phi * values[:, at - 1]
    return values


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6, 0.8, 0.9])
def test_intervals_of_autocorrelated_rates_cover_the_truth(phi: float) -> None:
    runs = 100 + 3 * autocorrelated(np.random.default_rng(1), phi, 2000, 256)
    lengths = np.ones(256)
    within = [abs(run.mean() - 100) <= (rate_half_width(run, lengths) or 0) for run in runs]
    assert 0.90 <= np.mean(within) <= 0.99


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("percent", "truth"), [(50.0, 0.0), (90.0, 1.281552), (99.0, 2.326348)])
def test_intervals_of_percentiles_of_autocorrelated_latencies_cover_the_truth(
    phi: float, percent: float, truth: float
) -> None:
    within = []
    for run in autocorrelated(np.random.default_rng(2), phi, 400, 4000):
        ordered = np.sort(run)
        limit = ordered[nearest_rank(len(run), percent)]
        effective = effective_count((run <= limit).reshape(40, -1).sum(axis=1), np.full(40, 100))
        low, high = rank_bounds(len(run), percent, effective or 0)
        within.append((low is None or ordered[low] <= truth) and (high is None or truth <= ordered[high]))
    assert 0.90 <= np.mean(within) <= 0.99


def load(random: np.random.Generator, requests: int, mean_s: float, phi: float, slow: float, fast: float) -> Merged:
    """Closed loops for two seconds: service times that a slow disturbance, common to all, and a fast one multiply.

    `slow`, `fast`: standard deviations of their logarithms; `mean_s` is the mean service time.
    """
    count = round(2.6 / mean_s)
    drift = slow * autocorrelated(random, phi, 1, count)[0] - slow**2 / 2
    pieces = []
    for request in range(requests):
        times = mean_s * np.exp(drift + random.normal(-(fast**2) / 2, fast, count))
        ends = np.cumsum(times * 1e9).astype(np.int64) - int(random.integers(0, round(mean_s * 1e9)))
        pieces.append(piece_of(request, 0, pairs(ends, (times * 1e9).astype(np.int64))))
    return merge([recording(0, seconds(0.2), seconds(2.2), *pieces)])


@pytest.mark.parametrize(
    ("requests", "about_s", "phi", "slow", "fast"),
    [
        (1, 0.002, 0.0, 0.0, 0.3),
        (1, 0.002, 0.95, 0.05, 0.02),
        (1, 0.0173, 0.0, 0.0, 0.0001),
        (4, 0.0173, 0.0, 0.0, 0.01),
    ],
    ids=["noisy", "slowly modulated", "nearly constant", "four nearly constant"],
)
def test_intervals_of_simulated_loads_cover_the_true_throughput(
    requests: int, about_s: float, phi: float, slow: float, fast: float
) -> None:
    random = np.random.default_rng(3)
    within = []
    for _ in range(200):
        # However many inferences fit the window, the last is cut at any share of it.
        mean_s = about_s * random.uniform(0.95, 1.05)
        interval = load(random, requests, mean_s, phi, slow, fast).fps_ci95
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        within.append(interval.low <= requests / mean_s <= interval.high)
    assert 0.90 <= np.mean(within) <= 0.99
