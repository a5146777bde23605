"""Where a run takes place: the hosts, who observes them, and what is known of each when it has ended."""

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from msgspec import structs

from ovbench.common.digests import known, model_files
from ovbench.common.errors import UsageError
from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import make_sensors
from ovbench.common.survey import Survey
from ovbench.common.topology import Topology
from ovbench.common.utilization import Meter, cpu_reader

from ..launch.interpreter import examine
from ..launch.local import LocalLauncher
from ..machine.inspection import read_environment
from ..plan.plan import Plan, make_plan
from ..request.request import Launch, Request
from ..result.noise import NoiseFloor
from ..session.events import Sink
from ..session.interrupts import Interrupts
from ..session.observer import LocalObserver, Observer
from ..session.record import AgentRecord, HostRecord
from ..session.session import Bus
from .noise import noise_floor
from .schedule import ScheduledPlan, scheduled


class Watched(Protocol):
    """One run's observation of its hosts."""

    @property
    def observer(self) -> Observer: ...

    @property
    def order_ns(self) -> int:
        """How long an order may be under way to an agent, beyond what it is on this host."""

    def cpus_of(self, agent: int) -> Collection[int] | None:
        """All that there are on its host, None where that is not known."""

    def records(self, request: Request, agents: Sequence[AgentRecord]) -> tuple[HostRecord, ...]:
        """When it has ended; nothing that is read later changes them."""


class Site(Protocol):
    @property
    def topology(self) -> Topology:
        """Of its first host, by which studies are designed."""

    @property
    def machine(self) -> Mapping[str, str]:
        """What has to be as it was where a study goes on, of each other host, by what it is called."""

    @property
    def noise(self) -> NoiseFloor | None:
        """By its calibration; None where there is none, and over several hosts."""

    def plan(self, request: Request) -> Plan:
        """Raises UsageError where the request cannot be met there."""

    def bus(self, launch: Launch, interrupts: Interrupts) -> contextlib.AbstractContextManager[Bus]:
        """By which agents are reached that are started for its runs; none of them is left in the end. In the main
        thread: the kernel's word of its end follows the thread that starts agents."""

    def scheduled(self, plan: Plan, request: Request) -> contextlib.AbstractContextManager[ScheduledPlan]:
        """The plan with its arrivals in memory, as long as the context lasts. Raises UsageError where it has none."""

    def watch(self, plan: Plan, again: bool, sink: Sink) -> Watched:
        """Begins to observe the hosts of a plan; the coordinator stays off what is measured from now on. `again`: with
        the agents that are there. `sink`: what is shown of what has to be waited for."""


def _knowing(plan: Plan, request: Request) -> Plan:
    """With what is in the model's files, so that not every agent has to read all of them for it."""
    spec = plan.jobs[0].model
    if request.backend is not None or spec.builtin is not None:
        return plan
    read = known((*model_files(spec.source), *spec.extensions))
    return replace(plan, jobs=tuple(structs.replace(job, known=read) for job in plan.jobs))


@dataclass(frozen=True)
class LocalSite:
    """The coordinator's own host."""

    topology: Topology
    machine: Mapping[str, str] = field(default_factory=dict)
    recorded: bool = False
    """It is a recording, which stands for any host that is planned for."""

    @property
    def noise(self) -> NoiseFloor | None:
        return None if self.recorded else noise_floor(self.topology)

    def plan(self, request: Request) -> Plan:
        if request.launch.remote is not None and not self.recorded:
            raise UsageError("it names other hosts, which not all settings do; give --hosts to all of them, or to none")
        return make_plan(request, self.topology)

    @contextlib.contextmanager
    def bus(self, launch: Launch, interrupts: Interrupts) -> Iterator[Bus]:
        launcher = LocalLauncher(launch.agent_python)
        interrupts.attend(launcher.abandon)
        try:
            with Bus.open(launcher, interrupts, None) as bus:
                yield bus
        finally:
            launcher.close()

    def scheduled(self, plan: Plan, request: Request) -> contextlib.AbstractContextManager[ScheduledPlan]:
        return scheduled(_knowing(plan, request), request)

    def watch(self, plan: Plan, again: bool, sink: Sink) -> "LocalWatch":
        _stay_off(plan, self.topology)
        cpus = plan.measured_cpus
        survey = Survey(Neighbours(frozenset(cpus), os.getpid()), make_sensors(self.topology, cpus))
        reader = cpu_reader(cpu.id for cpu in self.topology.cpus)
        return LocalWatch(self.topology, LocalObserver(Meter(reader), survey, cpus))


@dataclass(frozen=True)
class LocalWatch:
    topology: Topology
    observer: LocalObserver
    order_ns: int = 0

    def cpus_of(self, agent: int) -> Collection[int]:
        return frozenset(cpu.id for cpu in self.topology.cpus) | frozenset(self.topology.offline)

    def records(self, request: Request, agents: Sequence[AgentRecord]) -> tuple[HostRecord, ...]:
        openvino = next((agent.ready.openvino for agent in agents if agent.ready is not None), "")
        python = None if request.launch.agent_python is None else examine(request.launch.agent_python)
        survey = self.observer.surveyed
        environment = read_environment(self.topology, self.observer.measured_cpus, openvino, python)
        return (
            HostRecord(
                topology=self.topology,
                readings=tuple(self.observer.meter.readings),
                environment=structs.replace(environment, noise=noise_floor(self.topology)),
                neighbours={where: tuple(points) for where, points in survey.neighbours.cpu_time.items()},
                sensors=tuple(survey.sensors.readings),
                governors=survey.sensors.governors,
            ),
        )


def _stay_off(plan: Plan, topology: Topology) -> None:
    """The coordinator, with all its threads, leaves the measured CPUs where there are others."""
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), plan.housekeeping or topology.allowed)
