"""Latency of queues in closed form: what a measurement at a rate, and a search for one, must come to.

Arrivals are Poisson, one queue, first come first served; latency is wait plus service. M/D/c by Franx (2001), whose sum
has positive terms only, so that it is sound to loads of 99 %: for (k - 1) D <= x < k D, P(W <= x) = sum over j < kc of
P(queue <= kc - 1 - j) Poisson(j; rate (kD - x)).
"""

from collections.abc import Callable
from functools import lru_cache
from math import exp, expm1, lgamma, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scripts.bench.theory import erlang_c

Law = Literal["deterministic", "exponential"]

BISECTIONS = 200
"""More than a double has bits: bisection ends earlier, when the middle is one of the ends."""

NEGLIGIBLE = 1e-17
"""What is left out of the distribution of the queue, of a probability of 1."""


def p_of_latency(law: Law, servers: int, service_s: float, rate: float, percent: float) -> float:
    """The percentile of the latency, in seconds, of M/D/c or M/M/c at `rate` arrivals a second."""
    share = percent / 100
    return _crossing(lambda latency_s: share_within(law, servers, service_s, rate, latency_s) >= share, service_s)


def rate_at(law: Law, servers: int, service_s: float, limit_s: float, percent: float) -> float:
    """The highest rate at which the percentile of the latency is within the limit; 0 where there is none."""
    low, high = 0.0, servers / service_s
    for _ in range(BISECTIONS):
        rate = (low + high) / 2
        if rate in (low, high):
            break
        if share_within(law, servers, service_s, rate, limit_s) >= percent / 100:
            low = rate
        else:
            high = rate
    return low


def share_within(law: Law, servers: int, service_s: float, rate: float, latency_s: float) -> float:
    """The share of arrivals that are answered within `latency_s`."""
    offered = rate * service_s
    if offered >= servers:
        return 0.0
    if law == "exponential":
        return _exponential(servers, offered, latency_s / service_s)
    return 0.0 if latency_s < service_s else _deterministic(servers, offered, latency_s / service_s - 1)


def mean_wait_s(law: Law, servers: int, service_s: float, rate: float) -> float:
    """The mean wait of an arrival."""
    offered = rate * service_s
    if law == "exponential":
        return erlang_c(servers, offered / servers) * service_s / (servers - offered)
    queue = queue_lengths(servers, offered)
    return float(queue @ np.arange(queue.size)) / rate


def _exponential(servers: int, offered: float, latency: float) -> float:
    """P(wait + service <= latency), in mean services: two exponentials of rates 1 and `servers - offered`."""
    waits = erlang_c(servers, offered / servers)
    faster = servers - offered - 1
    both = latency if abs(faster * latency) < 1e-9 else -expm1(-faster * latency) / faster
    return 1 - exp(-latency) * (1 + waits * both)


def _deterministic(servers: int, offered: float, wait: float) -> float:
    """P(wait <= wait) of M/D/c, in units of the service."""
    periods = int(wait) + 1
    places = periods * servers
    at_most = np.minimum(np.cumsum(queue_lengths(servers, offered)), 1.0)
    lengths = np.minimum(np.arange(places - 1, -1, -1), at_most.size - 1)
    return float(_poisson(offered * (periods - wait), places) @ at_most[lengths])


@lru_cache(maxsize=256)
def queue_lengths(servers: int, offered: float) -> NDArray[np.float64]:
    """P(n wait) of M/D/c at an instant, for n = 0, 1, ...

    Every service the queue is max(0, queue + arrivals - servers): by Spitzer it is a compound Poisson variable, whose
    rates are the coefficients of -log(1 - step(z)) at positive powers. They are read by FFT on a circle on which
    |step| < 1.
    """
    decay = _decay(servers, offered)
    radius = decay**0.5
    size = 1 << int(np.ceil(np.log2(max(4 * servers, 2 * -log(NEGLIGIBLE) / log(radius)))))
    z = radius * np.exp(2j * np.pi * np.arange(size) / size)
    spectrum = np.fft.fft(-np.log(1 - np.exp(offered * (z - 1) - servers * np.log(z)))).real / size
    kept = min(size // 2, int(-log(NEGLIGIBLE) / log(decay)) + 2 * servers)
    sizes = np.arange(1, kept)
    rates = np.maximum(spectrum[1:kept], 0) * radius**-sizes
    lengths = np.zeros(kept)
    lengths[0] = exp(-rates.sum())
    weighted = rates * sizes
    for n in range(1, kept):
        lengths[n] = weighted[:n] @ lengths[n - 1 :: -1][:n] / n
    lengths /= lengths.sum()
    return lengths


def _decay(servers: int, offered: float) -> float:
    """The z > 1 at which exp(offered (z - 1)) = z^servers: the queue's tail falls as its inverse."""
    least = servers / offered
    return least + _crossing(lambda over: offered * (least + over - 1) >= servers * log(least + over), least)


def _poisson(mean: float, size: int) -> NDArray[np.float64]:
    """Poisson's probabilities of 0 .. size - 1."""
    counts = np.arange(size)
    factorials = np.array([lgamma(count + 1) for count in range(size)])
    logs = counts * log(mean) if mean > 0 else np.where(counts == 0, 0.0, -np.inf)
    probabilities: NDArray[np.float64] = np.exp(logs - mean - factorials)
    return probabilities


def _crossing(reached: Callable[[float], bool], unit: float) -> float:
    """The smallest positive number at which something that stays true is true."""
    low, high = 0.0, unit
    while not reached(high):
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if reached(middle):
            high = middle
        else:
            low = middle
    return high
