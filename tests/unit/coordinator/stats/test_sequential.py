"""The grid of looks, and whether the interval that ends a load holds: simulated loads of which the truth is known."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.clock import NS_PER_S
from ovbench.common.histogram import COARSE
from ovbench.coordinator.stats.estimate import Estimate
from ovbench.coordinator.stats.sequential import FIRST_NS, Grid, Look, half_width_percent, percentile_at, ratio_at

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

MINUTE = Grid.of(60 * NS_PER_S)
LOADS = 400
MARGIN = 0.02
"""Two standard errors of a coverage of 95 % in so many loads, about."""

# The grid


@given(st.integers(min_value=1, max_value=10**16))
def test_a_grid_ends_where_the_load_does_and_its_looks_are_on_edges(most_ns: int) -> None:
    grid = Grid.of(most_ns)
    edges = grid.edges_ns
    assert (edges[0], edges[-1]) == (0, most_ns)
    assert list(edges) == sorted(set(edges))
    assert [edges[look.cells] for look in grid.looks] == [look.at_ns for look in grid.looks]
    assert grid.looks[-1].at_ns == most_ns
    assert sum(1 - look.confidence for look in grid.looks) == pytest.approx(0.05)


@given(st.integers(min_value=FIRST_NS, max_value=10**16))
def test_a_grid_has_few_cells_and_batches_of_about_equal_length(most_ns: int) -> None:
    grid = Grid.of(most_ns)
    assert len(grid.edges_ns) <= 64 + 32 * math.log2(most_ns / FIRST_NS + 1)
    edges = np.array(grid.edges_ns)
    for look in grid.looks:
        lengths = np.diff(edges[list(look.batches)]) / look.at_ns * (len(look.batches) - 1)
        assert lengths.min() >= 0.4
        assert lengths.max() <= 1.6


def test_looks_come_at_instants_that_grow_by_a_half_and_a_third_in_turn() -> None:
    assert [look.at_ns / NS_PER_S for look in MINUTE.looks] == [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 60]


def test_a_look_shortly_before_the_last_one_is_left_out() -> None:
    assert [look.at_ns for look in Grid.of(2 * NS_PER_S + 1).looks] == [2 * NS_PER_S + 1]


def test_a_short_load_has_one_look_with_all_of_the_confidence() -> None:
    (look,) = Grid.of(NS_PER_S // 2).looks
    assert look.confidence == 0.95
    assert len(look.batches) == 9


# Intervals


def test_a_rate_is_what_was_done_before_the_look() -> None:
    amounts = np.where(np.arange(len(MINUTE.seconds)) < 32, 100.0, 0.0) * MINUTE.seconds
    assert ratio_at(MINUTE.looks[0], amounts, MINUTE.seconds, 200) == Estimate(100.0, 100.0, 100.0, 200)


def test_too_few_inferences_have_no_interval() -> None:
    few = np.ones((len(MINUTE.seconds), 1), np.int64)
    assert ratio_at(MINUTE.looks[0], MINUTE.seconds, MINUTE.seconds, 99) is None
    assert percentile_at(MINUTE.looks[0], np.asarray([1]), few, 50.0) is None
    assert percentile_at(MINUTE.looks[0], np.zeros(0, np.int64), few[:, :0], 50.0) is None


def test_latencies_that_are_all_alike_are_known_to_the_nanosecond() -> None:
    alike = np.full((len(MINUTE.seconds), 1), 50)
    assert percentile_at(MINUTE.looks[0], np.asarray([700]), alike, 99.0) == Estimate(700.0, 700.0, 700.0, 1600)


def test_a_percentile_with_too_few_beyond_it_has_no_upper_bound() -> None:
    counts = np.random.default_rng(1).multinomial(6, [1 / 100] * 100, len(MINUTE.seconds))
    found = percentile_at(MINUTE.looks[0], np.arange(100), counts, 99.9)
    assert found is not None
    assert found.high is None
    assert half_width_percent(found) is None


def test_the_width_is_that_of_the_further_end() -> None:
    assert half_width_percent(Estimate(100.0, 98.0, 103.0)) == pytest.approx(3.0)
    assert half_width_percent(Estimate(100.0, 95.0, 103.0)) == pytest.approx(5.0)
    assert half_width_percent(Estimate(0.0, 0.0, 0.0)) is None


# Coverage of the interval that ends the load


def end(look_at: Callable[[Look], Estimate | None], percent: float, naive: bool = False) -> Estimate:
    """The interval of the first look at which it is narrow enough, or of the last one; each of 95 % if `naive`."""
    found: Estimate | None = None
    for look in MINUTE.looks:
        found = look_at(replace(look, confidence=0.95) if naive else look)
        width = None if found is None else half_width_percent(found)
        if width is not None and width <= percent:
            break
    assert found is not None
    return found


def covered(ends: Iterator[Estimate], truth: float) -> float:
    """The share of intervals that have it; without a bound on a side it is not beyond that."""
    held = [(one.low is None or one.low <= truth) and (one.high is None or truth <= one.high) for one in ends]
    return sum(held) / len(held)


def rates(phi: float, percent: float, naive: bool = False) -> Iterator[Estimate]:
    """Of loads whose rate goes by AR(1) about 1,000 with the same scatter whatever phi is, 64 values a second."""
    random = np.random.default_rng(7)
    values = np.cumsum(MINUTE.seconds * 64).astype(int)
    noise = random.standard_normal((values[-1], LOADS)) * math.sqrt(1 - phi * phi)
    noise[0] /= math.sqrt(1 - phi * phi)
    for at in range(1, len(noise)):
        noise[at] += phi * noise[at - 1]
    done = np.add.reduceat((1000 + 150 * noise) / 64, [0, *values[:-1]], axis=0)
    for amounts in done.T:
        yield end(partial(ratio_at, amounts=amounts, sizes=MINUTE.seconds, count=2000), percent, naive)


CASES = [(0.0, 3.0), (0.0, 1.0), (0.5, 3.0), (0.5, 2.0), (0.9, 8.0), (0.9, 4.0)]


@pytest.mark.parametrize(("phi", "percent"), CASES)
def test_the_interval_of_a_rate_at_the_end_holds(phi: float, percent: float) -> None:
    assert covered(rates(phi, percent), 1000.0) >= 0.95 - MARGIN


@pytest.mark.parametrize(("phi", "percent"), CASES)
def test_looks_at_95_percent_each_would_not_hold(phi: float, percent: float) -> None:
    assert covered(rates(phi, percent, naive=True), 1000.0) < 0.95 - MARGIN


SERVICE_NS, LOAD = 1e6, 0.7


@pytest.fixture(scope="module")
def queues() -> tuple[Int64s, list[Int64s]]:
    """Times in the system of an M/M/1 queue in its steady state, as COARSE histograms: [buckets], [cells, buckets]."""
    random = np.random.default_rng(11)
    loads, arrivals = 150, 43_000
    service = random.exponential(SERVICE_NS, (arrivals, loads))
    gaps = random.exponential(SERVICE_NS / LOAD, (arrivals, loads))
    wait = np.where(random.random(loads) < LOAD, random.exponential(SERVICE_NS / (1 - LOAD), loads), 0.0)
    times = np.empty((arrivals, loads))
    for at in range(arrivals):
        times[at] = wait + service[at]
        wait = np.maximum(0.0, times[at] - gaps[at])
    buckets = COARSE.buckets(times.astype(np.int64))
    low, high = int(buckets.min()), int(buckets.max()) + 1
    cells = np.searchsorted(MINUTE.edges_ns, np.cumsum(gaps, axis=0), side="right") - 1
    found = []
    for cell, bucket in zip(cells.T, buckets.T, strict=True):
        shape = len(MINUTE.seconds), high - low
        within = cell < shape[0]
        flat = np.bincount(cell[within] * shape[1] + bucket[within] - low, minlength=shape[0] * shape[1])
        found.append(flat.reshape(shape))
    return COARSE.values(np.arange(low, high)), found


def quantiles(queues: tuple[Int64s, list[Int64s]], percent: float, width: float, naive: bool) -> float:
    values, counts = queues
    truth = -math.log(1 - percent / 100) * SERVICE_NS / (1 - LOAD)
    looks = (partial(percentile_at, values=values, counts=one, percent=percent) for one in counts)
    return covered((end(look, width, naive) for look in looks), truth)


@pytest.mark.parametrize(("percent", "width"), [(50.0, 10.0), (90.0, 15.0), (99.0, 25.0)])
def test_the_interval_of_a_queues_percentile_at_the_end_holds(
    queues: tuple[Int64s, list[Int64s]], percent: float, width: float
) -> None:
    assert quantiles(queues, percent, width, naive=False) >= 0.95 - MARGIN


def test_looks_at_95_percent_each_would_not_hold_for_a_queue(queues: tuple[Int64s, list[Int64s]]) -> None:
    assert quantiles(queues, 50.0, 10.0, naive=True) < quantiles(queues, 50.0, 10.0, naive=False)
