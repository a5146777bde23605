"""Whose latencies, services and waits make the figures: of all agents, and of each. Pure.

In a closed loop they are of the inferences that ended in the window; at a rate of those that were due in it, and of
what was due and never completed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ovbench.common.messages import Folded
from ovbench.common.samples import SampleArray

from .cells import count_cells
from .counted import Counted
from .latency import NONE_MISSING, Latency, folded_latency, intervals_of, latency_of
from .queues import Queue
from .recording import Recorded, Window
from .times import LATENCY, SERVICE, Time

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Missing:
    """Arrivals of the window that never completed: when they were due, ns [n], and what their latencies cannot be
    below, ns [n]. `by_agent`: these bounds, of the arrivals that an agent is known to have taken."""

    dues_ns: Int64s = field(default_factory=lambda: NONE_MISSING)
    at_least_ns: Int64s = field(default_factory=lambda: NONE_MISSING)
    by_agent: dict[int, Int64s] = field(default_factory=dict)

    @classmethod
    def of(cls, agents: Sequence[Recorded], window: Window, queues: Sequence[Queue]) -> "Missing":
        edges = window.start_ns, window.stop_ns
        by_agent, dues, at_least = {}, [NONE_MISSING], [NONE_MISSING]
        for queue in queues:
            offered = queue.offered.between(*edges)
            dues += [offered.dropped_ns, offered.unfinished_ns]
            at_least.append(offered.at_least_ns)
            for agent in (agent for agent in agents if agent.agent in queue.agents):
                own = offered.at_least_ns
                if len(queue.agents) > 1:
                    low, high = np.searchsorted(agent.dropped_ns, edges)
                    own = np.full(high - low, offered.timeout_ns, np.int64)
                by_agent[agent.agent] = own
        return cls(np.concatenate(dues), np.concatenate(at_least), by_agent)

    def __len__(self) -> int:
        return len(self.dues_ns)

    def of_agent(self, agent: int) -> Int64s:
        return self.by_agent.get(agent, NONE_MISSING)

    def between(self, start_ns: int, stop_ns: int) -> int:
        """How many were due in [start, stop)."""
        return int(np.count_nonzero((self.dues_ns >= start_ns) & (self.dues_ns < stop_ns)))


@dataclass(frozen=True)
class Population:
    """`by_due`: at a rate. `edges` are of the window's cells, int64 [n + 1]."""

    loads: Sequence[Counted]
    missing: Missing
    edges: Int64s
    by_due: bool

    @cached_property
    def folded(self) -> list[Folded]:
        return [part for load in self.loads for part, _ in load.folded]

    @cached_property
    def samples(self) -> list[SampleArray]:
        return [samples for load in self.loads for samples in load.samples]

    def latencies(self, chosen: float) -> tuple[Latency | None, dict[int, Latency | None]]:
        """Exact, of all and of each agent. One array holds every latency; an agent's is a part of it, so nothing is
        held twice."""
        everything = LATENCY.joined(self.samples)
        alone = len(self.loads) == 1
        latencies: dict[int, Latency | None] = {}
        at = 0
        for load in self.loads:
            begin, at = at, at + load.exact
            mine = self.missing.of_agent(load.agent)
            latencies[load.agent] = latency_of(everything[begin:at], chosen, near=alone, at_least=mine)
        whole = next(iter(latencies.values())) if alone else None
        if whole is None or whole.missing != len(self.missing):
            whole = latency_of(everything, chosen, near=True, at_least=self.missing.at_least_ns)
        return self._with_intervals(whole, everything, LATENCY, chosen), latencies

    def services(self, chosen: float) -> dict[int, Latency | None]:
        """Of each agent, what completed."""
        if self.folded:
            return {
                load.agent: folded_latency(
                    map(SERVICE.of, load.samples), SERVICE.all_folded(part for part, _ in load.folded), chosen
                )[0]
                for load in self.loads
            }
        return {load.agent: latency_of(SERVICE.joined(load.samples), chosen) for load in self.loads}

    def times(self, time: Time, chosen: float) -> Latency | None:
        """Services or waits of all, exact or folded. A service is of what completed alone, without intervals where some
        were folded, as it is not known in which slices."""
        at_least = NONE_MISSING if time is SERVICE else self.missing.at_least_ns
        if self.folded:
            return self.folded_times(time, chosen, at_least)[0]
        values = time.joined(self.samples)
        return self._with_intervals(latency_of(values, chosen, near=True, at_least=at_least), values, time, chosen)

    def folded_times(self, time: Time, chosen: float, at_least: Int64s) -> tuple[Latency | None, Int64s]:
        return folded_latency(map(time.of, self.samples), time.all_folded(self.folded), chosen, at_least)

    def folded_latencies(self, chosen: float) -> tuple[Latency | None, dict[int, Latency | None], Int64s]:
        """Of all and of each agent, and the histogram of all in FINE."""
        latencies = {
            load.agent: folded_latency(
                map(LATENCY.of, load.samples),
                [part for part, _ in load.folded],
                chosen,
                self.missing.of_agent(load.agent),
            )[0]
            for load in self.loads
        }
        latency, histogram = self.folded_times(LATENCY, chosen, self.missing.at_least_ns)
        return latency, latencies, histogram

    def _with_intervals(self, found: Latency | None, values: Int64s, time: Time, chosen: float) -> Latency | None:
        """`values` as `latency_of` left them, of which `found` is."""
        if found is None or self.edges[0] == self.edges[-1]:
            return found
        limits = found.limits_ns
        distinct = sorted({limit for limit in limits if limit is not None})
        counts, below = count_cells(self.samples, self.edges, distinct, time, self.by_due)
        if found.missing:
            counts = counts + np.histogram(self.missing.dues_ns, self.edges)[0]
        rows = [None if limit is None else below[distinct.index(limit)] for limit in limits]
        return replace(found, ci95=intervals_of(values, rows, counts, chosen, found.missing))
