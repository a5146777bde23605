"""Throughput of few inferences: simulated closed loops, of which the true rate is known.

Agents begin apart by less than an inference, as they do; what a load is given is a number of inferences or a time.
"""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from ovbench.common.histogram import Int64s
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.recording import Recorded, Window
from tests.builders import ms, pairs, piece_of, seconds, write_samples

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

GRID: Final = tuple(product((1, 2, 8, 64), (1, 2, 5, 20, 50)))
"""Agents, and inferences of each."""

TIMES: Final[dict[str, Draw]] = {
    "nearly constant": lambda random, n: 1 + random.normal(0, 0.001, n),
    "10 %": lambda random, n: random.gamma(100, 1 / 100, n),
    "50 %": lambda random, n: random.gamma(4, 1 / 4, n),
    "lognormal": lambda random, n: np.exp(random.normal(-0.125, 0.5, n)),
    "exponential": lambda random, n: random.exponential(1, n),
}
"""Of mean 1: the true rate is the number of agents."""


def simulated(random: np.random.Generator, agents: int, each: int, draw: Draw, timed: bool) -> list[Recorded]:
    """A second per inference. `timed`: until `each` seconds are over; what is under way then ends, and is recorded."""
    loads = []
    for agent in range(agents):
        begin = seconds(100) + int(random.integers(0, ms(2)))
        ends = begin + np.cumsum(np.maximum(draw(random, each if not timed else 4 * each + 20), 1e-3) * 1e9).astype(
            np.int64
        )
        if timed:
            ends = ends[: 1 + int(np.searchsorted(ends, seconds(100 + each - 0.5)))]
        data = pairs(ends, np.diff(ends, prepend=begin))
        loads.append(Recorded(agent, begin, int(ends[-1]), len(ends), (piece_of(0, 0, data),)))
    return loads


@pytest.mark.parametrize("timed", [False, True], ids=["counted", "timed"])
def test_constant_times_have_the_true_rate_to_a_percent(timed: bool) -> None:
    random = np.random.default_rng(1)
    for agents, each in GRID:
        merged = merge(simulated(random, agents, each, lambda _, n: np.ones(n), timed))
        assert merged.fps == pytest.approx(agents, rel=0.01), (agents, each)
        if agents * each > 1:
            assert merged.fps_ci95 is not None, (agents, each)


def covers(merged: Merged, truth: float) -> bool | None:
    found = merged.fps_ci95
    if found is None or found.low is None or found.high is None:
        return None
    assert found.low <= merged.fps <= found.high
    return found.low <= truth <= found.high


@pytest.mark.parametrize("kind", TIMES)
def test_intervals_cover_the_true_rate_or_there_are_none(kind: str) -> None:
    random = np.random.default_rng(2)
    found = []
    for agents, each in GRID:
        for attempt in range(2 if agents == 64 else 10):
            merged = merge(simulated(random, agents, each, TIMES[kind], timed=attempt % 2 == 0))
            found.append(covers(merged, agents))
    known = [held for held in found if held is not None]
    assert np.mean(known) >= 0.93
    assert len(known) > (0.6 if kind == "exponential" else 0.85) * len(found)


def test_of_one_inference_nothing_is_known() -> None:
    random = np.random.default_rng(3)
    for draw in TIMES.values():
        merged = merge(simulated(random, 1, 1, draw, timed=False))
        assert merged.fps_ci95 is None
        assert merged.agent_fps_ci95 == {0: None}


def shares(starts: Int64s, ends: Int64s, window: tuple[int, int]) -> Floats:
    """The part of each inference that is inside of the window, written without anything of ours."""
    inside = np.minimum(ends, window[1]) - np.maximum(starts, window[0])
    result: Floats = np.maximum(inside, 0) / (ends - starts)
    return result


@pytest.mark.parametrize("batches", [(1,), (4,), (1, 3, 8)], ids=str)
def test_anyone_can_compute_the_throughput_again_from_the_samples_file(
    tmp_path: Path, batches: tuple[int, ...]
) -> None:
    random = np.random.default_rng(4)
    for agents, each in ((1, 1), (3, 4), (8, 3), (5, 200)):
        loads = simulated(random, agents, each, TIMES["50 %"], timed=False)
        loads = [Recorded(a.agent, a.start_ns, a.stop_ns, a.completed, a.pieces, batches=batches) for a in loads]
        merged = merge(loads)
        write_samples(tmp_path / "samples.npz", loads, merged.window)
        with np.load(tmp_path / "samples.npz") as file:
            saved = dict(file)
        low, high = saved["window_ns"].tolist()
        done = 0.0
        for agent in range(agents):
            for part in (f"agent_{agent}", f"agent_{agent}_outside"):
                each_frames = saved.get(f"{part}_frames", batches[0])
                done += float(
                    (each_frames * shares(saved[f"{part}_start_ns"], saved[f"{part}_end_ns"], (low, high))).sum()
                )
        assert merged.fps == pytest.approx(done / ((high - low) / 1e9), rel=1e-9)
        assert Window(low, high, 0, 0).duration_s == merged.window.duration_s
