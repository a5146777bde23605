"""From a plan to the record of its run: a session with its meters, and what is known of the machine."""

import contextlib
import os
from dataclasses import dataclass, replace
from importlib.metadata import version

from msgspec import structs

from ovbench.common.digests import known, model_files
from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import make_sensors
from ovbench.common.survey import Survey
from ovbench.common.topology import Topology
from ovbench.common.utilization import Meter, cpu_reader

from ..launch.interpreter import examine
from ..machine.inspection import read_environment
from ..plan.plan import Plan
from ..request.request import Request
from ..session.crew import Crew
from ..session.events import Sink
from ..session.record import AgentRecord, HostRecord, RunRecord
from ..session.rules import Rules
from ..session.session import Bus, Session
from ..session.snapshot import Tracker
from ..session.watch import Watch, grid_of
from ..stats.sequential import Grid
from .schedule import Int64s, scheduled


@dataclass(frozen=True)
class PlannedRun:
    """All that is settled before a run begins. `started_at` is in UTC, as in the report; `command` the words of the
    command line that asks for such a run."""

    request: Request
    plan: Plan
    topology: Topology
    started_at: str
    command: tuple[str, ...]


def measure(
    bus: Bus, planned: PlannedRun, sink: Sink, crew: Crew | None = None, lease_s: float | None = None
) -> tuple[RunRecord, Crew]:
    """One run, by agents of its own or by a whole `crew` that has delivered before; those that can still be reached
    are not released. `lease_s`: how long agents outlive a silent coordinator, if not as usual. This process moves to
    the CPUs where the plan wants it, and stays there.

    Raises UsageError where the job is wrong; nothing has been measured then.
    """
    request, topology = planned.request, planned.topology
    _stay_off(planned.plan, topology)
    watch = None if request.until is None else Watch(request.until, grid_of(request.load), len(planned.plan.jobs))
    plan = _knowing(planned.plan, request)
    with scheduled(plan if watch is None else _counting(plan, watch.grid), request) as ready:
        return _measured(bus, replace(planned, plan=ready.plan), ready.due_ns, sink, crew, lease_s, watch)


def _measured(
    bus: Bus,
    planned: PlannedRun,
    due_ns: Int64s | None,
    sink: Sink,
    crew: Crew | None,
    lease_s: float | None,
    watch: Watch | None,
) -> tuple[RunRecord, Crew]:
    request, plan, topology = planned.request, planned.plan, planned.topology
    session = Session(
        plan=plan,
        interrupts=bus.interrupts,
        meter=Meter(cpu_reader(cpu.id for cpu in topology.cpus)),
        survey=Survey(
            Neighbours(frozenset(plan.measured_cpus), os.getpid()), make_sensors(topology, plan.measured_cpus)
        ),
        tracker=Tracker(plan.measured_cpus, request.load.duration_s, plan.jobs[0].load.lead_in_s),
        sink=sink,
        rules=Rules(
            join_s=request.launch.join_timeout_s,
            prepare_s=request.launch.prepare_timeout_s,
            lease_s=lease_s if lease_s is not None else request.launch.lease_s,
        ),
        python=request.launch.agent_python,
        cpus=frozenset(cpu.id for cpu in topology.cpus) | frozenset(topology.offline),
        watch=watch,
    )
    agents, left = session.run(bus, crew)
    return record_of(planned, session, agents, due_ns), left


def _stay_off(plan: Plan, topology: Topology) -> None:
    """The coordinator, with all its threads, leaves the measured CPUs where there are others."""
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), plan.housekeeping or topology.allowed)


def _knowing(plan: Plan, request: Request) -> Plan:
    """With what is in the model's files, so that not every agent has to read all of them for it."""
    spec = plan.jobs[0].model
    if request.backend is not None or spec.builtin is not None:
        return plan
    read = known((*model_files(spec.source), *spec.extensions))
    return replace(plan, jobs=tuple(structs.replace(job, known=read) for job in plan.jobs))


def _counting(plan: Plan, grid: Grid) -> Plan:
    """With the cells of time that agents are to count their load in, so that it can be looked at while it runs."""
    cells_ns = grid.edges_ns[1:]
    jobs = (structs.replace(job, load=structs.replace(job.load, cells_ns=cells_ns)) for job in plan.jobs)
    return replace(plan, jobs=tuple(jobs))


def record_of(
    planned: PlannedRun, session: Session, agents: tuple[AgentRecord, ...], due_ns: Int64s | None = None
) -> RunRecord:
    """Of a session that has ended; nothing that its meters read later changes it. `due_ns`: of its schedule."""
    request, plan, topology = planned.request, planned.plan, planned.topology
    openvino = next((agent.ready.openvino for agent in agents if agent.ready is not None), "")
    python = None if request.launch.agent_python is None else examine(request.launch.agent_python)
    host = HostRecord(
        topology=topology,
        readings=tuple(session.meter.readings),
        environment=read_environment(topology, plan.measured_cpus, openvino, python),
        neighbours={where: tuple(points) for where, points in session.survey.neighbours.cpu_time.items()},
        sensors=tuple(session.survey.sensors.readings),
        governors=session.survey.sensors.governors,
    )
    return RunRecord(
        request=request,
        plan=plan,
        agents=agents,
        hosts=(host,),
        started_at=planned.started_at,
        command=planned.command,
        version=version("ovbench"),
        interrupted=session.interrupted,
        dropped_messages=session.dropped_messages,
        schedule_ns=due_ns,
        looks=() if session.watch is None else tuple(session.watch.looks),
    )
