"""Looks at a load that runs, from what its agents report by cell of time."""

from collections.abc import Sequence

import numpy as np
import pytest

from ovbench.common.histogram import FINE
from ovbench.common.messages import Tally
from ovbench.coordinator.request.until import parse_until
from ovbench.coordinator.session.watch import Watch, grid_of
from tests.builders import job, ms, seconds

GRID = grid_of(job(duration_s=10.0).load)
RANDOM = np.random.default_rng(3)


def tally(cell: int, latencies: Sequence[int] = (), inferences: float | None = None) -> Tally:
    """Of inferences with these latencies, ns."""
    buckets, counts = np.unique(FINE.buckets(np.asarray(latencies, np.int64)), return_counts=True)
    done = len(latencies) if inferences is None else inferences
    return Tally(cell, float(done), buckets.astype("<i4").tobytes(), counts.astype("<i8").tobytes())


def watch(text: str, agents: int = 1) -> Watch:
    return Watch(parse_until(text), GRID, agents)


def length_s(cell: int) -> float:
    return float(GRID.seconds[cell])


def fed(watch: Watch, rate: float = 1000.0, noise: float = 0.0, batches: Sequence[int] = (1,)) -> int:
    """One agent reports cell after cell until enough is known; how many it had to."""
    for cell in range(len(GRID.seconds)):
        done = rate * length_s(cell) * (1 + noise * RANDOM.standard_normal())
        if watch.add(0, batches, tally(cell, [ms(1)] * 3, done)):
            return cell + 1
    return len(GRID.seconds)


def test_a_rate_without_noise_is_known_at_the_first_look() -> None:
    looking = watch("fps +-1%")
    assert fed(looking) == GRID.looks[0].cells
    (look,) = looking.looks
    assert look.reached
    assert look.at_ns == seconds(2)
    assert look.confidence == GRID.looks[0].confidence
    assert look.estimate is not None
    assert look.estimate.value == pytest.approx(1000.0)
    assert looking.half_width_percent == pytest.approx(0.0, abs=1e-9)


def test_noise_takes_more_looks_and_the_last_has_the_narrow_interval() -> None:
    looking = watch("fps +-5%")
    assert GRID.looks[0].cells < fed(looking, noise=0.12) < len(GRID.seconds)
    assert [look.reached for look in looking.looks] == [False] * (len(looking.looks) - 1) + [True]
    assert looking.half_width_percent is not None
    assert looking.half_width_percent <= 5.0


def test_what_is_not_reached_has_been_looked_at_to_the_end() -> None:
    looking = watch("fps +-0.1%")
    assert fed(looking, noise=0.3) == len(GRID.seconds)
    assert len(looking.looks) == len(GRID.looks)
    assert not looking.reached


def test_frames_are_those_of_the_batches_in_turn() -> None:
    looking = watch("fps +-1%")
    fed(looking, batches=(1, 3))
    assert looking.looks[-1].estimate is not None
    assert looking.looks[-1].estimate.value == pytest.approx(2000.0)


def test_a_look_waits_for_the_slowest_agent_and_is_at_all_of_them() -> None:
    looking, cells = watch("fps +-1%", agents=2), GRID.looks[0].cells
    ahead = [looking.add(0, (1,), tally(cell, inferences=1000 * length_s(cell))) for cell in range(cells + 5)]
    behind = [looking.add(1, (1,), tally(cell, inferences=500 * length_s(cell))) for cell in range(cells)]
    assert not any(ahead)
    assert behind == [False] * (cells - 1) + [True]
    assert looking.looks[0].estimate is not None
    assert looking.looks[0].estimate.value == pytest.approx(1500.0)


def test_too_few_inferences_are_no_estimate() -> None:
    looking = watch("p99 +-10%")
    for cell in range(GRID.looks[0].cells):
        looking.add(0, (1,), tally(cell, [ms(1)]))
    assert [look.estimate for look in looking.looks] == [None]
    assert looking.half_width_percent is None


@pytest.mark.parametrize(("figure", "truth_ms"), [("median", np.log(2)), ("p90", np.log(10)), ("mean", 1.0)])
def test_latencies_are_known_when_there_are_enough_of_them(figure: str, truth_ms: float) -> None:
    looking = watch(f"{figure} +-6%")
    for cell in range(len(GRID.seconds)):
        latencies = RANDOM.exponential(ms(1), round(2000 * length_s(cell))).astype(int).tolist()
        if looking.add(0, (1,), tally(cell, latencies)):
            break
    estimate = looking.looks[-1].estimate
    assert looking.reached
    assert estimate is not None
    assert estimate.value == pytest.approx(ms(truth_ms), rel=0.06)
