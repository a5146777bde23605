"""The knee of latency against rate: where the rate over the latency, called power, is largest. Pure.

Up to it the rate grows faster than the latency, beyond it the latency grows faster. It is where a line through the
origin touches the curve (Kleinrock, "Power and deterministic rules of thumb for probabilistic problems in computer
communications", ICC 1979), so no scale of the drawing and no limit that somebody chose plays a part. Of M/M/1 it is
half the load that can be served at most.
"""

from collections.abc import Sequence
from typing import Final

_NEAR: Final = 0.6
"""A parabola goes through the points around the largest that have at least so much of its power; of M/M/1 that is what
power is, exactly, whichever percentile is looked at."""

_FEWEST: Final = 3


def knee(rates: Sequence[float], latencies: Sequence[float]) -> float | None:
    """`rates` (> 0) ascending, with the latency (> 0) at each. None where power still grows at the highest rate, or is
    largest at the lowest one, or there are too few rates around it."""
    power = [rate / latency for rate, latency in zip(rates, latencies, strict=True)]
    if len(power) < _FEWEST:
        return None
    top = max(range(len(power)), key=power.__getitem__)
    least = _NEAR * power[top]
    near = [at for at, value in enumerate(power) if value >= least]
    low, high = min(near[0], top - 1), max(near[-1], top + 1)
    if low < 0 or high >= len(power):
        return None
    return _vertex(rates[low : high + 1], power[low : high + 1])


def _vertex(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Of the parabola through points by least squares; None where it has no top among them."""
    count, middle, height = len(x), sum(x) / len(x), sum(y) / len(y)
    half = (x[-1] - x[0]) / 2
    u = [(one - middle) / half for one in x]
    v = [one - height for one in y]
    s2, s3, s4 = (sum(one**power for one in u) for power in (2, 3, 4))
    t1 = sum(a * b for a, b in zip(u, v, strict=True))
    t2 = sum(a * a * b for a, b in zip(u, v, strict=True))
    spread = s4 - s2 * s2 / count
    scale = s2 * spread - s3 * s3
    if scale <= 0:
        return None
    bend = (s2 * t2 - s3 * t1) / scale
    slope = (spread * t1 - s3 * t2) / scale
    if bend >= 0:
        return None
    at = middle + half * -slope / (2 * bend)
    return at if x[0] <= at <= x[-1] else None
