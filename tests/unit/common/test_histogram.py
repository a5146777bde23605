"""Buckets and percentiles against numpy and against the bounds that the layouts promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.histogram import COARSE, FINE, MOST_VALUE, Int64s, Layout, nearest_rank, percentile

LAYOUTS = pytest.mark.parametrize("layout", [FINE, COARSE], ids=["fine", "coarse"])
quick = settings(max_examples=60, deadline=None)
values = st.lists(st.integers(0, MOST_VALUE), min_size=1, max_size=200).map(lambda v: np.array(v, np.int64))


def test_the_layouts_keep_what_they_promise() -> None:
    assert FINE.relative_error < 0.001 / 2
    assert COARSE.relative_error < 0.01


@LAYOUTS
def test_small_values_have_a_bucket_each(layout: Layout) -> None:
    small = np.arange(1 << layout.bits)
    assert layout.buckets(small).tolist() == small.tolist()
    assert layout.values(small).tolist() == small.tolist()


@LAYOUTS
def test_every_bucket_holds_its_own_middle(layout: Layout) -> None:
    everything = np.arange(layout.size)
    assert np.array_equal(layout.buckets(layout.values(everything)), everything)


@LAYOUTS
def test_values_too_large_count_in_the_last_bucket(layout: Layout) -> None:
    assert layout.buckets(np.array([MOST_VALUE, MOST_VALUE + 1, 1 << 62])).tolist() == [layout.size - 1] * 3


@LAYOUTS
def test_octaves_join_without_a_gap(layout: Layout) -> None:
    for power in range(layout.bits, 41):
        below, at = layout.buckets(np.array([(1 << power) - 1, 1 << power]))
        assert at == below + 1


@LAYOUTS
@quick
@given(values=values)
def test_a_bucket_is_within_the_relative_error_of_its_values(layout: Layout, values: Int64s) -> None:
    error = np.abs(layout.values(layout.buckets(values)) - values)
    assert (error <= values * layout.relative_error).all()


@LAYOUTS
@quick
@given(values=values)
def test_larger_values_never_have_smaller_buckets(layout: Layout, values: Int64s) -> None:
    assert (np.diff(layout.buckets(np.sort(values))) >= 0).all()


@LAYOUTS
@quick
@given(values=values)
def test_a_histogram_counts_every_value_once(layout: Layout, values: Int64s) -> None:
    counts = layout.count(values)
    assert counts.shape == (layout.size,)
    assert counts.sum() == len(values)
    for value in values:
        assert counts[layout.buckets(np.array([value]))[0]] > 0


@LAYOUTS
@quick
@given(values=values, percent=st.sampled_from([0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_a_percentile_is_within_the_relative_error_of_numpys(layout: Layout, values: Int64s, percent: float) -> None:
    exact = np.percentile(values, percent, method="inverted_cdf")
    assert abs(percentile(layout, layout.count(values), percent) - exact) <= exact * layout.relative_error


@quick
@given(count=st.integers(1, 10**9), percent=st.integers(0, 1000).map(lambda tenths: tenths / 10))
def test_nearest_rank_is_the_closed_form_in_exact_arithmetic(count: int, percent: float) -> None:
    exact = -(-count * round(percent * 10) // 1000) - 1
    assert nearest_rank(count, percent) == max(0, exact)


def test_a_percent_without_an_exact_binary_form_adds_no_rank() -> None:
    assert math.ceil(41_000 * 99.9 / 100) == 40_960  # what the plain formula makes of 40959.00000000001
    assert nearest_rank(41_000, 99.9) == 40_959 - 1
