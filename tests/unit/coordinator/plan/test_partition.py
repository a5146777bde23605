"""Where agents are put: by example on machines as they are sold, by property on any machine."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.common.topology import CoreKind, Cpu, Topology
from ovbench.coordinator.plan.partition import place
from ovbench.coordinator.plan.selection import housekeeping, measurable
from ovbench.coordinator.request.policy import GROUPINGS, Policy, Smt, Spread
from tests.machines import machine, machines

thorough = settings(max_examples=40, deadline=None)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Policy, Topology]:
    """A policy with lists that the machine has; it may still ask for too much."""
    topology = draw(machines())
    some = st.none() | st.sets(st.sampled_from(sorted(topology.allowed)), min_size=1).map(lambda s: tuple(sorted(s)))
    policy = Policy(
        agents=draw(st.none() | st.integers(1, 30) | st.sampled_from(GROUPINGS)),
        cpus_per_agent=draw(st.none() | st.integers(1, 6)),
        cpus=draw(some),
        nodes=draw(st.none() | st.sampled_from(topology.usable).map(lambda cpu: (cpu.node,))),
        smt=draw(st.sampled_from(get_args(Smt))),
        core_kind=draw(st.none() | st.sampled_from(get_args(CoreKind))),
        spread=draw(st.sampled_from(get_args(Spread))),
        cross_node=draw(st.booleans()),
        housekeeping=draw(some),
    )
    return policy, topology


def placed(policy: Policy, topology: Topology) -> tuple[tuple[int, ...], ...]:
    try:
        return place(policy, topology)
    except UsageError:
        assume(False)
        raise


def nodes_of(topology: Topology, cpus: Sequence[int]) -> set[int]:
    return {cpu.node for cpu in topology.cpus if cpu.id in cpus}


@thorough
@given(request=requests())
def test_no_cpu_is_given_twice_unless_there_are_more_agents_than_cpus(request: tuple[Policy, Topology]) -> None:
    policy, topology = request
    blocks = placed(policy, topology)
    times = Counter(cpu for block in blocks for cpu in block)
    pool = {cpu.id for cpu in measurable(policy, topology)}
    assert set(times) <= pool
    if policy.cpus_per_agent is None and isinstance(policy.agents, int) and policy.agents > len(pool):
        assert {len(block) for block in blocks} == {1}
        assert set(times) == pool
        assert max(times.values()) - min(times.values()) <= 1
    else:
        assert set(times.values()) == {1}


@thorough
@given(request=requests())
def test_no_agent_crosses_a_node_unless_that_is_allowed_or_asked_for(request: tuple[Policy, Topology]) -> None:
    policy, topology = request
    blocks = placed(policy, topology)
    crossing = [block for block in blocks if len(nodes_of(topology, block)) > 1]
    if policy.cross_node or not crossing:
        return
    assert policy.cpus_per_agent is None
    if policy.agents != "per-socket":
        assert isinstance(policy.agents, int)
        assert policy.agents < len({cpu.node for cpu in measurable(policy, topology)})
        for block in crossing:
            whole = {cpu.id for cpu in measurable(policy, topology) if cpu.node in nodes_of(topology, block)}
            assert set(block) == whole


@thorough
@given(request=requests())
def test_every_cpu_that_may_be_measured_is_unless_a_size_leaves_some_over(request: tuple[Policy, Topology]) -> None:
    policy, topology = request
    blocks = placed(policy, topology)
    pool = {cpu.id for cpu in measurable(policy, topology)}
    size = policy.cpus_per_agent
    if size is None or (isinstance(policy.agents, int) and size * policy.agents == len(pool)):
        assert {cpu for block in blocks for cpu in block} == pool or len(blocks) > len(pool)


@thorough
@given(request=requests())
def test_there_are_as_many_agents_and_as_large_as_asked_for(request: tuple[Policy, Topology]) -> None:
    policy, topology = request
    blocks = placed(policy, topology)
    if isinstance(policy.agents, int):
        assert len(blocks) == policy.agents
    if policy.cpus_per_agent is not None:
        assert {len(block) for block in blocks} == {policy.cpus_per_agent}
    assert all(blocks)


@thorough
@given(request=requests())
def test_with_smt_skipped_no_core_is_measured_twice(request: tuple[Policy, Topology]) -> None:
    policy, topology = request
    given_out = {cpu for block in placed(policy, topology) for cpu in block}
    cores = Counter(cpu.physical_core for cpu in topology.cpus if cpu.id in given_out)
    assert policy.smt == "use" or set(cores.values()) == {1}


@thorough
@given(request=requests())
def test_control_threads_stay_off_measured_cpus(request: tuple[Policy, Topology]) -> None:
    policy, topology = request
    given_out = {cpu for block in placed(policy, topology) for cpu in block}
    control = housekeeping(policy, topology, given_out)
    assert set(control) <= topology.allowed - given_out
    assert control or given_out == topology.allowed


@thorough
@given(topology=machines(), agents=st.integers(1, 24), spread=st.sampled_from(get_args(Spread)))
def test_agents_of_a_node_differ_by_one_core_at_most(topology: Topology, agents: int, spread: Spread) -> None:
    blocks = place(Policy(agents=agents, spread=spread), topology)
    nodes = {cpu.node for cpu in topology.usable}
    assume(agents >= len(nodes))
    for node in nodes:
        sizes = [len(block) for block in blocks if nodes_of(topology, block) == {node}]
        assert sizes
        assert max(sizes) - min(sizes) <= 1


@thorough
@given(topology=machines(), agents=st.integers(1, 24))
def test_with_nodes_ignored_agents_differ_by_one_core_at_most(topology: Topology, agents: int) -> None:
    sizes = [len(block) for block in place(Policy(agents=agents, cross_node=True), topology)]
    assert max(sizes) - min(sizes) <= 1


@thorough
@given(request=requests())
def test_spreading_keeps_the_number_of_agents_and_their_sizes(request: tuple[Policy, Topology]) -> None:
    policy, topology = request
    other: Spread = "compact" if policy.spread == "scatter" else "scatter"
    changed = Policy(**{**vars(policy), "spread": other})
    assert sorted(map(len, placed(policy, topology))) == sorted(map(len, place(changed, topology)))


def test_by_default_each_core_has_an_agent_on_one_of_its_cpus() -> None:
    assert place(Policy(), machine(cores=3, threads=2)) == ((0,), (1,), (2,))
    assert place(Policy(smt="use"), machine(cores=3, threads=2)) == ((0, 3), (1, 4), (2, 5))


def test_two_agents_on_two_sockets_have_a_socket_each() -> None:
    topology = machine(sockets=2, cores=2, threads=2)
    assert place(Policy(agents=2), topology) == ((0, 1), (2, 3))
    assert place(Policy(agents=2, smt="use"), topology) == ((0, 1, 4, 5), (2, 3, 6, 7))


def test_a_remainder_goes_to_the_first_agents() -> None:
    assert place(Policy(agents=3), machine(cores=5)) == ((0, 1), (2, 3), (4,))


def test_agents_in_odd_numbers_stay_in_their_nodes_until_crossing_is_allowed() -> None:
    topology = machine(sockets=2, cores=4)
    assert place(Policy(agents=3), topology) == ((0, 1), (2, 3), (4, 5, 6, 7))
    assert place(Policy(agents=3, cross_node=True), topology) == ((0, 1, 2), (3, 4, 5), (6, 7))


def test_fewer_agents_than_nodes_have_whole_nodes() -> None:
    topology = machine(sockets=2, cores=4, nodes=2)
    assert place(Policy(agents=1), topology) == (tuple(range(8)),)
    assert place(Policy(agents=2), topology) == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert place(Policy(agents=3), topology) == ((0, 1, 2, 3), (4, 5), (6, 7))


def test_no_core_is_shared_by_agents_where_there_are_cores_enough() -> None:
    assert place(Policy(agents=3, smt="use"), machine(cores=4, threads=2)) == ((0, 1, 4, 5), (2, 6), (3, 7))


def test_agents_can_be_one_per_part_of_the_machine() -> None:
    topology = machine(sockets=2, cores=8, nodes=2, caches=2)
    assert place(Policy(agents="per-core"), topology) == tuple((cpu,) for cpu in range(16))
    assert place(Policy(agents="per-l3"), topology) == tuple((cpu, cpu + 1) for cpu in range(0, 16, 2))
    assert place(Policy(agents="per-node"), topology) == tuple(tuple(range(at, at + 4)) for at in range(0, 16, 4))
    assert place(Policy(agents="per-socket"), topology) == (tuple(range(8)), tuple(range(8, 16)))


def test_an_agent_per_part_can_have_some_of_its_cpus() -> None:
    topology = machine(sockets=2, cores=8, nodes=2)
    assert place(Policy(agents="per-socket", cpus_per_agent=3), topology) == ((0, 1, 2), (8, 9, 10))
    assert place(Policy(agents="per-socket", cpus_per_agent=6, cross_node=True), topology) == (
        tuple(range(6)),
        tuple(range(8, 14)),
    )


def test_agents_of_a_size_stay_within_a_cache_where_they_fit() -> None:
    topology = machine(cores=12, caches=2)
    assert place(Policy(agents=2, cpus_per_agent=4), topology) == ((0, 1, 2, 3), (6, 7, 8, 9))
    assert place(Policy(agents=3, cpus_per_agent=4), topology) == ((0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11))


def test_agents_share_caches_out_where_they_come_out_even() -> None:
    assert place(Policy(agents=4), machine(cores=6, caches=2)) == ((0, 1), (2,), (3, 4), (5,))


def test_a_size_alone_makes_as_many_agents_as_fit() -> None:
    topology = machine(sockets=2, cores=3)
    assert place(Policy(cpus_per_agent=2), topology) == ((0, 1), (3, 4))
    assert place(Policy(cpus_per_agent=2, cross_node=True), topology) == ((0, 1), (2, 3), (4, 5))


def test_crossing_is_not_done_only_because_it_is_allowed() -> None:
    topology = machine(sockets=2, cores=3)
    assert place(Policy(agents=2, cpus_per_agent=2, cross_node=True), topology) == ((0, 1), (3, 4))


def test_agents_are_side_by_side_or_far_apart() -> None:
    topology = machine(sockets=2, cores=8, nodes=2, caches=2)
    assert place(Policy(agents=4, cpus_per_agent=1), topology) == ((0,), (1,), (2,), (3,))
    assert place(Policy(agents=6, cpus_per_agent=1, spread="scatter"), topology) == (
        (0,), (8,), (4,), (12,), (2,), (10,),
    )  # fmt: skip


def test_scattered_agents_take_other_cores_before_siblings() -> None:
    policy = Policy(agents=3, cpus_per_agent=1, smt="use", spread="scatter")
    assert place(policy, machine(cores=2, threads=2)) == ((0,), (1,), (2,))


def test_more_agents_than_cpus_share_them_in_turn() -> None:
    assert place(Policy(agents=5), machine(cores=2)) == ((0,), (1,), (0,), (1,), (0,))


TWO_NODES = machine(sockets=2, cores=4)
MISTAKES = [
    (Policy(agents=4, cpus_per_agent=2), machine(cores=2), ["--agents 4 --cpus-per-agent 2", "8 CPUs", "2 to", "0-1"]),
    (Policy(agents=2, cpus_per_agent=2), machine(cores=2, threads=2), ["4 CPUs", "2 to measure, 0-1", "--smt use"]),
    (Policy(agents="per-node", cpus_per_agent=5), TWO_NODES, ["per-node", "node 0", "4 CPUs", "0-3", "most 4"]),
    (Policy(agents="per-core", cpus_per_agent=2), TWO_NODES, ["per-core", "core 0", "1 CPU to measure, 0;"]),
    (Policy(agents="per-l3", cpus_per_agent=9), TWO_NODES, ["per-l3", "L3 cache of CPU 0", "4 CPUs"]),
    (
        Policy(agents="per-socket", cpus_per_agent=3), machine(cores=4, nodes=2),
        ["per-socket", "socket 0", "4 CPUs", "at most 2 of a node", "--cross-node allow"],
    ),
    (Policy(cpus_per_agent=6), TWO_NODES, ["--cpus-per-agent 6", "no NUMA node", "has 4", "--cross-node allow"]),
    (Policy(cpus_per_agent=9), TWO_NODES, ["--cpus-per-agent 9", "9 CPUs", "8 to measure, 0-7"]),
    (Policy(agents=2, cpus_per_agent=3), machine(cores=6, nodes=3), ["no NUMA node", "largest has 2"]),
    (Policy(agents=3, cpus_per_agent=2), machine(cores=6, nodes=2), ["only 2 such agents fit", "--agents 2", "allow"]),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "topology", "parts"), MISTAKES, ids=[" ".join(said[2][:2]) for said in MISTAKES])
def test_what_cannot_be_placed_is_refused_with_what_there_is(
    policy: Policy, topology: Topology, parts: list[str]
) -> None:
    with pytest.raises(UsageError) as refused:
        place(policy, topology)
    said = str(refused.value)
    assert [part for part in parts if part not in said] == []
    assert "\n" not in said


def test_siblings_are_offered_only_where_there_are_any() -> None:
    with pytest.raises(UsageError) as refused:
        place(Policy(cpus_per_agent=5), machine(cores=4))
    assert "--smt" not in str(refused.value)


@thorough
@given(
    size=st.integers(1, 4),
    per_node=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    spread=st.sampled_from(get_args(Spread)),
)
def test_agents_are_all_of_one_size_where_nodes_and_their_number_allow_it(
    size: int, per_node: list[int], spread: Spread
) -> None:
    sizes = [size * agents for agents in per_node]
    numbers = iter(range(sum(sizes)))
    cpus = tuple(Cpu(0, node, core, core) for node, cores in enumerate(sizes) for core in islice(numbers, cores))
    blocks = place(Policy(agents=sum(per_node), spread=spread), Topology(cpus, frozenset(range(sum(sizes)))))
    assert {len(block) for block in blocks} == {size}
    assert sorted(cpu for block in blocks for cpu in block) == list(range(sum(sizes)))


def test_smt_is_proposed_only_where_it_adds_cpus_that_may_be_measured() -> None:
    """Efficient cores without siblings, beside performance cores that have some."""
    performance = [Cpu(0, 0, 2 * core, 2 * core + thread) for core in range(2) for thread in range(2)]
    efficient = [Cpu(0, 0, id, id, kind="efficient") for id in range(4, 8)]
    hybrid = Topology((*performance, *efficient), frozenset(range(8)))
    with pytest.raises(UsageError) as refused:
        place(Policy(agents=3, cpus_per_agent=2, core_kind="efficient"), hybrid)
    assert "4 to measure, 4-7; use fewer" in str(refused.value)
    assert "--smt" not in str(refused.value)
