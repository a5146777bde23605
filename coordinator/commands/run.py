"""A command line without a verb: one run, or with --dry-run its plan."""

import json

from ovbench.common.errors import ExitCode
from ovbench.common.job import Job
from ovbench.common.topology import Topology

from ..launch.registry import make_launcher
from ..machine.limits import check_limits
from ..machine.sysfs import read_machine
from ..plan.plan import Plan, make_plan
from ..request.request import Request
from .verb import Call


def run(request: Request, call: Call) -> ExitCode:
    """Raises UsageError where the run cannot be; nothing has been measured then."""
    topology = read_machine(request.sysfs)
    plan = make_plan(request, topology)
    if request.dry_run:
        return _show_plan(request, plan, topology)
    python = request.launch.agent_python
    if python is not None:
        from ..launch.interpreter import examine

        examine(python)
    check_limits(len(plan.jobs))
    # From here on the agents' common process loads, while the rest of this one does.
    launcher = make_launcher(request.launch)
    from .conduct import conduct

    try:
        return conduct(request, plan, topology, launcher, call.interrupts, call.command)
    finally:
        launcher.close()


def _show_plan(request: Request, plan: Plan, topology: Topology) -> ExitCode:
    from ..checks.planned import find_in_plan

    findings = tuple(find_in_plan(plan, topology))
    if request.output.json:
        assignments = [_assignment(index, job, topology) for index, job in enumerate(plan.jobs)]
        problems = [{"code": f.code, "severity": f.severity, "message": f.message} for f in findings]
        housekeeping = list(plan.housekeeping)
        print(json.dumps({"assignments": assignments, "housekeeping": housekeeping, "findings": problems}, indent=2))
    else:
        from ..report.console import SafeConsole
        from ..report.text import print_plan

        print_plan(SafeConsole(), request, plan, topology, findings)
    return ExitCode.VALID


def _assignment(index: int, job: Job, topology: Topology) -> dict[str, object]:
    socket, node = topology.home(job.placement.cpus)
    return {
        "agent": index,
        "cpus": list(job.placement.cpus),
        "node": node,
        "socket": socket,
        "memory": None if job.placement.memory is None else job.placement.memory.text,
        "streams": job.runtime.streams,
        "threads": job.runtime.threads,
        "nireq": job.runtime.requests,
        "iterations": job.load.iterations,
    }
