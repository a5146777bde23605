"""Machines recorded as trees of the kernel's files, without the machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.topology import Cpu, Topology, read_topology
from tests.machines import machine
from tests.trees import (
    AMD,
    ARM,
    FOUR_SOCKETS,
    HALF_CPU,
    HYBRID,
    LAPTOP,
    MACHINES,
    MEMORY_NODE,
    ODD_CPUS,
    OFFLINE,
    SUB_NUMA,
    TWO_SOCKETS,
    Core,
    Tree,
    regular,
)

TWO_OF_TWO = Tree(
    (Core(0, 0, (0, 4), 0), Core(0, 0, (1, 5), 0), Core(1, 1, (2, 6), 1), Core(1, 1, (3, 7), 1)),
    memory_mb=(1024, 1024),
)


def l3_groups(topology: Topology) -> list[int]:
    """The sizes, in logical CPUs."""
    groups = [cpu.l3 for cpu in topology.cpus]
    return [groups.count(group) for group in sorted(set(groups))]


@pytest.mark.parametrize(
    ("machine", "sockets", "nodes", "cores", "cpus"),
    [
        (LAPTOP, 1, 1, 4, 4),
        (HYBRID, 1, 1, 14, 20),
        (TWO_SOCKETS, 2, 2, 64, 128),
        (FOUR_SOCKETS, 4, 4, 112, 224),
        (SUB_NUMA, 2, 8, 112, 224),
        (AMD, 2, 2, 128, 256),
        (ARM, 1, 1, 80, 80),
        (OFFLINE, 2, 2, 7, 13),
        (MEMORY_NODE, 2, 2, 32, 64),
    ],
    ids=lambda value: value.model if isinstance(value, Tree) else None,
)
def test_a_machine_is_counted_as_its_maker_does(
    machine: Tree, sockets: int, nodes: int, cores: int, cpus: int, written: Callable[[Tree], Path]
) -> None:
    topology = read_topology(written(machine))
    assert (topology.sockets, topology.nodes) == (sockets, nodes)
    assert (topology.physical_cores, len(topology.cpus)) == (cores, cpus)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_on_every_machine_cores_hold_the_allowed_cpus_once(machine: Tree, written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(machine))
    usable = [cpu for core in topology.usable_cores for cpu in core]
    assert sorted(usable) == sorted(topology.allowed)
    assert {cpu.id for cpu in topology.cpus} == machine.online
    assert {(node.id, cpu) for node in topology.numa for cpu in node.cpus} == {(c.node, c.id) for c in topology.cpus}


def test_one_socket_without_smt_is_one_node_of_single_cpus(written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(LAPTOP))
    assert topology.cpus == tuple(Cpu(socket=0, node=0, core=cpu, id=cpu) for cpu in range(4))
    assert topology.allowed == {0, 1, 2, 3}
    assert topology.usable_cores == ((0,), (1,), (2,), (3,))
    assert (topology.offline, topology.quota_cpus) == ((), None)
    assert topology.model == "Intel(R) Core(TM) i5-6500 CPU @ 3.20GHz"


def test_two_sockets_with_smt_are_ordered_by_socket_node_core_and_number(written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(TWO_OF_TWO))
    assert [cpu.id for cpu in topology.cpus] == [0, 4, 1, 5, 2, 6, 3, 7]
    assert topology.usable_cores == ((0, 4), (1, 5), (2, 6), (3, 7))
    assert [cpu.node for cpu in topology.cpus] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_socket_of_chiplets_has_a_cache_for_each(written: Callable[[Tree], Path]) -> None:
    assert l3_groups(read_topology(written(AMD))) == [16] * 16


def test_the_cache_of_a_socket_reaches_over_its_sub_numa_nodes(written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(SUB_NUMA))
    assert l3_groups(topology) == [112, 112]
    assert {(cpu.l3, cpu.socket) for cpu in topology.cpus} == {(0, 0), (56, 1)}


def test_without_a_third_level_the_last_cache_is_the_second(written: Callable[[Tree], Path]) -> None:
    assert l3_groups(read_topology(written(ARM))) == [1] * 80


def test_the_last_cache_is_that_of_the_highest_level(tmp_path: Path) -> None:
    files = {"index0/level": "1", "index0/shared_cpu_list": "3", "index9/level": "2", "index9/shared_cpu_list": "2-3"}
    folder = "sys/devices/system/cpu/cpu3/cache"
    tree = replace(LAPTOP, files={f"{folder}/{name}": text for name, text in files.items()})
    assert read_topology(tree.write(tmp_path)).cpus[3].l3 == 0
    assert read_topology(replace(tree, cache_level=None).write(tmp_path / "without")).cpus[3].l3 == 2


def test_without_cache_files_the_cpus_of_a_node_share_one(tmp_path: Path) -> None:
    topology = read_topology(replace(TWO_OF_TWO, cache_level=None).write(tmp_path))
    assert {(cpu.node, cpu.l3) for cpu in topology.cpus} == {(0, 0), (1, 2)}


def test_nodes_report_their_memory_and_how_far_they_are(written: Callable[[Tree], Path]) -> None:
    near, far = read_topology(written(TWO_SOCKETS)).numa
    assert (near.memory_mb, far.memory_mb) == (257_536, 257_536)
    assert (near.distances, far.distances) == ((10, 21), (21, 10))


def test_a_node_without_cpus_has_memory_and_a_distance_but_is_not_counted(written: Callable[[Tree], Path]) -> None:
    """Memory on its own, such as CXL's, is a node with an empty list."""
    topology = read_topology(written(MEMORY_NODE))
    assert topology.nodes == 2
    memory = topology.numa[2]
    assert (memory.id, memory.cpus, memory.memory_mb, memory.distances) == (2, (), 131_072, (24, 24, 10))


