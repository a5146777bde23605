"""--dry-run: the plan, shown before anything is started on its account."""

import json
from collections.abc import Sequence
from typing import Any

from ovbench.common.errors import ExitCode
from ovbench.common.job import Job
from ovbench.common.topology import Topology

from ..checks.planned import find_in_plan
from ..plan.plan import Plan
from ..request.request import Request
from ..result.report import Finding


def show_plan(request: Request, plan: Plan, topologies: Sequence[Topology]) -> ExitCode:
    """`topologies`: of the plan's hosts, in their order."""
    found = [tuple(find_in_plan(plan.on(host), topology)) for host, topology in enumerate(topologies)]
    if request.output.json:
        print(json.dumps(_plain(plan, topologies, found), indent=2))
        return ExitCode.VALID
    from ..report.console import SafeConsole
    from ..report.text import print_plan

    console = SafeConsole()
    for host, topology in enumerate(topologies):
        if plan.shares:
            console.print(f"{plan.shares[host].host}: {topology.model or 'a processor without a name'}", style="bold")
        print_plan(console, request, plan.on(host), topology, found[host], first=plan.agents_on(host).start)
    return ExitCode.VALID


def _plain(plan: Plan, topologies: Sequence[Topology], found: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    names = [share.host for share in plan.shares]
    assignments = [
        {**({"host": names[host]} if names else {}), **_assignment(agent, plan.jobs[agent], topology)}
        for host, topology in enumerate(topologies)
        for agent in plan.agents_on(host)
    ]
    problems = [
        {
            **({"host": names[host]} if names else {}),
            "code": finding.code,
            "severity": finding.severity,
            "message": finding.message,
        }
        for host, findings in enumerate(found)
        for finding in findings
    ]
    if not names:
        return {"assignments": assignments, "housekeeping": list(plan.housekeeping), "findings": problems}
    hosts = [{"name": share.host, "housekeeping": list(share.housekeeping)} for share in plan.shares]
    return {"assignments": assignments, "hosts": hosts, "findings": problems}


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
