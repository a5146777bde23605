"""From a request and a topology to one job per agent. Pure, so that a plan can be shown without running it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Final

from msgspec import structs

from ovbench.common.clock import NS_PER_S
from ovbench.common.errors import UsageError
from ovbench.common.job import Job, Load, Pace, Placement
from ovbench.common.shares import share
from ovbench.common.topology import Topology

from ..request.policy import Policy
from ..request.request import Request
from .partition import place
from .selection import housekeeping, memory_policy

_MIB: Final = 1 << 20


@dataclass(frozen=True)
class SeatedHost:
    """One of several hosts to plan for. `agents`: how many it is to have, where that is its own, 0 for none; None for
    --agents."""

    name: str
    topology: Topology
    agents: int | None = None


@dataclass(frozen=True)
class HostShare:
    """How many of a plan's agents are on a host, those after the hosts' before it, and its CPUs for control threads."""

    host: str
    agents: int
    housekeeping: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """`jobs`: agent i runs jobs[i]. `housekeeping`: CPUs for control threads, none of which is measured.

    Over several hosts, `shares` has them; what concerns CPUs is asked of the part of a host (`on`).
    """

    jobs: tuple[Job, ...]
    housekeeping: tuple[int, ...]
    shares: tuple[HostShare, ...] = ()

    @property
    def hosts(self) -> int:
        return max(1, len(self.shares))

    def agents_on(self, host: int) -> range:
        """The ids of the agents of the host of that index."""
        if not self.shares:
            return range(len(self.jobs))
        first = sum(share.agents for share in self.shares[:host])
        return range(first, first + self.shares[host].agents)

    def host_of(self, agent: int) -> int:
        """The index of the host that an agent is on."""
        ends = accumulate(share.agents for share in self.shares)
        return next((host for host, end in enumerate(ends) if agent < end), 0)

    @cached_property
    def host_names(self) -> dict[int, str]:
        """Of several hosts that have agents, the name of the one that each agent is on; empty for one."""
        if sum(share.agents > 0 for share in self.shares) < 2:
            return {}
        return {agent: share.host for host, share in enumerate(self.shares) for agent in self.agents_on(host)}

    def on(self, host: int) -> "Plan":
        """The part of it on one host, as if there were no other."""
        if not self.shares:
            return self
        agents = self.agents_on(host)
        return Plan(self.jobs[agents.start : agents.stop], self.shares[host].housekeeping)

    @property
    def agents_per_cpu(self) -> float:
        """Of the host where they are the most."""
        parts = (self.on(host) for host in range(self.hosts))
        return max(len(part.jobs) / max(1, len(part.measured_cpus)) for part in parts)

    def occupied(self) -> "Plan":
        """Without hosts that have no agents."""
        return replace(self, shares=tuple(share for share in self.shares if share.agents))

    @property
    def measured_cpus(self) -> tuple[int, ...]:
        assert not self.shares, "CPUs are numbered on each host anew"
        return tuple(sorted({cpu for job in self.jobs for cpu in job.placement.cpus}))

    @property
    def shared_cpus(self) -> tuple[int, ...]:
        """CPUs that several agents have."""
        assert not self.shares, "CPUs are numbered on each host anew"
        given = Counter(cpu for job in self.jobs for cpu in job.placement.cpus)
        return tuple(sorted(cpu for cpu, times in given.items() if times > 1))


def make_plan(request: Request, topology: Topology) -> Plan:
    """Raises UsageError where the request cannot be met on this machine."""
    placements = _placements(request.placement, topology)
    return Plan(_jobs(request, placements), placements[0].housekeeping)


def make_plan_over(request: Request, hosts: Sequence[SeatedHost]) -> Plan:
    """The placement options hold on each host, the load is that of all agents. Raises UsageError, which names the
    host, where they cannot be met on one."""
    placements, shares = [], []
    for host in hosts:
        if host.agents == 0:
            shares.append(HostShare(host.name, 0, ()))
            continue
        policy = request.placement if host.agents is None else replace(request.placement, agents=host.agents)
        try:
            mine = _placements(policy, host.topology)
        except UsageError as error:
            raise UsageError(f"host {host.name}: {error}") from None
        placements += mine
        shares.append(HostShare(host.name, len(mine), mine[0].housekeeping))
    return Plan(_jobs(request, placements), (), tuple(shares))


def _placements(policy: Policy, topology: Topology) -> list[Placement]:
    """Of each agent."""
    blocks = place(policy, topology)
    control = housekeeping(policy, topology, {cpu for block in blocks for cpu in block})
    memory = memory_policy(policy.memory, topology)
    return [Placement(cpus=cpus, housekeeping=control, memory=memory) for cpus in blocks]


def _jobs(request: Request, placements: Sequence[Placement]) -> tuple[Job, ...]:
    agents, iterations = len(placements), request.load.iterations
    if iterations and iterations < agents:
        raise UsageError(f"-niter {iterations} gives some of {agents} agents nothing to do; use fewer --agents")
    return tuple(_job(request, index, agents, placement) for index, placement in enumerate(placements))


def _job(request: Request, index: int, agents: int, placement: Placement) -> Job:
    return Job(
        model=request.model,
        runtime=request.runtime,
        load=_load(request, index, agents),
        placement=placement,
        null=None if request.backend is None else request.backend.of_agent(index, agents),
        data=request.data,
        sample_bytes=max(_MIB // 4, request.output.sample_memory_mb * _MIB // agents),
        preprocessing=request.preprocessing,
        # They all run the same graph.
        wants_graph=request.output.exec_graph_path is not None and index == 0,
        check_outputs=request.criteria.check_outputs,
    )


def _load(request: Request, index: int, agents: int) -> Load:
    """One agent's share."""
    scenario, rules, total = request.scenario, request.rules, request.load.iterations
    if scenario is not None and rules is not None and scenario.name != "server":
        # With as many agents or more each has one of them, as 0 would be to compile only.
        total = max(agents, rules.min_queries * scenario.samples_per_query)
    queries = scenario is not None and scenario.name == "multi-stream"
    return structs.replace(
        request.load,
        iterations=None if total is None else share(total, agents, index),
        samples_per_query=scenario.samples_per_query if scenario is not None and queries else None,
        # At a schedule the warm-up is the arrivals before the window.
        warmup_s=request.load.warmup_s if request.arrivals is None else 0.0,
        pace=pace(request.max_irate, index, agents),
    )


def pace(frames_per_s: float, index: int, agents: int) -> Pace | None:
    """An agent's even share of a rate for all of them, out of step with the others'; a rate of 0 is no limit."""
    if frames_per_s == 0:
        return None
    return Pace(frame_period_ns=agents * NS_PER_S / frames_per_s, phase=index / agents)
