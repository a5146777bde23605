"""Machines as people and programs are shown them."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ovbench.common.topology import Node, Topology, read_topology
from ovbench.coordinator.report.topology import print_topology, spans, topology_json
from tests.trees import (
    AMD,
    HALF_CPU,
    HYBRID,
    LAPTOP,
    MACHINES,
    MEMORY_NODE,
    ODD_CPUS,
    OFFLINE,
    TWO_SOCKETS,
    Tree,
    regular,
)


def drawn(topology: Topology) -> list[str]:
    out = io.StringIO()
    print_topology(Console(file=out, width=80), topology)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def row(lines: list[str], *words: str) -> bool:
    """Whether a line has these words, in order, and no others."""
    return any(line.split() == list(words) for line in lines)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_machine_fits_a_screen(machine: Tree, written: Callable[[Tree], Path]) -> None:
    lines = drawn(read_topology(written(machine)))
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 32


def test_a_laptop_is_a_few_lines(written: Callable[[Tree], Path]) -> None:
    assert drawn(read_topology(written(LAPTOP))) == [
        "Intel(R) Core(TM) i5-6500 CPU @ 3.20GHz",
        "  1 socket · 1 NUMA node · 4 cores · 4 logical CPUs",
        "  all CPUs may be used",
        "",
        " socket  node  cache  cores  CPUs",
        "─────────────────────────────────",
        "      0     0  0          4  0-3",
        "  cache: the lowest CPU of those that share their last one; a-b/n: every n-th",
        "",
        " node     memory",
        "────────────────",
        "    0  15,872 MB",
    ]


def test_siblings_are_shown_by_the_first_core_and_the_last(written: Callable[[Tree], Path]) -> None:
    lines = drawn(read_topology(written(TWO_SOCKETS)))
    assert row(lines, "0", "0", "0", "32", "0-31,", "64-95", "0+64", "…", "31+95")
    assert row(lines, "1", "1", "32", "32", "32-63,", "96-127", "32+96", "…", "63+127")


def test_each_cache_of_a_socket_has_a_line(written: Callable[[Tree], Path]) -> None:
    lines = drawn(read_topology(written(AMD)))
    assert row(lines, "0", "0", "0", "8", "0-7,", "128-135", "0+128", "…", "7+135")
    assert row(lines, "120", "8", "120-127,", "248-255", "120+248", "…", "127+255")


def test_too_many_caches_are_counted_by_node(tmp_path: Path) -> None:
    lines = drawn(read_topology(regular(2, 64, cores_per_cache=2).write(tmp_path)))
    assert row(lines, "0", "0", "32", "groups", "64", "0-63")
    assert row(lines, "1", "1", "32", "groups", "64", "64-127")


def test_the_kinds_of_cores_are_distinguished(written: Callable[[Tree], Path]) -> None:
    lines = drawn(read_topology(written(HYBRID)))
    assert "14 cores (6 P, 8 E)" in lines[1]
    assert row(lines, "0", "0", "0", "performance", "6", "0-11", "0+1", "…", "10+11")
    assert row(lines, "0", "efficient", "8", "12-19")


def test_cpus_that_may_be_used_are_distinguished(written: Callable[[Tree], Path]) -> None:
    lines = drawn(read_topology(written(ODD_CPUS)))
    assert "  64 of 128 CPUs may be used, on 32 cores: 1-127/2" in lines
    assert any(line.endswith("1-31/2, 65-95/2") for line in lines)


def test_a_node_of_which_nothing_may_be_used_says_none(tmp_path: Path) -> None:
    lines = drawn(read_topology(replace(TWO_SOCKETS, allowed="0-31,64-95").write(tmp_path)))
    assert [line.split()[-1] for line in lines if "+" in line] == ["all", "none"]


def test_a_quota_is_shown(written: Callable[[Tree], Path]) -> None:
    lines = drawn(read_topology(written(HALF_CPU)))
    assert "  quota: the time of 0.5 CPUs, by the control group" in lines


def test_cpus_that_are_offline_are_shown(written: Callable[[Tree], Path]) -> None:
    assert "  offline: 1, 9, 14" in drawn(read_topology(written(OFFLINE)))


def test_memory_and_distances_are_by_node_also_without_cpus(written: Callable[[Tree], Path]) -> None:
    lines = drawn(read_topology(written(MEMORY_NODE)))
    assert row(lines, "node", "memory", "to", "0", "to", "1", "to", "2")
    assert row(lines, "1", "65,536", "MB", "21", "10", "24")
    assert row(lines, "2", "(no", "CPUs)", "131,072", "MB", "24", "24", "10")


def test_distances_of_more_nodes_than_fit_are_left_to_json(tmp_path: Path) -> None:
    lines = drawn(read_topology(regular(16, 2).write(tmp_path)))
    assert lines[-1] == "  distances: in --json"
    assert row(lines, "15", "65,536", "MB")
    assert max(map(len, lines)) <= 80


def test_a_machine_that_reports_nothing_is_drawn_too(tmp_path: Path) -> None:
    lines = drawn(read_topology(tmp_path, frozenset({0, 1})))
    assert lines[:2] == ["a processor without a name", "  1 socket · 2 cores · 2 logical CPUs"]


def test_a_node_of_unknown_memory_has_a_dash() -> None:
    topology = replace(Topology((), frozenset()), numa=(Node(0, ()),))
    assert row(drawn(topology), "0", "(no", "CPUs)", "-")


@pytest.mark.parametrize(
    ("cpus", "text"),
    [
        ((), ""),
        ((3,), "3"),
        ((0, 1), "0-1"),
        ((0, 2, 4), "0, 2, 4"),
        ((1, 3, 5, 7), "1-7/2"),
        ((0, 4, 8, 12, 13), "0-12/4, 13"),
        ((0, 2, 3, 4, 5), "0, 2-5"),
        ((5, 0, 1, 2), "0-2, 5"),
    ],
)
def test_cpus_are_written_in_few_spans(cpus: tuple[int, ...], text: str) -> None:
    assert spans(cpus) == text


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_programs_get_every_field_of_the_topology(machine: Tree, written: Callable[[Tree], Path]) -> None:
    topology = read_topology(written(machine))
    found = json.loads(json.dumps(topology_json(topology)))
    assert set(found) == {
        "model", "sockets", "nodes", "physical_cores", "logical_cpus",
        "cpus", "allowed", "offline", "quota_cpus", "numa",
    }  # fmt: skip
    assert found["cpus"] == [
        {"id": c.id, "socket": c.socket, "node": c.node, "core": c.core, "l3": c.l3, "kind": c.kind}
        for c in topology.cpus
    ]
    assert found["allowed"] == sorted(topology.allowed)
    assert found["quota_cpus"] == topology.quota_cpus
    assert [node["memory_mb"] for node in found["numa"]] == list(machine.memory_mb)
    assert [tuple(node["distances"]) for node in found["numa"]] == list(machine.distances)


def test_the_keys_for_programs_are_documented(written: Callable[[Tree], Path]) -> None:
    text = (Path(__file__).parents[4] / "docs/topology.md").read_text()
    found = topology_json(read_topology(written(LAPTOP)))
    for key in found:
        assert f"`{key}`" in text
