"""Whether the throughput kept its level: the last parts of the window beside each other, the trend of all. Pure."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS, NS_PER_S

from ..stats.uncertainty import NORMAL
from .merge import Merged

Floats = npt.NDArray[np.float64]

LAST: Final = 3
"""Windows that are compared; perf_analyzer's stability window."""

_WINDOWS: Final = (5, 3)
_LEAST_IN_WINDOW: Final = 20
_TREND: Final = (20, 10, 8)
_LEAST_IN_TREND: Final = 5


@dataclass(frozen=True)
class LastWindows:
    """The last of `parts` equal windows, each `seconds` long: frames per second, in order."""

    parts: int
    seconds: float
    fps: tuple[float, ...]

    @property
    def change_percent(self) -> float:
        """By how much the fastest of them exceeds the slowest."""
        low, high = min(self.fps), max(self.fps)
        return 100 * (high / low - 1) if low > 0 else math.inf


@dataclass(frozen=True)
class Trend:
    """`percent`: by how much the end of the fitted course exceeds its start, of the start, so never below -100;
    `chance` of one so clear without any trend."""

    percent: float
    chance: float


def last_windows(merged: Merged) -> LastWindows | None:
    """None where no window would have 20 inferences of every request: one more or less would matter.

    perf_analyzer (triton-inference-server, src/inference_profiler.cc) compares the last three of its measurements, max
    / min, in throughput and in latency (average, or a percentile that is asked for). Latency is left out here: with a
    fixed number of requests in flight it says the same.
    """
    parts = _parts(merged, _WINDOWS, _LEAST_IN_WINDOW)
    if parts is None or merged.cells is None:
        return None
    fps = merged.cells.fps(parts)[-LAST:]
    return LastWindows(parts, merged.window.duration_s / parts, tuple(fps.tolist()))


def trend(merged: Merged) -> Trend | None:
    """Theil and Sen's slope, and the significance by Mann and Kendall; None where there are too few inferences.

    The slope is that of the logarithm, a constant relative change: a straight line through a steep fall would end below
    zero. Parts in which nothing was done count as the least of the others.
    """
    parts = _parts(merged, _TREND, _LEAST_IN_TREND)
    if parts is None or merged.cells is None:
        return None
    values = merged.cells.fps(parts)
    if not values.any():
        return None
    slope = theil_sen(np.log(np.maximum(values, values[values > 0].min())))
    return Trend(100 * math.expm1(slope * parts), mann_kendall(values))


def _parts(merged: Merged, choices: tuple[int, ...], least: int) -> int | None:
    """The first of `choices` that leaves `least` inferences in each part, also of a request that waits for its own."""
    if merged.cells is None or merged.latency is None:
        return None
    latency_s = merged.latency.least("mean") * NS_PER_MS / NS_PER_S
    most = min(merged.count, merged.window.duration_s / latency_s if latency_s > 0 else math.inf) / least
    return next((parts for parts in choices if parts <= min(most, len(merged.cells))), None)


def theil_sen(values: Floats) -> float:
    """The median of the slopes between any two of at least two values, per step (Sen, JASA 63, 1968)."""
    low, high = np.triu_indices(len(values), 1)
    return float(np.median((values[high] - values[low]) / (high - low)))


def mann_kendall(values: Floats) -> float:
    """The two-sided significance of a trend in at least four values (Kendall's normal approximation, with ties).

    Values that follow each other are alike, which makes for trends by chance: the variance is that of Hamed and Rao (J.
    Hydrology 204, 1998), by those correlations of the ranks without the trend that are significant; never a lesser one.
    """
    count = len(values)
    low, high = np.triu_indices(count, 1)
    score = float(np.sign(values[high] - values[low]).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = count * (count - 1) * (2 * count + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())
    if variance <= 0 or score == 0:
        return 1.0
    variance *= _inflation(values - theil_sen(values) * np.arange(count)) / 18
    return math.erfc((abs(score) - 1) / math.sqrt(2 * variance))


def _inflation(residuals: Floats) -> float:
    """Of the variance of Kendall's score: 1 + 2 / (n (n-1) (n-2)) sum of (n-i) (n-i-1) (n-i-2) r(i), at least 1."""
    count = len(residuals)
    _, places, ties = np.unique(residuals, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties + 1) / 2)[places] - (count - 1) / 2
    square = float(np.dot(ranks, ranks))
    if square == 0:
        return 1.0
    total = 0.0
    for lag in range(1, count - 2):
        correlation = float(np.dot(ranks[lag:], ranks[:-lag])) / square
        if abs(correlation) > NORMAL / math.sqrt(count):
            total += (count - lag) * (count - lag - 1) * (count - lag - 2) * correlation
    return max(1.0, 1 + 2 * total / (count * (count - 1) * (count - 2)))
