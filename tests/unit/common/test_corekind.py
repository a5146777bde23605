"""Which cores are thrifty ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from ovbench.common.topology import read_topology
from tests.trees import HYBRID, LAPTOP, Core, Tree


def efficient(tree: Tree, root: Path) -> set[int]:
    return {cpu.id for cpu in read_topology(tree.write(root)).cpus if cpu.kind == "efficient"}


def with_capacities(*capacities: int) -> Tree:
    return Tree(tuple(Core(0, 0, (cpu,), 0, capacity=capacity) for cpu, capacity in enumerate(capacities)))


def with_frequencies(*khz: int) -> Tree:
    return Tree(tuple(Core(0, 0, (cpu,), 0, capacity=1024, max_khz=one) for cpu, one in enumerate(khz)))


def test_the_kernel_names_the_kinds_of_an_intel_hybrid(tmp_path: Path) -> None:
    assert efficient(HYBRID, tmp_path) == set(range(12, 20))


def test_cores_of_low_power_are_efficient_too(tmp_path: Path) -> None:
    files = {"cpu_core/cpus": "0-11", "cpu_atom/cpus": "12-17", "cpu_lowpower/cpus": "18-19"}
    tree = replace(HYBRID, files={f"sys/devices/{name}": cpus for name, cpus in files.items()})
    assert efficient(tree, tmp_path) == set(range(12, 20))


def test_a_machine_of_one_kind_has_performance_cores(tmp_path: Path) -> None:
    assert efficient(LAPTOP, tmp_path) == set()


@pytest.mark.parametrize("name", ["cpu_core", "cpu_atom"])
def test_one_named_kind_alone_separates_nothing(name: str, tmp_path: Path) -> None:
    assert efficient(replace(LAPTOP, files={f"sys/devices/{name}/cpus": "0-3"}), tmp_path) == set()


@pytest.mark.parametrize(
    ("capacities", "cpus"),
    [
        ((446, 446, 1024, 1024), {0, 1}),
        ((250, 768, 768, 1024), {0}),
        ((1024, 1024), set()),
        ((1000, 1024), set()),
    ],
    ids=["big and LITTLE", "three kinds", "one kind", "almost one kind"],
)
def test_a_core_that_gets_much_less_done_is_efficient(
    capacities: tuple[int, ...], cpus: set[int], tmp_path: Path
) -> None:
    assert efficient(with_capacities(*capacities), tmp_path) == cpus


@pytest.mark.parametrize(
    ("khz", "cpus"),
    [
        ((5_200_000, 5_000_000, 3_900_000, 3_900_000), {2, 3}),
        ((5_100_000, 3_700_000), {1}),
        ((4_900_000, 4_700_000), set()),
    ],
    ids=["Intel's", "AMD's dense ones", "favoured cores"],
)
def test_where_capacities_are_equal_the_highest_frequency_decides(
    khz: tuple[int, ...], cpus: set[int], tmp_path: Path
) -> None:
    assert efficient(with_frequencies(*khz), tmp_path) == cpus
