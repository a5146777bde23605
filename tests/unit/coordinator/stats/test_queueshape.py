from math import log

import numpy as np
import pytest

from ovbench.coordinator.stats.queueshape import QueueShape, Services
from tests.closedforms import Law, p_of_latency

CONSTANT = Services.of({50: 1.0, 99: 1.0}, 1.0)
EXPONENTIAL = Services.of({percent: -log(1 - percent / 100) for percent in (50, 90, 95, 99, 99.9)}, 1.0)


def test_services_have_the_percentiles_and_the_mean_that_were_measured() -> None:
    found = Services.of({50: 4.0, 90: 5.0, 99: 8.0}, 4.2)
    shares = np.cumsum(found.weights)
    assert found.mean == pytest.approx(4.2, rel=0.02)
    for percent, time in ((50, 4.0), (90, 5.0), (99, 8.0)):
        assert found.times[np.searchsorted(shares, percent / 100)] == pytest.approx(time, rel=0.02)


def test_constant_services_do_not_vary_and_exponential_ones_as_their_mean_squared() -> None:
    assert CONSTANT.squared_variation == pytest.approx(0, abs=1e-6)
    assert EXPONENTIAL.squared_variation == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("load", [0.6, 0.8, 0.95])
@pytest.mark.parametrize(
    ("law", "servers", "services", "within"),
    [("exponential", 4, EXPONENTIAL, 0.02), ("deterministic", 1, CONSTANT, 0.11), ("deterministic", 4, CONSTANT, 0.11)],
)
def test_percentiles_are_near_those_of_closed_forms(
    law: Law, servers: int, services: Services, within: float, load: float
) -> None:
    shape = QueueShape(servers, services, 99)
    found = float(np.interp(load, shape.loads, shape.latencies))
    assert found == pytest.approx(p_of_latency(law, servers, 1.0, load * servers, 99), rel=within)


def test_arrivals_in_bursts_wait_longer_and_regular_ones_less() -> None:
    bursts, regular = (QueueShape(2, EXPONENTIAL, 99, variation) for variation in (4.0, 0.0))
    middle = QueueShape(2, EXPONENTIAL, 99)
    assert bursts.latencies[-1] > middle.latencies[-1] > regular.latencies[-1]


@pytest.mark.parametrize("load", [0.1, 0.5, 0.7, 0.9, 0.95])
def test_a_machine_that_is_a_percent_slower_is_a_percent_higher_at_every_load(load: float) -> None:
    shape = QueueShape(4, EXPONENTIAL, 99)
    latencies = [float(np.interp(at, shape.loads, shape.latencies)) for at in (load, 1.01 * load)]
    assert shape.height(1.01 * latencies[1]) - shape.height(latencies[0]) == pytest.approx(0.01, rel=0.25)


def test_the_load_of_a_latency_is_where_the_percentile_is_that() -> None:
    shape = QueueShape(4, EXPONENTIAL, 99)
    latency = float(np.interp(0.8, shape.loads, shape.latencies))
    assert shape.load_at(latency) == pytest.approx(0.8, rel=1e-3)
    assert shape.heights_at(np.array([0.8]))[0] == pytest.approx(shape.height(latency), rel=1e-3)


def test_what_a_window_shows_is_less_than_the_long_run_close_to_saturation_and_the_same_far_from_it() -> None:
    """Of M/D/2 with services of 4 ms, in windows of 10 s, medians of 400 simulated ones: 0.985 of it at 60 %, 0.96 at
    80, 0.85 at 90 and 0.70 at 95 %."""
    shape = QueueShape(2, Services.of({50: 4.0, 99: 4.0}, 4.0), 99)
    seen = shape.seen_in(10_000.0)
    ratios = [
        float(np.interp(load, seen.loads, seen.latencies) / np.interp(load, shape.loads, shape.latencies))
        for load in (0.6, 0.8, 0.9, 0.95)
    ]
    assert ratios == pytest.approx([0.985, 0.96, 0.85, 0.70], abs=0.03)


def test_a_window_tells_loads_beyond_saturation_apart() -> None:
    seen = QueueShape(2, CONSTANT, 99).seen_in(10_000.0)
    latency = seen.latencies[np.searchsorted(seen.loads, 1.1)]
    assert latency == pytest.approx(0.1 * 10_000 * 0.99, rel=0.2)
    assert seen.load_at(float(latency)) == pytest.approx(1.1, rel=0.02)


def test_a_window_is_worked_out_once() -> None:
    shape = QueueShape(2, CONSTANT, 99)
    assert shape.seen_in(10.0) is shape.seen_in(10.0)
    assert shape.seen_in(None) is shape
    assert shape.seen_in(10.0) != shape.seen_in(20.0)
