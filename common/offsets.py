"""The instants at which inferences become due: made beforehand, of a law, its stages and a seed alone. Pure.

A renewal process of rate 1 is taken back through the integral of the rate. Each instant is computed by itself and
rounded once, so nothing drifts; whoever serves the arrivals, and how many they are, does not matter.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from .arrivals import Arrivals, Constant, Renewal, Stage, Trace

Int64s = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]

_NS: Final = 1e9
_BLOCK: Final = 1 << 16
"""The most arrivals computed at a time, so that what is between draws and instants stays in the cache."""
_BEYOND: Final = 64
"""Arrivals beyond those that are to be expected, so that a short schedule is rarely computed in many blocks."""


def offsets_ns(arrivals: Arrivals, lead_in_s: float = 0.0) -> Int64s:
    """Instants in ns after the window opens, shape [n], ascending.

    Those in [-lead_in_s, 0) come at the rate and by the law that the window begins with, so that queues are as long
    when it opens as later; they do not change those in [0, duration). A trace's are its own end, in rounds.
    """
    if isinstance(arrivals.law, Trace):
        return _of_trace(arrivals.law, round(lead_in_s * _NS))
    lead_in = _lead_in(arrivals.law, arrivals.stages[0].rate_from, arrivals.seed, lead_in_s)
    return np.concatenate([lead_in, *_window(arrivals.law, arrivals)])


def _of_trace(trace: Trace, lead_in_ns: int) -> Int64s:
    window = np.frombuffer(trace.due_ns, np.int64)
    length_ns = round(trace.length_s * _NS)
    rounds = range(math.ceil(lead_in_ns / length_ns), 0, -1) if length_ns else ()
    before = np.concatenate([np.empty(0, np.int64), *(window - length_ns * number for number in rounds)])
    return np.concatenate([before[before >= -lead_in_ns], window])


def _lead_in(law: Renewal, rate: float, seed: int, lead_in_s: float) -> Int64s:
    """Backwards from the opening: a renewal process in its steady state looks the same from both sides."""
    if rate * lead_in_s == 0:
        return np.empty(0, np.int64)
    blocks = [
        -np.rint(units / rate * _NS).astype(np.int64)
        for units in _units(law, seed, rate * lead_in_s, b"lead-in", first=1)
    ]
    # At the opening itself an arrival would be in the window.
    before = np.minimum(np.concatenate(blocks)[::-1], -1)
    return before[before >= -round(lead_in_s * _NS)]


def _window(law: Renewal, arrivals: Arrivals) -> Iterator[Int64s]:
    """In blocks."""
    before = np.array([float(mean) for mean in arrivals.cumulative])
    edges = np.array(arrivals.edges_ns, np.float64)
    last = 0
    for units in _units(law, arrivals.seed, before[-1], b"window", first=0):
        ends = np.searchsorted(units, before[1:], side="left")
        begins = (0, *ends[:-1])
        parts = [
            np.minimum(edges[place] + _into(stage, units[begin:end] - before[place]) * _NS, edges[place + 1])
            for place, (stage, begin, end) in enumerate(zip(arrivals.stages, begins, ends, strict=True))
            if end > begin
        ]
        if not parts:
            continue
        block = np.rint(np.concatenate(parts)).astype(np.int64)
        # Where a float is too coarse for a ns, after months, two may have changed places.
        block = np.maximum.accumulate(np.maximum(block, last))
        last = int(block[-1])
        yield block[block < arrivals.duration_ns]


def _into(stage: Stage, units: _Floats) -> _Floats:
    """Seconds into a stage until the integral of its rate is `units`.

    The root of a quadratic in the form that does not lose digits where the slope is small, or 0.
    """
    slope = (stage.rate_to - stage.rate_from) / stage.duration_s
    if slope == 0:
        return units / stage.rate_from
    # Below 0 by rounding only, at the end of a ramp down to 0.
    rates = np.sqrt(np.maximum(stage.rate_from**2 + 2 * slope * units, 0.0))
    sums = stage.rate_from + rates
    return np.divide(2 * units, sums, out=np.zeros_like(units), where=sums > 0)


def _units(law: Renewal, seed: int, until: float, use: bytes, first: int) -> Iterator[_Floats]:
    """Instants of a process of rate 1 in its steady state, in blocks, those before `until` and a few beyond.

    Equal gaps begin with the whole number `first`. Each `use` of a seed has draws of its own.
    """
    if isinstance(law, Constant):
        for begin in range(first, math.ceil(until) + 1, _BLOCK):
            yield np.arange(begin, min(begin + _BLOCK, math.ceil(until) + 1), dtype=np.float64)
        return
    draws = seeded(seed, use)
    # An observer who comes at any time comes more likely in a long gap: its length is gamma of one shape more, and
    # what is left of it any part. Of exponential gaps that is again exponential.
    shape = law.cv**-2
    reached = float(draws.random() * draws.standard_gamma(shape + 1) / shape)
    yield np.array([reached])
    while reached < until:
        count = min(_BLOCK, math.ceil(until - reached) + _BEYOND)
        gaps = draws.standard_exponential(count) if law.cv == 1 else draws.standard_gamma(shape, count) / shape
        gaps[0] += reached
        block = np.cumsum(gaps)
        reached = float(block[-1])
        yield block


def seeded(seed: int, use: bytes) -> "np.random.Generator":
    """Draws that are independent of those of the same seed for another `use`."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=tuple(use))))
