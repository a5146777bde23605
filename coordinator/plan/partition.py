"""How the CPUs that may be measured are cut into one block per agent. Pure.

The rules, the most important first:
1. No two agents share a CPU, unless there are more agents than CPUs: then each has one CPU, in turn.
2. No agent spans NUMA nodes, but for the exceptions below.
3. All agents are of one size, or differ by one core.
4. No agent spans last-level caches where the sizes allow that.
5. No two agents share a core where there are enough cores.
Every CPU that may be measured is used, unless `--cpus-per-agent` leaves some over.

An agent spans nodes only where
* `--agents N` asks for fewer agents than there are nodes: each gets whole nodes;
* `--agents per-socket` asks for sockets that have several nodes;
* `--cross-node allow` is given and agents would otherwise be uneven, too few, or smaller than requested.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final, TypeVar

from ovbench.common.errors import UsageError
from ovbench.common.shares import share
from ovbench.common.topology import Cpu, Topology, format_cpu_list

from ..request.policy import Grouping, Policy
from .selection import measurable

_Block = tuple[Cpu, ...]
_Key = Callable[[Cpu], tuple[int, ...]]
_T = TypeVar("_T")


def _core_of(cpu: Cpu) -> tuple[int, ...]:
    return cpu.physical_core


def _socket_of(cpu: Cpu) -> tuple[int, ...]:
    return (cpu.socket,)


def _node_of(cpu: Cpu) -> tuple[int, ...]:
    return cpu.socket, cpu.node


def _l3_of(cpu: Cpu) -> tuple[int, ...]:
    """Within a node: with sub-NUMA clustering a cache may belong to several."""
    return cpu.socket, cpu.node, cpu.l3


def _whole_l3_of(cpu: Cpu) -> tuple[int, ...]:
    return cpu.socket, cpu.l3


def _machine_of(_: Cpu) -> tuple[int, ...]:
    return ()


_GROUPS: Final[dict[Grouping, _Key]] = {
    "per-core": _core_of,
    "per-l3": _l3_of,
    "per-node": _node_of,
    "per-socket": _socket_of,
}


def place(policy: Policy, topology: Topology) -> tuple[tuple[int, ...], ...]:
    """The CPUs of each agent. Raises UsageError, one sentence, where the policy cannot be met on this machine."""
    cpus = sorted(measurable(policy, topology), key=lambda cpu: (*_l3_of(cpu), cpu.core, cpu.id))
    blocks = _cut(policy, cpus, _way_to_more(policy, topology))
    if policy.spread == "scatter":
        blocks = _scattered(blocks, (_socket_of, _node_of, _l3_of, _core_of))
    agents = policy.agents if isinstance(policy.agents, int) else len(blocks)
    return tuple(tuple(sorted(cpu.id for cpu in blocks[index % len(blocks)])) for index in range(agents))


def _way_to_more(policy: Policy, topology: Topology) -> str:
    """How to get more CPUs to measure, if there is a way; the end of a sentence."""
    skipped = len(measurable(replace(policy, smt="use"), topology)) > len(measurable(policy, topology))
    return ", or --smt use for all logical CPUs of a core" if skipped else ""


def _cut(policy: Policy, cpus: Sequence[Cpu], way_to_more: str) -> list[_Block]:
    """Blocks in the order of the machine; where their size is fixed, perhaps more of them than agents."""
    if isinstance(policy.agents, str):
        return _one_per_group(policy, policy.agents, cpus, way_to_more)
    if policy.cpus_per_agent is not None:
        return _of_one_size(policy, policy.cpus_per_agent, cpus, way_to_more)
    cores = _groups(cpus, _core_of)
    if policy.agents is None:
        return cores
    single: list[_Block] = [(cpu,) for cpu in cpus]
    if policy.agents >= len(cpus):
        return single
    return _divided(cores if policy.agents <= len(cores) else single, policy.agents, policy.cross_node)


def _one_per_group(policy: Policy, grouping: Grouping, cpus: Sequence[Cpu], way_to_more: str) -> list[_Block]:
    key = _whole_l3_of if grouping == "per-l3" and policy.cross_node else _GROUPS[grouping]
    groups = _groups(cpus, key)
    size = policy.cpus_per_agent
    return groups if size is None else [_of_group(policy, grouping, group, size, way_to_more) for group in groups]


def _of_group(policy: Policy, grouping: Grouping, group: _Block, size: int, way_to_more: str) -> _Block:
    """`size` CPUs of a group, near each other."""
    for level in _levels(policy):
        blocks = _carved(_groups(group, level), size)
        if blocks:
            return blocks[0]
    asked = f"--agents {grouping} --cpus-per-agent {size}"
    most = max(map(len, _groups(group, _node_of)))
    there = f"{_name(grouping, group[0])} has {_counted(group)} to measure, {_listed(group)}"
    if size > len(group):
        raise UsageError(f"{asked}: {there}; use at most {len(group)} per agent{way_to_more}")
    raise UsageError(f"{asked}: {there}, and at most {most} of a node; use at most {most}, or --cross-node allow")


def _of_one_size(policy: Policy, size: int, cpus: Sequence[Cpu], way_to_more: str) -> list[_Block]:
    carved = [_carved(_groups(cpus, level), size) for level in _levels(policy)]
    most = max(map(len, carved))
    agents = policy.agents if isinstance(policy.agents, int) else max(1, most)
    for blocks in carved:
        if len(blocks) >= agents:
            return blocks
    asked = f"--cpus-per-agent {size}" if policy.agents is None else f"--agents {agents} --cpus-per-agent {size}"
    if agents * size > len(cpus):
        wants = f"that takes {agents * size} CPUs, and there are {len(cpus)} to measure, {_listed(cpus)}"
        raise UsageError(f"{asked}: {wants}; use fewer{way_to_more}")
    largest = max(map(len, _groups(cpus, _node_of)))
    if most == 0:
        raise UsageError(
            f"{asked}: no NUMA node has so many CPUs to measure, the largest has {largest}; "
            f"use at most {largest} per agent, or --cross-node allow"
        )
    fit = "1 such agent fits" if most == 1 else f"{most} such agents fit"
    raise UsageError(f"{asked}: only {fit} into the NUMA nodes; use --agents {most}, or --cross-node allow")


def _levels(policy: Policy) -> list[_Key]:
    """What an agent of a given size should fit into, the best first."""
    return [_l3_of, _node_of, *([_machine_of] if policy.cross_node else [])]


def _divided(units: Sequence[_Block], agents: int, cross_node: bool) -> list[_Block]:
    """All `units`, which are cores or single CPUs, among the agents; there are no more agents than units."""
    caches = _groups_of_units(units, _l3_of)
    if agents >= len(caches):
        by_cache = _within(caches, agents)
        if _even(by_cache):
            return _joined(by_cache)
    nodes = _groups_of_units(units, _node_of)
    by_node = (
        _within(nodes, agents)
        if agents >= len(nodes)
        else [tuple(chain.from_iterable(some)) for some in _split(nodes, agents)]
    )
    return _joined(by_node if _even(by_node) or not cross_node else _split(units, agents))


def _within(groups: Sequence[Sequence[_T]], agents: int) -> list[tuple[_T, ...]]:
    """Each group split among agents of its own, in proportion to its size; there are at least as many as groups."""
    own = [1] * len(groups)
    for _ in range(agents - len(groups)):
        # One more to the group whose agents have most: so all are equal where they can be, and none has nothing.
        own[max(range(len(groups)), key=lambda index: len(groups[index]) / own[index])] += 1
    return [part for group, parts in zip(groups, own, strict=True) for part in _split(group, parts)]


def _split(things: Sequence[_T], parts: int) -> list[tuple[_T, ...]]:
    """Neighbours stay together; where the parts cannot be equal, the first ones have one more."""
    found = []
    at = 0
    for index in range(parts):
        size = share(len(things), parts, index)
        found.append(tuple(things[at : at + size]))
        at += size
    return found


def _even(blocks: Sequence[Sequence[object]]) -> bool:
    sizes = [len(block) for block in blocks]
    return max(sizes) - min(sizes) <= 1


def _joined(blocks: Iterable[Iterable[_Block]]) -> list[_Block]:
    return [tuple(chain.from_iterable(units)) for units in blocks]


def _carved(groups: Iterable[_Block], size: int) -> list[_Block]:
    """As many blocks of exactly that size as each group has room for."""
    return [group[at : at + size] for group in groups for at in range(0, len(group) - size + 1, size)]


def _groups(cpus: Iterable[Cpu], key: _Key) -> list[_Block]:
    return _joined(_groups_of_units([(cpu,) for cpu in cpus], key))


def _groups_of_units(units: Iterable[_Block], key: _Key) -> list[list[_Block]]:
    found: dict[tuple[int, ...], list[_Block]] = {}
    for unit in units:
        found.setdefault(key(unit[0]), []).append(unit)
    return list(found.values())


def _scattered(blocks: list[_Block], keys: Sequence[_Key]) -> list[_Block]:
    """Neighbours in the list far from each other: in turn over sockets, within each over nodes, caches and cores."""
    if not keys or len(blocks) < 3:
        return blocks
    lanes = [_scattered(lane, keys[1:]) for lane in _groups_of_units(blocks, keys[0])]
    return [block for row in zip_longest(*lanes) for block in row if block is not None]


def _name(grouping: Grouping, cpu: Cpu) -> str:
    number = {"per-core": cpu.core, "per-node": cpu.node, "per-socket": cpu.socket}
    return f"the L3 cache of CPU {cpu.id}" if grouping == "per-l3" else f"{grouping[4:]} {number[grouping]}"


def _counted(cpus: Sequence[Cpu]) -> str:
    return "1 CPU" if len(cpus) == 1 else f"{len(cpus)} CPUs"


def _listed(cpus: Iterable[Cpu]) -> str:
    return format_cpu_list(tuple(cpu.id for cpu in cpus))
