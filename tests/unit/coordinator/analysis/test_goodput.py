"""How many inferences kept the limits of their latency."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.goodput import goodput_of, within_by_slice
from ovbench.coordinator.analysis.offered import Offered
from ovbench.coordinator.request.slo import Objective, parse_objectives
from tests.builders import folded, ms, seconds

Int64s = npt.NDArray[np.int64]

NONE = np.empty(0, np.int64)


def lasting(*milliseconds: float) -> SampleArray:
    """Inferences that were due a second apart, and waited for half of their latency."""
    dues = np.arange(len(milliseconds), dtype=np.int64) * seconds(1)
    latencies = np.asarray([ms(each) for each in milliseconds], np.int64)
    return SampleArray.of(dues + latencies // 2, dues + latencies, dues)


def test_goodput_is_what_completed_within_the_limit_the_limit_included() -> None:
    found = goodput_of([lasting(5, 10, 10.000001, 20)], parse_objectives("10"), 4, 2.0)
    assert found is not None
    assert (found.slo_ms, found.share, found.per_s) == (10.0, 0.5, 1.0)


def test_what_never_completed_is_not_within() -> None:
    found = goodput_of([lasting(5, 10)], parse_objectives("10"), 8, 1.0)
    assert found is not None
    assert (found.share, found.per_s) == (0.25, 2.0)


def test_the_first_objective_stands_for_all_and_each_is_judged_by_its_own_percentile() -> None:
    found = goodput_of([lasting(1, 2, 3, 4)], parse_objectives("p75:3,p76:3,p100:4,2"), 4, 1.0)
    assert found is not None
    assert (found.slo_ms, found.share) == (3.0, 0.75)
    assert [(one.share, one.met) for one in found.objectives] == [(0.75, True), (0.75, False), (1.0, True), (0.5, None)]


def test_each_objective_has_the_latency_at_its_percentile() -> None:
    found = goodput_of([lasting(4, 1), lasting(3, 2)], parse_objectives("p75:2,p76:9,5"), 4, 1.0)
    assert found is not None
    assert [(one.latency_ms, one.at_least_ms) for one in found.objectives] == [(3.0, None), (4.0, None), (None, None)]


def test_among_those_that_never_completed_a_percentile_is_known_only_not_to_be_below_something() -> None:
    """What completed last, or what they had waited for already, whichever is longer."""
    missing = np.asarray([ms(9), ms(1)], np.int64)
    found = goodput_of([lasting(2, 4)], parse_objectives("p50:5,p75:5,p100:5"), 4, 1.0, at_least=missing)
    assert found is not None
    known = [(one.latency_ms, one.at_least_ms, one.met) for one in found.objectives]
    assert known == [(4.0, None, True), (None, 4.0, False), (None, 9.0, False)]


def test_where_nothing_completed_the_bounds_are_all_there_is() -> None:
    found = goodput_of([], parse_objectives("p50:5"), 2, 1.0, at_least=np.asarray([ms(8), ms(7)], np.int64))
    assert found is not None
    assert [(one.latency_ms, one.at_least_ms) for one in found.objectives] == [(None, 7.0)]


def test_of_folded_samples_the_percentile_is_the_histogram_s() -> None:
    latencies = np.random.default_rng(2).exponential(ms(5), 20_000).astype(np.int64) + 1
    ends = np.cumsum(np.full(len(latencies), ms(1))) + seconds(1)
    data = np.stack([ends - latencies, ends], axis=1)
    found = goodput_of([], parse_objectives("p97:9"), 20_000, 1.0, [folded(data, 0)])
    assert found is not None
    exact = np.sort(latencies)[19_399] / ms(1)
    assert found.objectives[0].latency_ms == pytest.approx(exact, rel=5e-4)


@given(some.lists(some.floats(0.001, 100), min_size=1, max_size=30), some.floats(0.1, 100), some.floats(0.001, 100))
def test_an_objective_is_met_where_its_percentile_is_within_the_limit(
    milliseconds: list[float], percent: float, limit_ms: float
) -> None:
    found = goodput_of([lasting(*milliseconds)], (Objective(limit_ms, percent),), len(milliseconds), 1.0)
    assert found is not None
    one = found.objectives[0]
    assert one.latency_ms is not None
    assert one.met == (one.latency_ms <= limit_ms)


@pytest.mark.parametrize(("objectives", "offered", "length_s"), [("", 4, 1.0), ("5", 0, 1.0), ("5", 4, 0.0)])
def test_without_objectives_or_arrivals_there_is_no_goodput(objectives: str, offered: int, length_s: float) -> None:
    wanted = parse_objectives(objectives) if objectives else ()
    assert goodput_of([lasting(1)], wanted, offered, length_s) is None


@pytest.mark.parametrize("limit_ms", [0.5, 5.0, 50.0])
def test_of_folded_samples_the_histogram_says_how_many_were_within(limit_ms: float) -> None:
    latencies = np.random.default_rng(1).exponential(ms(5), 20_000).astype(np.int64) + 1
    ends = np.cumsum(np.full(len(latencies), ms(1))) + seconds(1)
    data = np.stack([ends - latencies, ends], axis=1)
    found = goodput_of([lasting(1, 1)], (Objective(limit_ms),), 20_002, 1.0, [folded(data, 0)])
    near = [np.count_nonzero(latencies <= ms(limit_ms) * error) for error in (0.9995, 1.0005)]
    assert found is not None
    assert near[0] <= found.per_s - 2 * (limit_ms >= 1) <= near[1]


def test_of_a_slice_it_is_what_was_due_in_it() -> None:
    offered = Offered(lasting(5, 1500, 10, 11), NONE, NONE, seconds(9))
    edges = np.asarray([0, 1, 2, 3, 4], np.int64) * seconds(1)
    assert within_by_slice(offered, Objective(10.0), edges).tolist() == [1, 0, 1, 0]
    assert within_by_slice(offered, Objective(2000.0), edges[::2]).tolist() == [2, 2]


@given(some.lists(some.floats(0.001, 100), max_size=30), some.floats(0.001, 100))
def test_slices_add_up_to_the_whole(milliseconds: list[float], limit_ms: float) -> None:
    samples, limit = lasting(*milliseconds), Objective(limit_ms)
    whole = goodput_of([samples], (limit,), len(samples), 1.0)
    edges = np.linspace(0, seconds(30), 8).astype(np.int64)
    parts = within_by_slice(Offered(samples, NONE, NONE, 0), limit, edges)
    assert parts.sum() == pytest.approx(0 if whole is None else whole.per_s)
