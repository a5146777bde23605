"""Which CPUs and memory of a topology a policy selects: to measure, and for control threads. Pure."""

from collections.abc import Collection

from ovbench.common.errors import UsageError
from ovbench.common.job import MemoryPolicy
from ovbench.common.topology import Cpu, Topology, format_cpu_list

from ..request.policy import Policy, listed


def measurable(policy: Policy, topology: Topology) -> tuple[Cpu, ...]:
    """The CPUs that agents may be given, at least one. Raises UsageError where the policy names what is not there.

    Those of `housekeeping` are taken out after one CPU was chosen for each core: where that one is reserved, its core
    is not measured, so that no agent runs beside control threads; to reserve the other siblings costs no core.
    """
    _check(policy, topology)
    cpus = [cpu for cpu in topology.usable if policy.takes(cpu)]
    if policy.smt == "skip":
        first: dict[tuple[int, int, int], Cpu] = {}
        for cpu in cpus:
            first.setdefault(cpu.physical_core, cpu)
        cpus = list(first.values())
    cpus = [cpu for cpu in cpus if cpu.id not in (policy.housekeeping or ())]
    if not cpus:
        flags, usable = policy.restrictions or "--agents", format_cpu_list(tuple(topology.allowed)) or "none"
        raise UsageError(
            f"{flags}: no CPU is left to measure of those that this process may use, {usable}; restrict less"
        )
    return tuple(cpus)


def housekeeping(policy: Policy, topology: Topology, given: Collection[int]) -> tuple[int, ...]:
    """CPUs for control threads and the coordinator; `given`: those that agents have. Empty where nothing is left.

    Those requested; else all that this process may use and no agent has, but for the SMT siblings of measured CPUs,
    which take time from them; only where there are no others, these siblings.
    """
    if policy.housekeeping is not None:
        return policy.housekeeping
    measured = {cpu.physical_core for cpu in topology.cpus if cpu.id in given}
    spare = [cpu for cpu in topology.usable if cpu.id not in given]
    apart = [cpu for cpu in spare if cpu.physical_core not in measured]
    return tuple(sorted(cpu.id for cpu in apart or spare))


def memory_policy(asked: MemoryPolicy | None, topology: Topology) -> MemoryPolicy | None:
    """With the nodes that it means: `interleave` is over all that have memory. Raises UsageError for nodes without any.

    Only an agent itself can see which nodes it may use, so it may still be refused some.
    """
    if asked is None:
        return None
    flag = f"--memory {asked.asked}"
    if not topology.numa:
        raise UsageError(f"{flag}: this kernel reports no NUMA nodes, so there is nothing to choose; leave it out")
    with_memory = tuple(node.id for node in topology.numa if node.memory_mb != 0)
    missing = set(asked.nodes) - set(with_memory)
    if missing:
        has = "has" if len(with_memory) == 1 else "have"
        raise UsageError(
            f"{flag}: there is no node {format_cpu_list(missing)} with memory; "
            f"{format_cpu_list(with_memory) or 'none'} {has} some"
        )
    return MemoryPolicy("interleave", with_memory) if asked.mode == "interleave" else asked


def _check(policy: Policy, topology: Topology) -> None:
    _check_cpus("--cpus", policy.cpus, topology)
    _check_cpus("--housekeeping", policy.housekeeping, topology)
    _check_parts("--nodes", "node", policy.nodes, {c.node for c in topology.cpus}, {c.node for c in topology.usable})
    _check_parts(
        "--sockets", "socket", policy.sockets, {c.socket for c in topology.cpus}, {c.socket for c in topology.usable}
    )
    kinds = {cpu.kind for cpu in topology.usable}
    if policy.core_kind is not None and policy.core_kind not in kinds:
        usable = format_cpu_list(tuple(topology.allowed))
        there = f"{' and '.join(sorted(kinds))} ones" if kinds else "none"
        raise UsageError(
            f"--core-kind {policy.core_kind}: there are no such cores among CPUs {usable}, only {there}; "
            "use --core-kind any, or leave it out"
        )
    both = set(policy.cpus or ()) & set(policy.housekeeping or ())
    if both:
        raise UsageError(
            f"--housekeeping {listed(policy.housekeeping)}: {_cpus(both)} of it {_are(both)} in --cpus "
            f"{listed(policy.cpus)}, too; name each CPU in one of the two"
        )


def _check_cpus(flag: str, wanted: tuple[int, ...] | None, topology: Topology) -> None:
    online = {cpu.id for cpu in topology.cpus}
    missing = set(wanted or ()) - online
    if missing:
        does = "does" if len(missing) == 1 else "do"
        raise UsageError(
            f"{flag} {listed(wanted)}: {_cpus(missing)} {does} not exist or {_are(missing)} offline; "
            f"there are {format_cpu_list(tuple(online))}"
        )
    closed = set(wanted or ()) - topology.allowed
    if closed:
        raise UsageError(
            f"{flag} {listed(wanted)}: this process may not use {_cpus(closed)}; "
            f"it may use {format_cpu_list(tuple(topology.allowed))}"
        )


def _check_parts(flag: str, noun: str, wanted: tuple[int, ...] | None, there: set[int], usable: set[int]) -> None:
    missing = set(wanted or ()) - there
    if missing:
        raise UsageError(
            f"{flag} {listed(wanted)}: there is no {noun} {format_cpu_list(tuple(missing))} with CPUs; "
            f"those with CPUs are {format_cpu_list(tuple(there))}"
        )
    closed = set(wanted or ()) - usable
    if closed:
        raise UsageError(
            f"{flag} {listed(wanted)}: {noun} {format_cpu_list(tuple(closed))} has no CPU that this process may use; "
            f"{format_cpu_list(tuple(usable))} {'has' if len(usable) == 1 else 'have'}"
        )


def _cpus(numbers: Collection[int]) -> str:
    return f"{'CPU' if len(numbers) == 1 else 'CPUs'} {format_cpu_list(tuple(numbers))}"


def _are(numbers: Collection[int]) -> str:
    return "is" if len(numbers) == 1 else "are"
