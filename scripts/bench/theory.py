"""Waits in queues in closed form, and latencies after a stall. Pure.

Waits are in mean services and in steady state; `load` is the share of their time that servers serve, below 1.
"""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_HALVINGS: Final = 60
_DIGITS: Final = 100


class Waits(NamedTuple):
    """Of all arrivals, those that wait for nothing among them."""

    mean: float
    median: float
    p99: float


NONE: Final = Waits(0.0, 0.0, 0.0)
"""Of D/D/1."""


def exponential(servers: int, load: float) -> Waits:
    """M/M/c."""
    return _decaying(erlang_c(servers, load), servers * (1 - load))


def erlang_c(servers: int, load: float) -> float:
    """Erlang's C: the share of arrivals that wait in M/M/c."""
    offered = servers * load
    last = offered**servers / math.factorial(servers) / (1 - load)
    return last / (sum(offered**k / math.factorial(k) for k in range(servers)) + last)


def constant(load: float) -> Waits:
    """M/D/1: the mean is Pollaczek's and Khinchine's, the distribution Erlang's."""
    return Waits(load / (2 * (1 - load)), *(_quantile(lambda t: _constant_within(load, t), q) for q in (0.5, 0.99)))


def dealt(stages: int, load: float) -> Waits:
    """E_k/M/1: one of `stages` servers of exponential services, to which Poisson arrivals are dealt in turn.

    Of GI/M/1, the share s that waits solves s = A*(1 - s), A* being the Laplace transform of the gaps.
    """
    waiting = load
    for _ in range(10_000):  # it converges from any start in (0, 1): A* is convex
        waiting = (stages * load / (stages * load + 1 - waiting)) ** stages
    return _decaying(waiting, 1 - waiting)


def deviation(load: float, count: int, exponential_services: bool = True) -> float:
    """By which the mean of `count` waits of M/M/1 or M/D/1 scatters around that of theory, as a share of it.

    As waits are correlated, far more than independent ones. For M/M/1 it is exact for large counts (Daley, 1968); for
    M/D/1 it is that of the diffusion approximation, in which half the variance comes from the services.
    """
    variance = load * (2 + 5 * load - 4 * load**2 + load**3) / (1 - load) ** 4
    share = math.sqrt(variance / count) / (load / (1 - load))
    return share if exponential_services else share / math.sqrt(2)


def stalled_latencies(service: float, gap: float, stall: float, count: int) -> npt.NDArray[np.float64]:
    """Of `count` arrivals at equal gaps longer than a service, where one inference takes `stall` in all.

    Those due during it wait for its end and for what queued before: each less than the one before by what a gap is
    longer than a service, until none waits. [count], ascending.
    """
    waits = np.maximum(0.0, (stall - service) - np.arange(count) * (gap - service))
    return np.sort(service + waits)


def _decaying(waiting: float, rate: float) -> Waits:
    """P(wait > t) = waiting exp(-rate t)."""
    return Waits(waiting / rate, *(max(0.0, math.log(waiting / (1 - q)) / rate) for q in (0.5, 0.99)))


def _constant_within(load: float, time: float) -> float:
    """P(wait <= time) in M/D/1. In so many digits, as the terms alternate and are far larger than their sum."""
    with localcontext(prec=_DIGITS):
        rate, total = Decimal(load), Decimal(0)
        for k in range(int(time) + 1):
            busy = rate * (Decimal(time) - k)
            total += ((-busy) ** k / math.factorial(k) if k else 1) * busy.exp()
        return float((1 - rate) * total)


def _quantile(within: Callable[[float], float], share: float) -> float:
    low, high = 0.0, 1.0
    if within(low) >= share:
        return low
    while within(high) < share:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle) < share else (low, middle)
    return high
