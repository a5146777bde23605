"""From a request and a topology to one job per agent. Pure, so that a plan can be shown without running it."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from ovbench.common.clock import NS_PER_S
from ovbench.common.errors import UsageError
from ovbench.common.job import Job, Load, Pace, Placement
from ovbench.common.shares import share
from ovbench.common.topology import Topology

from ..request.request import Request
from .partition import place
from .selection import housekeeping, memory_policy

_MIB: Final = 1 << 20


@dataclass(frozen=True)
class Plan:
    """`jobs`: agent i runs jobs[i]. `housekeeping`: CPUs for control threads, none of which is measured."""

    jobs: tuple[Job, ...]
    housekeeping: tuple[int, ...]

    @property
    def measured_cpus(self) -> tuple[int, ...]:
        return tuple(sorted({cpu for job in self.jobs for cpu in job.placement.cpus}))

    @property
    def shared_cpus(self) -> tuple[int, ...]:
        """CPUs that several agents have."""
        given = Counter(cpu for job in self.jobs for cpu in job.placement.cpus)
        return tuple(sorted(cpu for cpu, times in given.items() if times > 1))


def make_plan(request: Request, topology: Topology) -> Plan:
    """Raises UsageError where the request cannot be met on this machine."""
    policy, load = request.placement, request.load
    blocks = place(policy, topology)
    control = housekeeping(policy, topology, {cpu for block in blocks for cpu in block})
    if load.iterations and load.iterations < len(blocks):
        raise UsageError(
            f"-niter {load.iterations} gives some of {len(blocks)} agents nothing to do; use fewer --agents"
        )
    memory = memory_policy(policy.memory, topology)
    placements = [Placement(cpus=cpus, housekeeping=control, memory=memory) for cpus in blocks]
    return Plan(
        tuple(_job(request, index, len(blocks), placement) for index, placement in enumerate(placements)), control
    )


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
