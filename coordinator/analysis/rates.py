"""Confidence intervals of throughput: of all agents, and of single ones. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..result.latency import Interval
from ..stats.uncertainty import BATCHES, FEW, LEAST_IN_BATCH, rate_bounds_of_few, rate_half_width
from .cells import Cells
from .progress import Work, lanes_of, served
from .recording import Recorded, Window

Floats = npt.NDArray[np.float64]


class Rates:
    """Confidence intervals of the frames per second of agents together, about the rate at which work was done."""

    def __init__(self, agents: Sequence[Recorded], window: Window, cells: Cells, work: Mapping[int, Work]) -> None:
        self._cells, self._work, self._seconds = cells, work, window.duration_s
        edges = window.start_ns, window.stop_ns
        self._served = {agent.agent: served(agent, *edges, FEW * lanes_of(agent)) for agent in agents}

    def of(self, agents: Sequence[Recorded]) -> Interval | None:
        """None where nothing can be known. Of few inferences by their times, and also by batches where these hold some
        each; of many, and at a rate, by batches: how unevenly arrivals come is part of it then."""
        fps = sum(self._work[agent.agent].frames for agent in agents) / self._seconds
        lanes = sum(lanes_of(agent) for agent in agents)
        in_a_row = sum(self._work[agent.agent].inferences for agent in agents) / max(1, lanes)
        if fps <= 0 or (any(agent.at_rate for agent in agents) and in_a_row * lanes < BATCHES):
            return None
        half = rate_half_width(np.sum([self._cells.frames[a.agent] for a in agents], axis=0), self._cells.seconds)
        few = self._times(agents)
        if few is None:
            return None if half is None else Interval(max(0.0, fps - half), fps + half)
        factors = rate_bounds_of_few(few, lanes)
        if factors is None:
            return None
        beyond = half if half is not None and in_a_row >= LEAST_IN_BATCH * BATCHES else 0.0
        low, high = (fps * factor for factor in factors)
        return Interval(max(0.0, min(low, fps - beyond)), max(high, fps + beyond))

    def _times(self, agents: Sequence[Recorded]) -> list[Floats] | None:
        """Of the inferences of all; None where there are many, or at a rate, which these do not know of."""
        times: list[Floats] = []
        for agent in agents:
            found = self._served[agent.agent]
            if found is None or agent.at_rate:
                return None
            times += [part.times for part in found]
        return times