def test_distances_that_fit_no_list_of_nodes_are_not_known(tmp_path: Path) -> None:
    tree = replace(TWO_OF_TWO, files={"sys/devices/system/node/node0/distance": "10 21 21"})
    assert [node.distances for node in read_topology(tree.write(tmp_path)).numa] == [(), ()]


def test_cores_of_the_same_number_in_two_nodes_are_two_cores(tmp_path: Path) -> None:
    """A socket in two halves, each a NUMA node of its own."""
    topology = read_topology(regular(1, 2, nodes_per_socket=2).write(tmp_path))
    assert (topology.sockets, topology.nodes, topology.physical_cores) == (1, 2, 2)


def test_cpus_that_are_offline_are_reported_but_not_used(written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(OFFLINE))
    assert topology.offline == (1, 9, 14)
    assert topology.allowed == OFFLINE.online
    assert topology.usable_cores == ((0, 8), (2, 10), (3, 11), (4, 12), (5, 13), (6,), (7, 15))


def test_cpus_that_could_be_plugged_in_are_not_offline(tmp_path: Path) -> None:
    tree = replace(LAPTOP, files={"sys/devices/system/cpu/offline": "4-127"})
    assert read_topology(tree.write(tmp_path)).offline == ()


def test_a_restricted_affinity_leaves_the_machine_whole_but_its_use_small(written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(TWO_OF_TWO), frozenset({4, 2, 6}))
    assert len(topology.cpus) == 8
    assert topology.allowed == {2, 4, 6}
    assert [cpu.id for cpu in topology.usable] == [4, 2, 6]
    assert topology.usable_cores == ((4,), (2, 6))


def test_a_recorded_process_may_use_what_both_its_mask_and_its_cpuset_have(
    tmp_path: Path, written: Callable[[Tree], Path]
) -> None:
    assert read_topology(written(ODD_CPUS)).allowed == set(range(1, 128, 2))
    assert read_topology(replace(ODD_CPUS, allowed="0-9,200").write(tmp_path / "b")).allowed == {1, 3, 5, 7, 9}
    assert read_topology(replace(ODD_CPUS, allowed=None).write(tmp_path / "c")).allowed == set(range(1, 128, 2))
    assert read_topology(replace(TWO_OF_TWO, allowed="2-3").write(tmp_path / "d")).allowed == {2, 3}


