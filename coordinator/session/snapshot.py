"""A fleet as it stands, put into events: who is awaited, who is ready, how the load goes, how it ended. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ovbench.common.clock import NS_PER_MS, NS_PER_S, NS_PER_US, to_ns
from ovbench.common.histogram import COARSE, percentile
from ovbench.common.lifecycle import State

from .events import AgentEnd, AgentLoad, Awaited, Delivering, Joining, Preparing, ReadyAgent, Snapshot, WarmingUp
from .fleet import Fleet
from .member import Member
from .phase import Phase

NO_HOSTS: Final[Mapping[int, str]] = {}


def awaited(fleet: Fleet, now_ns: int, hosts: Mapping[int, str] = NO_HOSTS) -> Awaited:
    """What the fleet waits for; to be asked for only while no load runs. `hosts`: of several, the one that each agent
    is on."""
    total = len(fleet.members)
    match fleet.phase:
        case Phase.JOINING:
            missing = tuple(member.id for member in fleet.missing())
            return Joining(now_ns, total, missing, tuple(dict.fromkeys(hosts[id] for id in missing if id in hosts)))
        case Phase.WARMING_UP:
            return WarmingUp(now_ns, total)
        case Phase.RUNNING | Phase.DELIVERING:
            return Delivering(now_ns, total, fleet.still(State.DELIVERED))
    preparing = [member for member in fleet.members if member.state is State.PREPARING]
    if not preparing:
        return Preparing(now_ns, total, total, None, 0)
    slowest = min(preparing, key=_step)
    return Preparing(now_ns, total, total - len(preparing), slowest.id, _step(slowest), hosts.get(slowest.id, ""))


def _step(member: Member) -> int:
    return member.progress.step if member.progress is not None else 0


def ready_agents(members: Iterable[Member], hosts: Mapping[int, str] = NO_HOSTS) -> tuple[ReadyAgent, ...]:
    """Those that have prepared, with what they reported. `hosts`: as in `awaited`."""
    return tuple(
        ReadyAgent(
            member.id, member.pid, member.job.placement.cpus, member.job.runtime, member.ready, hosts.get(member.id, "")
        )
        for member in members
        if member.ready is not None
    )


def ends(members: Iterable[Member]) -> tuple[AgentEnd, ...]:
    return tuple(AgentEnd(member.id, member.state, member.why) for member in members)


@dataclass
class Tracker:
    """Remembers the heartbeats before the latest ones. `hosts`: as in `awaited`."""

    duration_s: float | None
    lead_in_s: float = 0.0
    hosts: Mapping[int, str] = field(default_factory=dict)
    _last: dict[int, tuple[int, int]] = field(default_factory=dict)
    _fps: dict[int, float] = field(default_factory=dict)
    _busy: dict[int, tuple[int, int]] = field(default_factory=dict)
    _shares: dict[int, float] = field(default_factory=dict)
    _latencies: "np.ndarray[tuple[int], np.dtype[np.int64]]" = field(
        default_factory=lambda: np.zeros(COARSE.size, np.int64)
    )

    def snapshot(
        self, fleet: Fleet, busy_percent: float | None, now_ns: int, half_width_percent: float | None = None
    ) -> Snapshot:
        """`busy_percent`: of the measured CPUs, None where it is not known."""
        for member in fleet.members:
            self._take(member)
        begin_ns = (fleet.begin_ns or now_ns) + to_ns(self.lead_in_s)
        elapsed_s = max(0.0, (now_ns - begin_ns) / NS_PER_S)
        living = fleet.living()
        return Snapshot(
            at_ns=now_ns,
            elapsed_s=elapsed_s,
            left_s=None if self.duration_s is None else max(0.0, self.duration_s - elapsed_s),
            share=None if self.duration_s is None else min(1.0, elapsed_s / self.duration_s),
            fps=sum(self._fps.get(member.id, 0.0) for member in living) if self._fps else None,
            completed=sum(m.progress.completed for m in fleet.members if m.progress is not None),
            p99_ms=percentile(COARSE, self._latencies, 99.0) / NS_PER_MS if self._latencies.any() else None,
            busy_percent=busy_percent,
            backlog=_backlog(living),
            agents=tuple(
                AgentLoad(
                    m.id,
                    m.job.placement.cpus,
                    self._fps.get(m.id),
                    m.progress.completed if m.progress else 0,
                    self.hosts.get(m.id, ""),
                )
                for m in living
            ),
            half_width_percent=half_width_percent,
            others_percent=self._others(fleet, busy_percent),
        )

    def _others(self, fleet: Fleet, busy_percent: float | None) -> float | None:
        """What measured CPUs were busy with beside the agents that are left; None until all of these are known."""
        living = fleet.living()
        if busy_percent is None or not living or not all(member.id in self._shares for member in living):
            return None
        cpus = {(self.hosts.get(m.id, ""), cpu) for m in fleet.members for cpu in m.job.placement.cpus}
        agents = sum(self._shares[member.id] for member in living)
        return max(0.0, busy_percent - 100 * agents / len(cpus))

    def _take(self, member: Member) -> None:
        progress = member.progress
        if progress is not None:
            self._take_busy(member.id, member.progress_ns, progress.busy_ms)
        if progress is None or not progress.completed or member.ready is None:
            return
        before = self._last.get(member.id)
        if before is not None and before[0] == member.progress_ns:
            return
        self._last[member.id] = (member.progress_ns, progress.completed)
        for bucket, count in zip(progress.buckets, progress.counts, strict=False):
            if bucket < COARSE.size:
                self._latencies[bucket] += count
        if before is not None and member.progress_ns - before[0] > NS_PER_US:
            rate = (progress.completed - before[1]) / ((member.progress_ns - before[0]) / NS_PER_S)
            self._fps[member.id] = rate * sum(member.batches) / len(member.batches)

    def _take_busy(self, agent: int, at_ns: int, busy_ms: int) -> None:
        before_ns, before_ms = self._busy.setdefault(agent, (at_ns, busy_ms))
        if at_ns > before_ns:
            self._shares[agent] = (busy_ms - before_ms) * NS_PER_MS / (at_ns - before_ns)
            self._busy[agent] = (at_ns, busy_ms)


def _backlog(members: Iterable[Member]) -> int | None:
    """Arrivals that are due and not yet taken; of those who share a queue the latest report, as it is of all."""
    known = [(m.progress_ns, m.progress.backlog, m.job.load.schedule) for m in members if m.progress is not None]
    backlogs = [(at_ns, backlog) for at_ns, backlog, schedule in known if backlog is not None and schedule is not None]
    if not backlogs:
        return None
    shared = any(schedule.shared for _, _, schedule in known if schedule is not None)
    return max(backlogs)[1] if shared else sum(backlog for _, backlog in backlogs)
