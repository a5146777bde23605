"""What agents have counted of their loads, put into events. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS, NS_PER_S
from ovbench.common.histogram import FINE, percentile
from ovbench.common.messages import Counted

from .events import AgentCounts, Counts
from .member import Member

Int64s = npt.NDArray[np.int64]

_PER_DECADE: Final = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
"""Renard's R10: each is 1.26 times the one before."""

BOUNDS_S: Final = (*(float(f"{step}e{decade}") for decade in range(-5, 2) for step in _PER_DECADE), 100.0)
"""From 10 microseconds to 100 seconds."""

_AGENTS_A_HEARTBEAT: Final = 64
"""So many report their histograms with every heartbeat, some tens of KB each; more of them less often."""

_BOUND_BUCKETS: Final = np.searchsorted(
    FINE.values(np.arange(FINE.size)), np.rint(np.asarray(BOUNDS_S) * NS_PER_S), side="right"
)


def counts_s(agents: int, heartbeat_s: float = 1.0) -> float:
    """How far apart an agent's reports are to be, at least."""
    return max(0.0, agents / _AGENTS_A_HEARTBEAT - 0.5) * heartbeat_s if agents > _AGENTS_A_HEARTBEAT else 0.0


def within(counts: Int64s) -> Int64s:
    """How many of a histogram in FINE are at most each bound, to the width of a bucket."""
    upto = np.concatenate([[0], np.cumsum(counts)])
    found: Int64s = upto[_BOUND_BUCKETS]
    return found


def histogram(counted: Counted) -> Int64s:
    counts = np.zeros(FINE.size, np.int64)
    counts[np.frombuffer(counted.buckets, "<i4")] = np.frombuffer(counted.counts, "<i8")
    return counts


@dataclass
class Counting:
    """Remembers what was told last of each agent. `hosts`: of several, the one that each agent is on."""

    hosts: Mapping[int, str] = field(default_factory=dict)
    _known: dict[int, tuple[Counted, Int64s, float]] = field(default_factory=dict)
    """What each has reported, how many latencies are within the bounds, and the most that their sum has been."""

    def event(self, members: Iterable[Member], now_ns: int) -> Counts | None:
        """None where nobody has counted anything. An agent that was lost keeps what it had."""
        agents, total = [], np.zeros(FINE.size, np.int64)
        for member in members:
            counted = member.counted
            if counted is None:
                continue
            counts = histogram(counted)
            total += counts
            agents.append(self._of(member, counted, counts))
        if not agents:
            return None
        p50_ms, p99_ms = (percentile(FINE, total, at) / NS_PER_MS if total.any() else None for at in (50.0, 99.0))
        return Counts(now_ns, BOUNDS_S, tuple(agents), p50_ms, p99_ms)

    def _of(self, member: Member, counted: Counted, counts: Int64s) -> AgentCounts:
        before = self._known.get(member.id)
        if before is not None and before[0] is counted:
            _, upto, total_s = before
        else:
            # A histogram that was copied while it was written may have had a few in a bucket too low.
            upto = within(counts) if before is None else np.maximum(within(counts), before[1])
            upto = np.minimum(upto, counted.completed)
            total_s = counted.total_s if before is None else max(counted.total_s, before[2])
            self._known[member.id] = (counted, upto, total_s)
        return AgentCounts(
            id=member.id,
            inferences=counted.completed,
            frames=counted.completed * sum(member.batches) / len(member.batches),
            latency_sum_s=total_s,
            latency_counts=tuple(upto.tolist()),
            dropped=counted.dropped,
            cpu_s=counted.cpu_s,
            host=self.hosts.get(member.id, ""),
        )
