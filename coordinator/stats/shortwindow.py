"""By how much a percentile of the wait in a window falls short of that in the long run. Pure.

Close to saturation the waits of a window are those of a few busy periods. Its percentiles are then, as a rule, below
those of the long run: the periods that decide them are rare. In heavy traffic the wait is Brownian motion reflected at
0, with the drift load - 1 and the variance V = load s (ca2 + cs2) / c a unit of time (Kingman), so how far they are
below depends on two numbers alone: the percentile, and how many relaxation times V / (1 - load)^2 the window lasts.

`_LOGS` is of that motion (drift -1, variance 1), simulated with exact steps from 0, a tenth of the window before it:
the median, over thousands of windows, of log(percentile in the window / percentile in the long run).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LENGTHS: Final = np.array([0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 30_000])
"""Of windows, in relaxation times."""

_DEPTHS: Final = -np.log1p(-np.array([0.5, 0.9, 0.95, 0.99, 0.999, 0.9999]))
_LOGS: Final = np.array(
    [
        [-1.05, -1.52, -1.68, -1.99, -2.35, -2.64],
        [-0.66, -1.08, -1.23, -1.54, -1.89, -2.17],
        [-0.31, -0.65, -0.79, -1.07, -1.42, -1.70],
        [-0.12, -0.34, -0.45, -0.71, -1.05, -1.33],
        [-0.038, -0.145, -0.216, -0.422, -0.73, -1.00],
        [-0.013, -0.059, -0.097, -0.232, -0.490, -0.747],
        [-0.003, -0.018, -0.032, -0.099, -0.293, -0.528],
        [-0.001, -0.005, -0.010, -0.037, -0.157, -0.356],
        [0.0, -0.001, -0.002, -0.014, -0.075, -0.225],
        [0.0, 0.0, -0.001, -0.006, -0.030, -0.126],
        [0.0, 0.0, 0.0, 0.0, -0.003, -0.015],
    ]
)
"""By length and depth."""


def shortfall(lengths: Floats, depths: Floats) -> Floats:
    """What a percentile in the long run is to be multiplied by, at most 1, [n]. `lengths`: of windows, in relaxation
    times, above 0. `depths`: -log(1 - percent / 100) among those that wait. Shorter windows than the shortest above are
    of a motion without drift, which goes as far as the root of the time."""
    at = np.log(np.clip(lengths, _LENGTHS[0], _LENGTHS[-1]))
    deep = np.clip(depths, _DEPTHS[0], _DEPTHS[-1])
    columns = np.array([np.interp(at, np.log(_LENGTHS), _LOGS[:, column]) for column in range(len(_DEPTHS))])
    place = np.clip(np.searchsorted(_DEPTHS, deep) - 1, 0, len(_DEPTHS) - 2)
    share = (deep - _DEPTHS[place]) / (_DEPTHS[place + 1] - _DEPTHS[place])
    every = np.arange(len(at))
    logs = columns[place, every] * (1 - share) + columns[place + 1, every] * share
    found: Floats = np.exp(logs) * np.sqrt(np.minimum(lengths / _LENGTHS[0], 1.0))
    return found
