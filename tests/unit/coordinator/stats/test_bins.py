"""Bins against numpy's own rule, and where that has no answer."""

import numpy as np
import pytest

from ovbench.coordinator.stats.bins import MOST_BINS, WIDE, bin_edges


def test_the_bins_of_a_narrow_range_are_numpys_by_the_same_rule() -> None:
    values = np.random.default_rng(1).normal(10, 1, 4000)
    expected = np.histogram_bin_edges(values, "fd")
    first, third = np.percentile(values, [25, 75])
    assert bin_edges(values.min(), values.max(), (first, third), len(values)) == pytest.approx(expected)


def test_the_bins_of_a_wide_range_are_those_of_the_logarithms() -> None:
    values = np.random.default_rng(1).lognormal(2, 1, 500)
    assert values.max() > WIDE * values.min()
    first, third = np.exp(np.percentile(np.log(values), [25, 75]))
    edges = bin_edges(values.min(), values.max(), (first, third), len(values))
    assert np.log(edges) == pytest.approx(np.histogram_bin_edges(np.log(values), "fd"))
    assert (edges[0], edges[-1]) == (values.min(), values.max())


def test_where_most_samples_are_equal_there_are_as_many_bins_as_can_be_seen() -> None:
    assert len(bin_edges(1.0, 2.0, (1.0, 1.0), 10**6)) == MOST_BINS + 1


def test_equal_samples_have_one_bin() -> None:
    assert bin_edges(3.0, 3.0, (3.0, 3.0), 9).tolist() == [3.0, 3.0]
