"""From a plan to the record of its run: a session with its meters, and what is known of the machine."""

from dataclasses import dataclass, replace
from importlib.metadata import version

from msgspec import structs

from ..plan.plan import Plan
from ..request.request import Request
from ..session.counting import Counting, counts_s
from ..session.crew import Crew
from ..session.events import Sink
from ..session.record import AgentRecord, HostRecord, RunRecord
from ..session.rules import Rules
from ..session.session import Bus, Session
from ..session.snapshot import Tracker
from ..session.watch import Watch, grid_of
from ..stats.sequential import Grid
from .schedule import Int64s
from .site import Site


@dataclass(frozen=True)
class PlannedRun:
    """All that is settled before a run begins. `started_at` is in UTC, as in the report; `command` the words of the
    command line that asks for such a run. `counted`: agents report all that they have completed while they run."""

    request: Request
    plan: Plan
    site: Site
    started_at: str
    command: tuple[str, ...]
    counted: bool = False


def measure(
    bus: Bus, planned: PlannedRun, sink: Sink, crew: Crew | None = None, lease_s: float | None = None
) -> tuple[RunRecord, Crew]:
    """One run, by agents of its own or by a whole `crew` that has delivered before; those that can still be reached
    are not released. `lease_s`: how long agents outlive a silent coordinator, if not as usual. This process moves to
    the CPUs where the plan wants it, and stays there.

    Raises UsageError where the job is wrong; nothing has been measured then.
    """
    request = planned.request
    watch = None if request.until is None else Watch(request.until, grid_of(request.load), len(planned.plan.jobs))
    plan = planned.plan if watch is None else _counting(planned.plan, watch.grid)
    if planned.counted:
        plan = _counted(plan)
    with planned.site.scheduled(plan, request) as ready:
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
    request, plan = planned.request, planned.plan
    watched = planned.site.watch(plan, crew is not None, sink)
    session = Session(
        plan=plan,
        interrupts=bus.interrupts,
        observer=watched.observer,
        tracker=Tracker(request.load.duration_s, plan.jobs[0].load.lead_in_s, plan.host_names),
        sink=sink,
        rules=Rules(
            join_s=request.launch.join_timeout_s,
            prepare_s=request.launch.prepare_timeout_s,
            lease_s=lease_s if lease_s is not None else request.launch.lease_s,
            margin_ns=Rules.margin_ns + watched.order_ns,
        ),
        python=request.launch.agent_python,
        cpus_of=watched.cpus_of,
        watch=watch,
        counting=Counting(plan.host_names) if planned.counted else None,
    )
    agents, left = session.run(bus, crew)
    return record_of(planned, session, agents, watched.records(request, agents), due_ns), left


def _counting(plan: Plan, grid: Grid) -> Plan:
    """With the cells of time that agents are to count their load in, so that it can be looked at while it runs."""
    cells_ns = grid.edges_ns[1:]
    jobs = (structs.replace(job, load=structs.replace(job.load, cells_ns=cells_ns)) for job in plan.jobs)
    return replace(plan, jobs=tuple(jobs))


def _counted(plan: Plan) -> Plan:
    interval_s = counts_s(len(plan.jobs))
    jobs = (structs.replace(job, load=structs.replace(job.load, counts_s=interval_s)) for job in plan.jobs)
    return replace(plan, jobs=tuple(jobs))


def record_of(
    planned: PlannedRun,
    session: Session,
    agents: tuple[AgentRecord, ...],
    hosts: tuple[HostRecord, ...],
    due_ns: Int64s | None = None,
) -> RunRecord:
    """Of a session that has ended. `due_ns`: of its schedule."""
    return RunRecord(
        request=planned.request,
        plan=planned.plan.occupied(),
        agents=agents,
        hosts=hosts,
        started_at=planned.started_at,
        command=planned.command,
        version=version("ovbench"),
        interrupted=session.interrupted,
        dropped_messages=session.dropped_messages,
        refused_connections=session.refused_connections,
        schedule_ns=due_ns,
        looks=() if session.watch is None else tuple(session.watch.looks),
    )
