"""Which CPUs are measured, which are left to control threads, and what is said where a list asks for others."""

from dataclasses import replace

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.job import MemoryPolicy
from ovbench.common.topology import Node, Topology
from ovbench.coordinator.plan.selection import housekeeping, measurable, memory_policy
from ovbench.coordinator.request.policy import Policy
from tests.machines import machine

SMT = machine(sockets=2, cores=2, threads=2)
"""CPUs 0 to 3 are a core each, 4 to 7 their siblings; 0 and 1 are of socket 0."""


def measured(policy: Policy, topology: Topology = SMT) -> list[int]:
    return sorted(cpu.id for cpu in measurable(policy, topology))


def complaint(policy: Policy, topology: Topology = SMT) -> str:
    with pytest.raises(UsageError) as refused:
        measurable(policy, topology)
    return str(refused.value)


def test_one_cpu_of_each_core_is_measured_unless_all_are_asked_for() -> None:
    assert measured(Policy()) == [0, 1, 2, 3]
    assert measured(Policy(smt="use")) == list(range(8))


def test_the_lowest_of_those_named_stands_for_its_core() -> None:
    assert measured(Policy(cpus=(0, 4, 5))) == [0, 5]
    assert measured(Policy(), machine(cores=2, threads=2, allowed=frozenset({1, 2, 3}))) == [1, 2]


def test_lists_leave_only_what_all_of_them_name() -> None:
    assert measured(Policy(nodes=(1,))) == [2, 3]
    assert measured(Policy(sockets=(0,), smt="use")) == [0, 1, 4, 5]
    assert measured(Policy(cpus=(1, 2), nodes=(1,))) == [2]


def test_a_kind_of_cores_leaves_out_the_other() -> None:
    hybrid = machine(cores=4, threads=2, efficient=2)
    assert measured(Policy(), hybrid) == [0, 1, 2, 3]
    assert measured(Policy(core_kind="performance"), hybrid) == [0, 1]
    assert measured(Policy(core_kind="efficient"), hybrid) == [2, 3]


def test_a_core_that_control_threads_were_given_is_not_measured_by_its_sibling() -> None:
    assert measured(Policy(housekeeping=(0,))) == [1, 2, 3]


def test_siblings_as_housekeeping_cost_no_core() -> None:
    assert measured(Policy(housekeeping=(4, 5, 6, 7))) == [0, 1, 2, 3]


def test_with_all_siblings_in_use_only_the_housekeeping_cpus_themselves_are_left_out() -> None:
    assert measured(Policy(housekeeping=(0,), smt="use")) == [1, 2, 3, 4, 5, 6, 7]


def test_control_threads_have_the_cores_that_no_agent_has() -> None:
    assert housekeeping(Policy(), SMT, {1, 2, 3}) == (0, 4)


def test_control_threads_have_siblings_of_measured_cpus_where_there_is_nothing_else() -> None:
    assert housekeeping(Policy(), SMT, {0, 1, 2, 3}) == (4, 5, 6, 7)
    assert housekeeping(Policy(), SMT, set(range(8))) == ()


def test_control_threads_have_what_was_asked_for_them() -> None:
    assert housekeeping(Policy(housekeeping=(7,)), SMT, {0, 1}) == (7,)


ODD = machine(sockets=2, cores=2, allowed=frozenset({0, 1}))
MISTAKES = [
    (Policy(cpus=(0, 8, 9)), SMT, ["--cpus 0,8-9", "CPUs 8-9 do not exist", "there are 0-7"]),
    (Policy(cpus=(2,)), ODD, ["--cpus 2", "may not use CPU 2", "it may use 0-1"]),
    (Policy(housekeeping=(9,)), SMT, ["--housekeeping 9", "CPU 9 does not exist", "there are 0-7"]),
    (Policy(housekeeping=(3,)), ODD, ["--housekeeping 3", "may not use CPU 3", "0-1"]),
    (Policy(nodes=(2,)), SMT, ["--nodes 2", "no node 2", "are 0-1"]),
    (Policy(nodes=(1,)), ODD, ["--nodes 1", "node 1 has no CPU that this process may use", "0 has"]),
    (Policy(sockets=(0, 5)), SMT, ["--sockets 0,5", "no socket 5", "0-1"]),
    (Policy(core_kind="efficient"), SMT, ["--core-kind efficient", "0-7", "performance ones", "any"]),
    (Policy(cpus=(0, 1), housekeeping=(1,)), SMT, ["--housekeeping 1", "CPU 1", "--cpus 0-1", "one of the two"]),
    (Policy(cpus=(0,), nodes=(1,)), SMT, ["--cpus 0 --nodes 1", "no CPU is left", "0-7"]),
    (Policy(housekeeping=(0,)), machine(cores=1), ["--housekeeping 0", "no CPU is left", "0"]),
    (Policy(housekeeping=(0,)), machine(cores=1, threads=2), ["--housekeeping 0", "no CPU is left", "0-1"]),
]


@pytest.mark.parametrize(("policy", "topology", "parts"), MISTAKES, ids=[said[2][0] + said[2][1] for said in MISTAKES])
def test_what_is_not_there_is_refused_with_what_there_is(policy: Policy, topology: Topology, parts: list[str]) -> None:
    said = complaint(policy, topology)
    assert [part for part in parts if part not in said] == []
    assert "\n" not in said


NUMA = replace(SMT, numa=(Node(0, (0, 1, 4, 5), 1000), Node(1, (2, 3, 6, 7), 0), Node(2, (), 500), Node(3, (), None)))
"""Node 1 has no memory, 2 and 3 no CPUs; how much 3 has is not known."""


def test_memory_is_interleaved_over_all_nodes_that_have_some() -> None:
    assert memory_policy(MemoryPolicy("interleave"), NUMA) == MemoryPolicy("interleave", (0, 2, 3))


@pytest.mark.parametrize("asked", [None, MemoryPolicy("local"), MemoryPolicy("bind", (2, 3))])
def test_other_policies_are_those_asked_for(asked: MemoryPolicy | None) -> None:
    assert memory_policy(asked, NUMA) == asked


@pytest.mark.parametrize("node", [1, 4])
def test_a_node_without_memory_is_refused_with_those_that_have_some(node: int) -> None:
    with pytest.raises(UsageError) as refused:
        memory_policy(MemoryPolicy("bind", (0, node)), NUMA)
    assert str(refused.value) == f"--memory 0-{node}: ".replace("0-4", "0,4") + (
        f"there is no node {node} with memory; 0,2-3 have some"
    )


@pytest.mark.parametrize("asked", [MemoryPolicy("local"), MemoryPolicy("interleave"), MemoryPolicy("bind", (0,))])
def test_a_kernel_without_nodes_has_no_memory_policies(asked: MemoryPolicy) -> None:
    with pytest.raises(UsageError, match=f"--memory {asked.asked}: this kernel reports no NUMA nodes"):
        memory_policy(asked, SMT)
