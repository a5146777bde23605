"""Where agents were to run, and where they and their memory were. Pure."""

from collections.abc import Iterator

from ovbench.common.topology import Topology, format_cpu_list

from ..plan import Plan
from ..result import Finding
from .evidence import Code, Evidence


def find_in_plan(plan: Plan, topology: Topology) -> Iterator[Finding]:
    """What is known before anything is started."""
    shared = plan.shared_cpus
    if shared:
        agents, cpus = len(plan.jobs), len(plan.measured_cpus)
        number = f"{cpus} CPUs" if cpus != 1 else "1 CPU"
        message = f"{agents} agents on {number}: those on {format_cpu_list(shared)} measure each other's load."
        yield Finding(Code.OVERSUBSCRIBED, "warning", message, "Use fewer --agents, or more CPUs.")
    yield from _find_in_quota(plan, topology)


def _find_in_quota(plan: Plan, topology: Topology) -> Iterator[Finding]:
    """A plan may still keep within it, with -max_irate; what was used up is found in the run."""
    quota, cpus = topology.quota_cpus, len(plan.measured_cpus)
    if quota is not None and quota < cpus:
        message = f"The control group's quota is {quota:g} CPUs' time, and {cpus} are measured: it may run out."
        yield Finding(Code.CPU_QUOTA, "warning", message, "Measure fewer --cpus, or raise the quota (cpu.max).")


def find_in_placement(evidence: Evidence) -> Iterator[Finding]:
    for member in evidence.members:
        requested = set(member.job.placement.cpus)
        if member.finished is None:
            continue
        given = format_cpu_list(member.job.placement.cpus)
        strayed = (set(member.finished.mask) | set(member.finished.seen)) - requested
        if strayed:
            where = format_cpu_list(tuple(strayed))
            message = f"{member.name} was given CPUs {given} but its threads may run on or ran on {where}."
            yield Finding(Code.WRONG_CPUS, "error", message)
