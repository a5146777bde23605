"""The closed forms that measurements and searches are held against, by other closed forms and by simulation."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from scripts.bench.atrate import ideal_waits
from scripts.bench.theory import exponential
from tests.closedforms import Law, mean_wait_s, p_of_latency, queue_lengths, rate_at, share_within

SERVICE_S = 0.004
LOADS = (0.3, 0.6, 0.9, 0.98)


@pytest.mark.parametrize("load", LOADS)
def test_one_server_of_equal_services_is_erlangs(load: float) -> None:
    for percent in (50, 90, 99, 99.9):
        latency_s = p_of_latency("deterministic", 1, SERVICE_S, load / SERVICE_S, percent)
        at_once = latency_s == pytest.approx(SERVICE_S)
        assert at_once or _erlangs_share(load, latency_s / SERVICE_S - 1) == pytest.approx(percent / 100, abs=1e-9)
        assert at_once == (percent / 100 < 1 - load)
    assert mean_wait_s("deterministic", 1, SERVICE_S, load / SERVICE_S) == pytest.approx(
        SERVICE_S * load / (2 * (1 - load)), rel=1e-9
    )


@pytest.mark.parametrize("load", LOADS)
def test_one_server_of_exponential_services_has_an_exponential_latency(load: float) -> None:
    for percent in (50, 90, 99, 99.9):
        latency_s = p_of_latency("exponential", 1, SERVICE_S, load / SERVICE_S, percent)
        assert latency_s == pytest.approx(-SERVICE_S * math.log(1 - percent / 100) / (1 - load), rel=1e-9)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("servers", [2, 4, 16, 64])
def test_the_mean_wait_of_exponential_services_is_erlangs_c(servers: int, load: float) -> None:
    known = exponential(servers, load)
    rate = servers * load / SERVICE_S
    assert mean_wait_s("exponential", servers, SERVICE_S, rate) == pytest.approx(SERVICE_S * known.mean, rel=1e-9)


@pytest.mark.parametrize("servers", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("load", LOADS)
def test_queues_of_equal_services_are_in_balance(servers: int, load: float) -> None:
    """A service later the queue is what it was, with what arrived and without what was served: to the last digits."""
    queue = queue_lengths(servers, servers * load)
    arrivals = np.array(
        [math.exp(k * math.log(servers * load) - servers * load - math.lgamma(k + 1)) for k in range(400)]
    )
    later = np.convolve(queue, arrivals)
    served = np.concatenate([[later[: servers + 1].sum()], later[servers + 1 :]])[: queue.size]
    assert np.abs(served - queue).max() < 1e-12


@pytest.mark.parametrize(
    ("law", "servers", "load"), [("deterministic", 4, 0.8), ("deterministic", 3, 0.5), ("exponential", 4, 0.8)]
)
def test_simulated_queues_have_these_latencies(law: Law, servers: int, load: float) -> None:
    random, count = np.random.default_rng(7), 150_000
    service_ns = round(SERVICE_S * 1e9)
    dues = np.cumsum(random.exponential(service_ns / servers / load, count)).astype(np.int64)
    services = (
        np.full(count, service_ns) if law == "deterministic" else random.exponential(service_ns, count).astype(int)
    )
    latencies_s = (ideal_waits(dues, services, servers) + services) / 1e9
    for percent in (50, 90, 99):
        known_s = p_of_latency(law, servers, SERVICE_S, servers * load / SERVICE_S, percent)
        assert np.percentile(latencies_s, percent) == pytest.approx(known_s, rel=0.06)
        share = share_within(law, servers, SERVICE_S, servers * load / SERVICE_S, known_s)
        assert (latencies_s <= known_s * (1 + 1e-12)).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("law", ["deterministic", "exponential"])
@pytest.mark.parametrize("servers", [1, 4, 16])
def test_the_rate_at_a_limit_is_the_one_at_which_the_percentile_is_the_limit(law: Law, servers: int) -> None:
    for load in (0.9, 0.95, 0.98):
        rate = servers * load / SERVICE_S
        limit_s = p_of_latency(law, servers, SERVICE_S, rate, 99)
        assert rate_at(law, servers, SERVICE_S, limit_s, 99) == pytest.approx(rate, rel=1e-9)


def test_no_rate_meets_a_limit_below_the_service() -> None:
    assert rate_at("deterministic", 2, SERVICE_S, SERVICE_S * 0.99, 99) == 0
    assert share_within("deterministic", 2, SERVICE_S, 10, SERVICE_S * 0.99) == 0


def test_more_than_can_be_served_is_never_answered_in_time() -> None:
    assert share_within("exponential", 2, SERVICE_S, 2 / SERVICE_S, 1) == 0


def _erlangs_share(load: float, time: float) -> float:
    """Of M/D/1 that waits for at most so many services: an alternating sum, which takes many digits."""
    with localcontext(prec=250):
        rate = Decimal(load)
        terms = (
            (-rate * (Decimal(time) - k)) ** k / math.factorial(k) if k else Decimal(1) for k in range(int(time) + 1)
        )
        total = sum((term * (rate * (Decimal(time) - k)).exp() for k, term in enumerate(terms)), Decimal(0))
        return float((1 - rate) * total)
