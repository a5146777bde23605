"""Other hosts as the place of a run: what they are given before it, and what is known of each after it."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from ovbench.common.dealing import deal
from ovbench.common.errors import UsageError
from ovbench.common.job import Job, Schedule, ScheduleAddress
from ovbench.common.topology import Topology, format_cpu_list

from ..machine.inspection import environment_of
from ..plan.plan import Plan, SeatedHost, make_plan_over
from ..request.request import Launch, Request
from ..session.events import Sink
from ..session.hosts.agents import RemoteAgents
from ..session.hosts.host import Host
from ..session.hosts.hosts import Hosts
from ..session.hosts.observer import RemoteObserver
from ..session.interrupts import Interrupts
from ..session.record import AgentRecord, HostRecord
from ..session.session import Bus
from .schedule import Int64s, ScheduledPlan, due_of

_SURVEY_S = 6.0
"""Longer than a network may be cut without harm."""

_NOWHERE = ScheduleAddress(1, 0, 1, "0" * 32)
"""Until a host has said where it keeps its part of the schedule."""


@dataclass(frozen=True)
class RemoteSite:
    agents: RemoteAgents
    allow_extensions: bool

    @property
    def hosts(self) -> Hosts:
        return self.agents.hosts

    @property
    def topology(self) -> Topology:
        topology = self.hosts.hosts[0].topology
        assert topology is not None
        return topology

    @property
    def machine(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for host in self.hosts.hosts:
            if host.present is not None and host.topology is not None:
                told, cpus = host.present, format_cpu_list(tuple(cpu.id for cpu in host.topology.cpus))
                found[f"{host.name}: kernel"] = told.kernel
                found[f"{host.name}: openvino"] = told.libraries.get("openvino", "")
                found[f"{host.name}: cpus"] = f"{host.topology.model} {cpus}"
        return found

    @property
    def noise(self) -> None:
        """What hosts scatter by together no calibration knows."""
        return None

    def plan(self, request: Request) -> Plan:
        """Hosts that the request does not name have no agents in it."""
        if request.launch.remote is None:
            raise UsageError("it names no hosts, and other settings do; give --hosts to all of them, or to none")
        agents = {host.name: host.agents for host in request.launch.remote.hosts}
        return make_plan_over(
            request,
            [
                SeatedHost(host.name, host.topology, agents.get(host.name, 0) if agents else None)
                for host in self.hosts.hosts
                if host.topology is not None
            ],
        )

    def bus(self, launch: Launch, interrupts: Interrupts) -> contextlib.AbstractContextManager[Bus]:
        return self.agents.bus()

    @contextlib.contextmanager
    def scheduled(self, plan: Plan, request: Request) -> Iterator[ScheduledPlan]:
        """Each host has the arrivals of its agents in memory of its own."""
        self.hosts.supply.schedules = {}
        if request.arrivals is None:
            yield ScheduledPlan(plan, None)
            return
        due_ns = due_of(request)
        shares = deal(len(due_ns), request.dispatch, len(plan.jobs), request.arrivals.seed)
        jobs: list[Job] = []
        for host in self.hosts.hosts:
            agents = plan.agents_on(host.index)
            mine = [due_ns[shares[agent]] for agent in agents]
            offsets = np.concatenate(mine) if mine else np.empty(0, np.int64)
            self.hosts.supply.schedules[host.index] = offsets
            jobs += _scheduled_jobs(plan.jobs[agents.start : agents.stop], mine, request.load.warmup_s)
        yield ScheduledPlan(replace(plan, jobs=tuple(jobs)), due_ns)

    def watch(self, plan: Plan, again: bool, sink: Sink) -> "RemoteWatch":
        self.hosts.give_files(plan.jobs, self.allow_extensions, sink)
        self.hosts.begin(plan)
        if again:
            self.hosts.regroup(plan)
        self.agents.plan = plan
        return RemoteWatch(self.hosts, plan, RemoteObserver(self.hosts, plan))


def _scheduled_jobs(jobs: Sequence[Job], shares: Sequence[Int64s], lead_in_s: float) -> Iterator[Job]:
    total, first = sum(map(len, shares)), 0
    address = structs.replace(_NOWHERE, count=max(1, total))
    for job, share in zip(jobs, shares, strict=True):
        schedule = Schedule(address, first, len(share), False, lead_in_s)
        yield structs.replace(job, load=structs.replace(job.load, schedule=schedule))
        first += len(share)


@dataclass(frozen=True)
class RemoteWatch:
    hosts: Hosts
    plan: Plan
    observer: RemoteObserver

    @property
    def order_ns(self) -> int:
        """Of the slowest network: two round trips, as what it carries may have been sent twice."""
        return 2 * max((host.time.clock.least_round_trip_ns for host in self.hosts.living), default=0)

    def cpus_of(self, agent: int) -> Collection[int] | None:
        topology = self.hosts.hosts[self.plan.host_of(agent)].topology
        return None if topology is None else frozenset(cpu.id for cpu in topology.cpus) | frozenset(topology.offline)

    def records(self, request: Request, agents: Sequence[AgentRecord]) -> tuple[HostRecord, ...]:
        self.observer.finish()
        self.hosts.await_surveys(_SURVEY_S)
        self.hosts.rest()
        used = (host for host in self.hosts.hosts if len(self.plan.agents_on(host.index)))
        return tuple(self._record(host, agents) for host in used)

    def _record(self, host: Host, agents: Sequence[AgentRecord]) -> HostRecord:
        present, topology = host.present, host.topology
        assert present is not None
        assert topology is not None
        mine = [agents[id] for id in self.plan.agents_on(host.index)]
        finished = [agent.finished for agent in mine if agent.finished is not None]
        now_ns = self.hosts.clock()
        start_ns = min((one.start_ns for one in finished), default=now_ns)
        stop_ns = max((one.stop_ns for one in finished), default=now_ns)
        openvino = next((agent.ready.openvino for agent in mine if agent.ready is not None), "")
        observed = host.observed
        return HostRecord(
            topology=topology,
            readings=tuple(observed.readings),
            environment=environment_of(present, topology, observed.governors, openvino),
            neighbours={where: tuple(points) for where, points in observed.neighbours.items()},
            sensors=tuple(observed.sensors),
            governors=observed.governors,
            name=host.name,
            clock=host.time.record(start_ns, stop_ns),
            why=host.lost,
            surveyed=observed.over,
        )
