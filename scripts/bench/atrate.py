"""Runs of the null device at a rate, and what became of each arrival: what the scripts on load at a rate share.

Nothing here rests on the report: all is computed from the instants in samples.npz.
"""

import heapq
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray

from .versus import OvbenchRun, RunFailed, Workbench, allowed_cpus

LEAD_IN_S: Final = 0.5


@dataclass(frozen=True)
class Served:
    """What was served, in order of due, the lead-in included. `whose`: the agent that served each. `window_ns`: the
    window's edges."""

    samples: SampleArray
    whose: Int64s
    window_ns: Int64s
    run: OvbenchRun

    @property
    def counts(self) -> npt.NDArray[np.bool_]:
        """Which of them were due in the window."""
        dues = self.samples.dues
        within: npt.NDArray[np.bool_] = (dues >= self.window_ns[0]) & (dues < self.window_ns[1])
        return within

    @property
    def agents(self) -> int:
        return len(self.run.report.agents)

    def queues(self, shared: bool) -> list[Int64s]:
        """Which arrivals went through the same queue: all, or those of each agent."""
        if shared:
            return [np.arange(len(self.samples))]
        return [np.flatnonzero(self.whose == agent) for agent in range(self.agents)]

    def lateness_ns(self, shared: bool = True) -> Int64s:
        """By how much each was started later than its instant and an idle agent allowed. Synchronous."""
        late = np.empty(len(self.samples), np.int64)
        for queue in self.queues(shared):
            part = self.samples[queue]
            late[queue] = part.starts - np.maximum(part.dues, _free_since(part.ends, self.agents if shared else 1))
        return late


def serve(bench: Workbench, agents: int, service: str, rate: float, seconds: float, *more: str) -> Served:
    """A run of synchronous agents, with `service` as in --backend null:SERVICE, on the last CPUs, one each while there
    are enough. Instants are right in a result that is INVALID, too: some scripts overload."""
    cpus = ",".join(str(cpu) for cpu in allowed_cpus()[-agents:])
    arguments = ("--backend", f"null:{service}", "-api", "sync", "--agents", str(agents), "--rate", f"{rate:.12g}")
    length = ("-t", f"{seconds:g}", "--warmup", f"{LEAD_IN_S:g}", "--save-samples", "--cpus", cpus)
    return _served(bench.ovbench(*arguments, *length, *more, invalid=True))


def _served(run: OvbenchRun) -> Served:
    parts, whose = [], []
    for name in run.samples:
        if name.startswith("agent_") and name.endswith("_due_ns"):
            beginning = name.removesuffix("due_ns")
            starts, ends = run.samples[f"{beginning}start_ns"], run.samples[f"{beginning}end_ns"]
            parts.append(SampleArray.of(starts, ends, run.samples[name]))
            whose.append(np.full(len(starts), int(name.split("_")[1]), np.int64))
    if not sum(map(len, parts)):
        raise RunFailed("ovbench served nothing")
    samples, agents = SampleArray.joined(parts, timed=True), np.concatenate(whose)
    order = np.lexsort((samples.starts, samples.dues))
    return Served(samples[order], agents[order], run.samples["window_ns"], run)


def _free_since(ends: Int64s, servers: int) -> Int64s:
    """From when on fewer than `servers` of the inferences before were unfinished, for each in the order given."""
    if servers == 1:
        return np.concatenate([np.zeros(1, np.int64), np.maximum.accumulate(ends)[:-1]])
    busy = [0] * servers
    free = np.empty(len(ends), np.int64)
    for index, end in enumerate(ends.tolist()):
        free[index] = busy[0]
        heapq.heappushpop(busy, end)
    return free


def ideal_waits(dues: Int64s, services: Int64s, servers: int = 1) -> Int64s:
    """How long each of these arrivals, in order of due, waits for one of so many servers that take the next one at
    once: Lindley's recursion, and that of Kiefer and Wolfowitz for several. ns."""
    free = [int(dues[0]) if len(dues) else 0] * servers
    waits = np.empty(len(dues), np.int64)
    for index, (due, service) in enumerate(zip(dues.tolist(), services.tolist(), strict=True)):
        start = max(due, free[0])
        waits[index] = start - due
        heapq.heapreplace(free, start + service)
    return waits
