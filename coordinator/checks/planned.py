"""What is doubtful about a plan, before anything is started. Pure.

A plan is shown without what a run is judged by, so this imports none of it.
"""

from collections.abc import Iterator, Sequence

from ovbench.common.topology import Topology, format_cpu_list

from ..plan.plan import Plan
from ..result.findings import Code
from ..result.report import Finding


def find_in_plan(plan: Plan, topology: Topology, first: int = 0) -> Iterator[Finding]:
    """What is known before anything is started, of one host. `first`: the id of its first agent."""
    shared = plan.shared_cpus
    if shared:
        agents, cpus = len(plan.jobs), len(plan.measured_cpus)
        number = f"{cpus} CPUs" if cpus != 1 else "1 CPU"
        message = f"{agents} agents on {number}: those on {format_cpu_list(shared)} measure each other's load."
        yield Finding(Code.OVERSUBSCRIBED, "warning", message, "Use fewer --agents, or more CPUs.")
    yield from _find_in_quota(plan, topology)
    yield from _find_siblings(plan, topology, first)
    across = [i for i, job in enumerate(plan.jobs, first) if len(topology.nodes_of(job.placement.cpus)) > 1]
    if across:
        nodes = topology.nodes_of(plan.jobs[across[0] - first].placement.cpus)
        message = (
            f"{agents_in_words(across)} {'has' if len(across) == 1 else 'have'} CPUs on several NUMA nodes, "
            f"agent {across[0]} on {format_cpu_list(nodes)}: some of its memory is remote to some of its CPUs."
        )
        yield Finding(Code.SPANS_NODES, "info", message, "Use --agents per-node, or more --agents.")


def _find_in_quota(plan: Plan, topology: Topology) -> Iterator[Finding]:
    """A plan may still keep within it, with -max_irate; what was used up is found in the run."""
    quota, cpus = topology.quota_cpus, len(plan.measured_cpus)
    if quota is not None and quota < cpus:
        message = f"The control group's quota is {quota:g} CPUs, but {cpus} are measured: it may run out."
        yield Finding(Code.CPU_QUOTA, "warning", message, "Measure fewer --cpus, or raise the quota (cpu.max).")


def _find_siblings(plan: Plan, topology: Topology, first: int) -> Iterator[Finding]:
    cores = {cpu.id: cpu.physical_core for cpu in topology.cpus}
    users: dict[tuple[int, int, int], dict[int, set[int]]] = {}
    for id, job in enumerate(plan.jobs, first):
        for cpu in job.placement.cpus:
            if cpu in cores:
                users.setdefault(cores[cpu], {}).setdefault(cpu, set()).add(id)
    both = {core: cpus for core, cpus in users.items() if len(cpus) > 1 and len(set().union(*cpus.values())) > 1}
    if both:
        agents = sorted(set[int]().union(*(some for cpus in both.values() for some in cpus.values())))
        cpus = sorted(cpu for core in both.values() for cpu in core)
        message = (
            f"{agents_in_words(agents)} share {number_of(len(both), 'physical core')} as SMT siblings, on CPUs "
            f"{format_cpu_list(cpus)}: they take time from each other."
        )
        yield Finding(Code.SMT_SHARING, "warning", message, "Use --smt skip, or --agents per-core for a core each.")
    beside = sorted(cpu for cpu in plan.housekeeping if cores.get(cpu) in users)
    if beside:
        message = f"Control threads run on CPUs {format_cpu_list(beside)}, SMT siblings of measured ones."
        advice = "Leave a core free of load, and name it in --housekeeping."
        yield Finding(Code.SMT_SHARING, "info", message, advice)


def agents_in_words(ids: Sequence[int]) -> str:
    return f"Agent{'s' if len(ids) > 1 else ''} {format_cpu_list(ids)}"


def number_of(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"
