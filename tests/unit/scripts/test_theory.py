"""Closed forms against tabulated values, against formulas of another kind, and against queues that are computed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.arrivals import Arrivals, Poisson, Stage
from ovbench.common.offsets import offsets_ns
from ovbench.coordinator.request.nullbackend import parse_null
from scripts.bench import theory
from scripts.bench.atrate import ideal_waits
from tests.nullservices import service_times

loads = st.floats(0.01, 0.95)
some_loads = pytest.mark.parametrize("load", [0.1, 0.5, 0.6, 0.9, 0.95])


@pytest.mark.parametrize(
    ("servers", "load", "waiting"),
    [(1, 0.8, 0.8), (2, 0.5, 1 / 3), (2, 0.8, 0.7111), (3, 0.8, 0.6472), (4, 0.8, 0.5964), (10, 0.8, 0.4092)],
)
def test_erlangs_c_is_as_tabulated(servers: int, load: float, waiting: float) -> None:
    assert theory.erlang_c(servers, load) == pytest.approx(waiting, abs=1e-4)


@given(loads)
def test_one_server_of_exponential_services_is_the_queue_of_textbooks(load: float) -> None:
    waits = theory.exponential(1, load)
    assert waits.mean == pytest.approx(load / (1 - load))
    assert waits.median == pytest.approx(max(0.0, math.log(2 * load) / (1 - load)))


@some_loads
def test_constant_services_wait_half_as_long_on_average(load: float) -> None:
    """Pollaczek and Khinchine: the mean is in proportion to 1 + CV^2 of the services."""
    assert theory.constant(load).mean == pytest.approx(theory.exponential(1, load).mean / 2)


@some_loads
def test_the_distribution_for_constant_services_starts_with_the_share_that_need_not_wait(load: float) -> None:
    """None waits with probability 1 - load; and up to one service the distribution is (1 - load) exp(load t)."""
    waits = theory.constant(load)
    assert (waits.median == 0) == (load <= 0.5)
    if 0 < waits.median <= 1:
        assert (1 - load) * math.exp(load * waits.median) == pytest.approx(0.5)


@given(loads)
def test_arrivals_dealt_to_one_are_those_of_poisson(load: float) -> None:
    assert theory.dealt(1, load) == pytest.approx(theory.exponential(1, load), abs=1e-6)


@given(st.integers(2, 8), loads)
def test_dealing_in_turn_shortens_waits_and_never_below_those_of_equal_gaps(stages: int, load: float) -> None:
    many = theory.dealt(10_000, load)
    assert many.mean <= theory.dealt(stages, load).mean <= theory.exponential(1, load).mean


@pytest.mark.parametrize("service", ["1000", "1000,exp"])
@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_what_ovbench_schedules_and_serves_is_that_queue(load: float, service: str) -> None:
    """Its arrivals and the services of its null device, in an ideal queue: within three deviations."""
    count = 100_000
    rate = load * 1e3
    dues = offsets_ns(Arrivals(Poisson(), (Stage(count / rate, rate, rate),), seed=3))
    services = service_times(parse_null(f"null:{service}").of_agent(0, 1), len(dues))
    waits = ideal_waits(dues, services) / 1e6
    exponential = service.endswith("exp")
    expected = theory.exponential(1, load) if exponential else theory.constant(load)
    share = 3 * theory.deviation(load, len(dues), exponential)
    assert waits.mean() == pytest.approx(expected.mean, rel=share)
    assert np.percentile(waits, 99) == pytest.approx(expected.p99, rel=2 * share)


def test_the_deviation_is_that_of_many_computed_queues() -> None:
    """Of 200 means of 4,000 waits each: their own scatter is known to 1 in sqrt(400)."""
    random, load, count = np.random.default_rng(5), 0.5, 4_000
    means = []
    for _ in range(200):
        dues = np.cumsum(random.exponential(1e6 / load, count)).astype(np.int64)
        services = random.exponential(1e6, count).astype(np.int64)
        means.append(ideal_waits(dues, services).mean() / 1e6)
    assert np.std(means) / (load / (1 - load)) == pytest.approx(theory.deviation(load, count), rel=4 / math.sqrt(400))


def test_a_stall_makes_those_wait_that_are_due_in_it_and_shortly_after() -> None:
    """200 ms at one every 5 ms, services of 1 ms: waits of 199, 195 and so on to 3 ms, 50 in all."""
    latencies = theory.stalled_latencies(1.0, 5.0, 200.0, 600)
    assert list(latencies[-3:]) == [192.0, 196.0, 200.0]
    assert list(latencies[-51:-48]) == [1.0, 4.0, 8.0]
    assert set(latencies[:-50]) == {1.0}
