"""Machines recorded as trees of the kernel's files, without the machine."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.topology import Cpu, format_cpu_list, parse_cpu_list, read_topology


@dataclass
class Machine:
    """`cores`: of each physical core its package and its logical CPUs; `nodes`: the CPU list of each NUMA node."""

    cores: list[tuple[int, tuple[int, ...]]]
    nodes: list[str] = field(default_factory=list)
    online: str | None = None
    offline: tuple[int, ...] = ()

    def write(self, root: Path) -> Path:
        system = root / "sys/devices/system"
        for package, siblings in self.cores:
            present = tuple(cpu for cpu in siblings if cpu not in self.offline)
            for cpu in siblings:
                folder = system / f"cpu/cpu{cpu}"
                folder.mkdir(parents=True)
                if cpu in present:  # the kernel takes the folder away with the CPU
                    _put(folder / "topology/physical_package_id", str(package))
                    _put(folder / "topology/thread_siblings_list", format_cpu_list(present))
        for number, cpus in enumerate(self.nodes):
            _put(system / f"node/node{number}/cpulist", cpus)
        if self.online is not None:
            _put(system / "cpu/online", self.online)
        return root


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n")


ONE_SOCKET = Machine(cores=[(0, (cpu,)) for cpu in range(4)], nodes=["0-3"], online="0-3")
TWO_SOCKETS = Machine(
    cores=[(0, (0, 4)), (0, (1, 5)), (1, (2, 6)), (1, (3, 7))], nodes=["0-1,4-5", "2-3,6-7"], online="0-7"
)
EVERYTHING = frozenset(range(64))


def test_one_socket_without_smt_is_one_node_of_single_cpus(tmp_path: Path) -> None:
    topology = read_topology(ONE_SOCKET.write(tmp_path), EVERYTHING)
    assert topology.cpus == tuple(Cpu(socket=0, node=0, core=cpu, id=cpu) for cpu in range(4))
    assert topology.allowed == {0, 1, 2, 3}
    assert (topology.sockets, topology.nodes, topology.physical_cores) == (1, 1, 4)
    assert topology.usable_cores == ((0,), (1,), (2,), (3,))


def test_two_sockets_with_smt_are_ordered_by_socket_node_core_and_number(tmp_path: Path) -> None:
    topology = read_topology(TWO_SOCKETS.write(tmp_path), EVERYTHING)
    assert [cpu.id for cpu in topology.cpus] == [0, 4, 1, 5, 2, 6, 3, 7]
    assert (topology.sockets, topology.nodes, topology.physical_cores) == (2, 2, 4)
    assert topology.usable_cores == ((0, 4), (1, 5), (2, 6), (3, 7))
    assert [cpu.node for cpu in topology.cpus] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_cores_of_the_same_number_in_two_nodes_are_two_cores(tmp_path: Path) -> None:
    """A socket in two halves, each a NUMA node of its own."""
    machine = Machine(cores=[(0, (0,)), (0, (1,))], nodes=["0", "1"], online="0-1")
    topology = read_topology(machine.write(tmp_path), EVERYTHING)
    assert (topology.sockets, topology.nodes, topology.physical_cores) == (1, 2, 2)


def test_cpus_that_are_offline_do_not_exist(tmp_path: Path) -> None:
    machine = Machine(cores=TWO_SOCKETS.cores, nodes=["0-1,4", "2-3,6-7"], online="0-4,6-7", offline=(5,))
    topology = read_topology(machine.write(tmp_path), EVERYTHING)
    assert 5 not in {cpu.id for cpu in topology.cpus}
    assert 5 not in topology.allowed
    assert topology.usable_cores == ((0, 4), (1,), (2, 6), (3, 7))


def test_a_restricted_affinity_leaves_the_machine_whole_but_its_use_small(tmp_path: Path) -> None:
    topology = read_topology(TWO_SOCKETS.write(tmp_path), frozenset({4, 2, 6}))
    assert len(topology.cpus) == 8
    assert topology.allowed == {2, 4, 6}
    assert [cpu.id for cpu in topology.usable] == [4, 2, 6]
    assert topology.usable_cores == ((4,), (2, 6))


def test_without_any_file_each_allowed_cpu_is_a_core_of_the_one_socket(tmp_path: Path) -> None:
    topology = read_topology(tmp_path, frozenset({1, 3}))
    assert topology.cpus == (Cpu(0, 0, 1, 1), Cpu(0, 0, 3, 3))
    assert topology.allowed == {1, 3}
    assert (topology.sockets, topology.nodes, topology.physical_cores) == (1, 1, 2)


def test_without_node_files_there_is_one_node(tmp_path: Path) -> None:
    machine = Machine(cores=TWO_SOCKETS.cores, online="0-7")
    assert read_topology(machine.write(tmp_path), EVERYTHING).nodes == 1


def test_a_package_that_the_kernel_does_not_know_is_socket_0(tmp_path: Path) -> None:
    machine = Machine(cores=[(-1, (0,)), (-1, (1,))], nodes=["0-1"], online="0-1")
    assert {cpu.socket for cpu in read_topology(machine.write(tmp_path), EVERYTHING).cpus} == {0}


def test_a_node_without_cpus_is_no_node(tmp_path: Path) -> None:
    """Memory on its own, such as CXL's, is a node with an empty list."""
    machine = Machine(cores=ONE_SOCKET.cores, nodes=["0-3", ""], online="0-3")
    assert read_topology(machine.write(tmp_path), EVERYTHING).nodes == 1


def test_this_machine_can_be_read() -> None:
    topology = read_topology()
    assert topology.allowed
    assert topology.allowed <= {cpu.id for cpu in topology.cpus}
    assert {cpu for core in topology.usable_cores for cpu in core} == topology.allowed


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0-3,8,10-11\n", (0, 1, 2, 3, 8, 10, 11)),
        ("", ()),
        ("\n", ()),
        ("7", (7,)),
        ("3,1-2", (1, 2, 3)),
        ("1,1-2,2", (1, 2)),
    ],
)
def test_a_cpu_list_is_read_as_the_kernel_writes_it(text: str, cpus: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize("text", ["a", "1-", "-1", "1-2-3", "0x1", "1;2"])
def test_what_is_no_cpu_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_cpu_list(text)


@settings(max_examples=100, deadline=None)
@given(cpus=st.sets(st.integers(0, 300)))
def test_a_cpu_list_comes_back_as_it_was_written(cpus: set[int]) -> None:
    text = format_cpu_list(tuple(cpus))
    assert parse_cpu_list(text) == tuple(sorted(cpus))


def test_a_cpu_list_is_written_in_the_fewest_spans() -> None:
    assert format_cpu_list((11, 0, 1, 2, 3, 8, 10)) == "0-3,8,10-11"
    assert format_cpu_list(()) == ""
