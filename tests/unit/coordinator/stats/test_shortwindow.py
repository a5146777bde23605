import numpy as np
import pytest

from ovbench.coordinator.stats.shortwindow import Floats, shortfall


def simulated(length: float, windows: int, percent: float) -> float:
    """The median over windows of a motion reflected at 0, by exact steps, from 0 a tenth of the window before it."""
    draw = np.random.default_rng(1)
    steps = 800
    step = length / steps
    place = np.zeros(windows)
    seen = np.empty((steps, windows))
    for at in range(-steps // 10, steps):
        moved = draw.normal(-step, np.sqrt(step), windows)
        lowest = (moved - np.sqrt(moved**2 + 2 * step * draw.exponential(size=windows))) / 2
        place = place + moved + np.maximum(0, -(place + lowest))
        if at >= 0:
            seen[at] = place
    in_the_long_run = -np.log1p(-percent / 100) / 2
    return float(np.median(np.quantile(seen, percent / 100, axis=0)) / in_the_long_run)


@pytest.mark.parametrize(("length", "percent"), [(1.0, 99.0), (10.0, 50.0), (10.0, 99.0), (30.0, 99.9)])
def test_a_window_falls_short_of_the_long_run_as_brownian_motion_does(length: float, percent: float) -> None:
    depth = -np.log1p(-percent / 100)
    assert float(shortfall(np.array([length]), np.array([depth]))[0]) == pytest.approx(
        simulated(length, 2_000, percent), rel=0.06
    )


def test_long_windows_show_what_the_long_run_does() -> None:
    assert float(shortfall(np.array([1e6]), np.array([4.6]))[0]) == pytest.approx(1)


def test_longer_windows_show_more_and_deeper_percentiles_less() -> None:
    lengths = np.geomspace(1e-3, 1e4, 200)

    def at(depth: float) -> Floats:
        return shortfall(lengths, np.full(len(lengths), depth))

    assert (np.diff(at(4.6)) >= 0).all()
    assert (at(2.3) >= at(4.6)).all()
    assert (at(4.6) >= at(6.9)).all()
