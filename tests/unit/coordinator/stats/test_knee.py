"""The knee of latency against rate, against closed forms."""

from math import sqrt

import numpy as np
import pytest

from ovbench.coordinator.stats.knee import knee
from tests.closedforms import mean_wait_s, p_of_latency

GRID = [share / 100 for share in (*range(10, 100, 10), 95)]


def test_of_one_exponential_server_it_is_half_of_what_can_be_served() -> None:
    """Its percentiles grow as 1 / (capacity - rate), so power is a parabola."""
    latencies = [p_of_latency("exponential", 1, 1.0, rate, 99) for rate in GRID]
    assert knee(GRID, latencies) == pytest.approx(0.5, abs=1e-9)


def test_of_one_constant_server_it_is_where_the_closed_form_has_it() -> None:
    """The mean latency is 1 + rho / (2 (1 - rho)); rho over it is largest at 2 - sqrt(2)."""
    latencies = [1 + mean_wait_s("deterministic", 1, 1.0, rate) for rate in GRID]
    assert knee(GRID, latencies) == pytest.approx(2 - sqrt(2), rel=0.03)


@pytest.mark.parametrize("servers", [2, 4])
def test_of_several_servers_it_is_where_power_is_largest(servers: int) -> None:
    rates = [servers * rate for rate in GRID]
    fine = np.linspace(0.3 * servers, 0.99 * servers, 300)
    power = [rate / p_of_latency("exponential", servers, 1.0, float(rate), 99) for rate in fine]
    found = knee(rates, [p_of_latency("exponential", servers, 1.0, rate, 99) for rate in rates])
    assert found == pytest.approx(float(fine[int(np.argmax(power))]), rel=0.03)


def test_its_unit_does_not_matter() -> None:
    latencies = [1 / (1.1 - rate) for rate in GRID]
    found = knee(GRID, latencies)
    assert found is not None
    assert knee([500 * rate for rate in GRID], [7 * one for one in latencies]) == pytest.approx(500 * found)


@pytest.mark.parametrize(
    "latencies",
    [[1.0] * len(GRID), [rate**2 for rate in GRID], [1.0, 2.0]],
    ids=["latency does not grow", "latency grows faster from the lowest rate on", "two rates"],
)
def test_where_none_is_seen_none_is_named(latencies: list[float]) -> None:
    assert knee(GRID[: len(latencies)], latencies) is None


def test_noise_moves_it_by_little() -> None:
    draw = np.random.default_rng(3)
    clean = [p_of_latency("exponential", 1, 1.0, rate, 99) for rate in GRID]
    noisy = [[one * float(draw.normal(1, 0.1)) for one in clean] for _ in range(200)]
    found = [one for latencies in noisy if (one := knee(GRID, latencies)) is not None]
    assert len(found) >= 196
    assert np.mean(found) == pytest.approx(0.5, abs=0.01)
    assert np.std(found) < 0.06
