"""How a percentile of the latency grows with the load of a queue, as theory has it: where a fit begins. Pure.

The wait of M/G/c, and of other renewal arrivals, is none for all but a share of Erlang's C, and of these exponential
with the rate 2 c (1 - load) / (s (ca2 + cs2)): exact for M/M/c, in heavy traffic for the others (Kingman; Allen and
Cunneen for several servers). The latency is that wait and a service of the measured distribution. Against M/D/c the
percentiles are off by up to a tenth (tests/unit/coordinator/stats/test_queueshape.py); a fit mends that, as it takes
from here only the form of the curve.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, log, log1p
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from .queueing import erlang_c
from .shortwindow import shortfall

Floats = npt.NDArray[np.float64]

_EDGES: Final = np.concatenate((np.linspace(0, 0.8, 17), 1 - np.geomspace(0.2, 1e-4, 101)[1:], (1.0,)))
"""Of the shares of services that an atom of their distribution stands for; most are in the tail, which decides."""

_LOADS: Final = np.concatenate((np.linspace(0.01, 0.5, 50)[:-1], 1 - np.geomspace(0.5, 0.004, 90)))
_OVERLOADS: Final = np.linspace(1.01, 1.5, 50)
_LOADS_OF_A_WINDOW: Final = np.concatenate((_LOADS, _OVERLOADS))
_HALVINGS: Final = 50
_LEAST_VARIATION: Final = 0.02
"""Of services and arrivals that vary less: else the wait would end at once."""


@dataclass(frozen=True)
class Services:
    """How long services are: `times` [n], each for a share `weights` [n] of them, which add up to 1."""

    times: Floats
    weights: Floats

    @classmethod
    def of(cls, percentiles: Mapping[float, float], mean: float) -> Self:
        """From times (> 0) by percent below 100, the median at least, and their mean. Between percentiles they are
        those of an exponential distribution, moved and stretched; the shortest is what gives the mean."""
        known = sorted((-log1p(-percent / 100), time) for percent, time in percentiles.items())
        depths = np.array([0.0, *(depth for depth, _ in known)])
        middle = -np.log1p(-(_EDGES[1:] + _EDGES[:-1]) / 2)
        weights = np.diff(_EDGES)

        def times(least: float) -> Floats:
            found: Floats = np.interp(middle, depths, [least, *(time for _, time in known)])
            return found

        low, high = 0.0, known[0][1]
        for _ in range(_HALVINGS):
            least = (low + high) / 2
            low, high = (least, high) if float(weights @ times(least)) < mean else (low, least)
        return cls(times(high), weights)

    @property
    def mean(self) -> float:
        return float(self.weights @ self.times)

    @property
    def squared_variation(self) -> float:
        """The variance over the square of the mean."""
        return float(self.weights @ (self.times - self.mean) ** 2) / self.mean**2

    def scaled_to(self, mean: float) -> "Services":
        return Services(self.times * (mean / self.mean), self.weights)


@dataclass(frozen=True)
class QueueShape:
    """Of `servers` with one queue, the `percent`th percentile of the latency by load, in the unit of the services.

    `window`: as it is, as a rule, in a window of that length (`shortwindow`); None: in the long run.
    """

    servers: int
    services: Services
    percent: float
    arrivals_squared_variation: float = 1.0
    window: float | None = None

    def seen_in(self, window: float | None) -> "QueueShape":
        if window == self.window:
            return self
        if window not in self._by_window:
            self._by_window[window] = replace(self, window=window)
        return self._by_window[window]

    @cached_property
    def _by_window(self) -> dict[float | None, "QueueShape"]:
        """Those that were asked for: each takes 20 ms to work out."""
        return {}

    @property
    def loads(self) -> Floats:
        """Ascending, [n]; of a window also such beyond saturation."""
        return _LOADS if self.window is None else _LOADS_OF_A_WINDOW

    @cached_property
    def latencies(self) -> Floats:
        """Not descending, [n]."""
        wanted = 1 - self.percent / 100
        waiting = np.array([erlang_c(self.servers, load) for load in _LOADS])
        variation = max(self.arrivals_squared_variation + self.services.squared_variation, _LEAST_VARIATION)
        decay = 2 * self.servers * (1 - _LOADS) / (self.services.mean * variation)
        low = np.zeros(len(_LOADS))
        high = self.services.times.max() + np.log(np.maximum(waiting / wanted, 1.0)) / decay + self.services.mean
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = self._share_above(middle, waiting, decay) > wanted
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        if self.window is not None:
            relaxation = _LOADS * self.services.mean * variation / self.servers / (1 - _LOADS) ** 2
            short = shortfall(self.window / relaxation, np.log(np.maximum(waiting / wanted, 1.0)))
            served = np.maximum(high[0], self.services.mean + (high - self.services.mean) * short)
            # Beyond saturation the backlog grows, and with it the wait, until the window ends.
            high = np.concatenate((served, served.max() + (_OVERLOADS - 1) * self.window * self.percent / 100))
        found: Floats = np.maximum.accumulate(high)
        return found

    def _share_above(self, latencies: Floats, waiting: Floats, decay: Floats) -> Floats:
        rest = latencies[:, None] - self.services.times[None, :]
        tails = np.where(rest < 0, 1.0, waiting[:, None] * np.exp(-decay[:, None] * np.maximum(rest, 0.0)))
        found: Floats = tails @ self.services.weights
        return found

    @property
    def least(self) -> float:
        """The percentile where next to nothing waits."""
        return float(self.latencies[0])

    @property
    def most(self) -> float:
        """The largest that it tells from overload."""
        return float(self.latencies[-1])

    @cached_property
    def heights(self) -> Floats:
        """By load, [n]: a scale on which a machine that is a percent slower is a percent higher, at every load.

        A machine that is slower by a share e has its latencies longer by it, and its load larger: the logarithm of the
        percentile grows by (1 + E) e, where E is the elasticity of the percentile by load. So a step on the scale is
        one of the logarithm over 1 + E. At low loads it is about the logarithm of the latency, near saturation that of
        the load.
        """
        by_load, by_latency = np.diff(np.log(self.loads)), np.diff(np.log(self.latencies))
        return np.concatenate(((0.0,), np.cumsum(by_load * by_latency / (by_load + by_latency))))

    @property
    def height_of_overload(self) -> float:
        """From which on it may be: of all that is known of a trial that was overloaded."""
        return float(self.heights[len(_LOADS) - 1])

    def height(self, latency: float) -> float:
        """Of a percentile that was measured."""
        logs = np.log(self.latencies)
        at = log(latency)
        return at - float(logs[0]) if at <= logs[0] else float(np.interp(at, logs, self.heights))

    def heights_at(self, loads: Floats) -> Floats:
        """At any loads, those beyond saturation too."""
        logs, known = np.log(np.maximum(loads, self.loads[0])), np.log(self.loads)
        found: Floats = np.interp(logs, known, self.heights) + np.maximum(0.0, logs - known[-1])
        return found

    def load_at(self, latency: float) -> float:
        """The load at which the percentile is that; the first or the last where it is beyond them."""
        return exp(float(np.interp(log(latency), np.log(self.latencies), np.log(self.loads))))