def test_a_recorded_tree_without_a_mask_may_use_every_cpu(written: Callable[[Tree], Path]) -> None:
    assert read_topology(written(TWO_OF_TWO)).allowed == set(range(8))


def test_a_quota_is_reported_in_cpus(written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(HALF_CPU))
    assert topology.quota_cpus == 0.5
    assert len(topology.allowed) == 4


def test_without_any_file_each_allowed_cpu_is_a_core_of_the_one_socket(tmp_path: Path) -> None:
    topology = read_topology(tmp_path, frozenset({1, 3}))
    assert topology.cpus == (Cpu(0, 0, 1, 1, l3=1), Cpu(0, 0, 3, 3, l3=1))
    assert topology.allowed == {1, 3}
    assert (topology.sockets, topology.nodes, topology.physical_cores) == (1, 1, 2)
    assert (topology.numa, topology.offline, topology.quota_cpus, topology.model) == ((), (), None, "")


def test_without_a_list_of_online_cpus_those_with_a_folder_are(tmp_path: Path) -> None:
    LAPTOP.write(tmp_path)
    (tmp_path / "sys/devices/system/cpu/online").unlink()
    assert [cpu.id for cpu in read_topology(tmp_path).cpus] == [0, 1, 2, 3]


def test_without_node_files_there_is_one_node(tmp_path: Path) -> None:
    assert read_topology(replace(TWO_OF_TWO, memory_mb=()).write(tmp_path)).nodes == 1


@pytest.mark.parametrize(("package", "socket"), [("-1", 0), ("5286", 5286), ("300000", 300_000)])
def test_a_package_that_the_kernel_does_not_know_is_socket_0(package: str, socket: int, tmp_path: Path) -> None:
    """Kernels of ARM servers number packages by addresses in a table of the firmware."""
    name = "sys/devices/system/cpu/cpu0/topology/physical_package_id"
    tree = replace(regular(1, 1), files={name: package})
    assert [cpu.socket for cpu in read_topology(tree.write(tmp_path)).cpus] == [socket]


def test_this_machine_can_be_read() -> None:
    topology = read_topology()
    assert topology.allowed
    assert topology.allowed <= {cpu.id for cpu in topology.cpus}
    assert {cpu for core in topology.usable_cores for cpu in core} == topology.allowed


@settings(max_examples=25, deadline=None)
@given(
    sockets=st.integers(1, 3),
    nodes=st.integers(1, 2),
    cores=st.integers(1, 3),
    threads=st.integers(1, 2),
    offline=st.frozensets(st.integers(0, 40), max_size=6),
)
def test_whatever_is_online_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    sockets: int,
    nodes: int,
    cores: int,
    threads: int,
    offline: frozenset[int],
) -> None:
    whole = regular(sockets, nodes * cores, threads=threads, nodes_per_socket=nodes, cores_per_cache=cores)
    tree = replace(whole, offline=(offline & whole.present) - {0})
    topology = read_topology(tree.write(tmp_path_factory.mktemp("tree")))
    found = {cpu.id: (cpu.socket, cpu.node) for cpu in topology.cpus}
    assert found == {cpu: (core.socket, core.node) for core in tree.cores for cpu in core.cpus if cpu in tree.online}
    written = {frozenset(core.cpus) & tree.online for core in tree.cores} - {frozenset()}
    assert {frozenset(core) for core in topology.usable_cores} == written
    assert set(topology.offline) == tree.offline


def test_cpus_are_at_home_on_one_socket_and_node_or_on_none() -> None:
    topology = machine(sockets=2, cores=4, nodes=2)
    assert topology.home((4, 5)) == (1, 2)
    assert topology.home((4, 6)) == (1, None)
    assert topology.home((0, 6)) == (None, None)
