"""The commands that start nothing, from argv to what is printed."""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ovbench.common.topology import read_topology
from ovbench.coordinator.entry import execute
from tests.trees import AMD, LAPTOP, MACHINES, MEMORY_NODE, ODD_CPUS, TWO_SOCKETS, Tree


def outcome(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as ended:
        execute(argv)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    code, out, err = outcome(capsys, *argv)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_topology_of_this_machine_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = outcome(capsys, "topology")
    assert (code, err) == (0, "")
    assert "logical CPU" in out


def test_a_record_of_this_machine_prints_the_same_as_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = outcome(capsys, "topology", "--record", str(tmp_path))
    assert code == 0
    assert out.endswith(f"files written to {tmp_path}\n")
    assert printed(capsys, "topology", "--json", "--sysfs", str(tmp_path)) == printed(capsys, "topology", "--json")


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_plan_for_a_recorded_machine_uses_its_cpus(
    machine: Tree, written: Callable[[Tree], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = written(machine)
    plan = printed(capsys, "--agents", "2", "--dry-run", "--json", "--sysfs", str(root))
    given = [cpu for one in plan["assignments"] for cpu in one["cpus"]] + plan["housekeeping"]
    assert sorted(given) == sorted(read_topology(root).allowed)


@pytest.mark.parametrize(
    ("tree", "asked", "policy"),
    [
        (LAPTOP, "local", "local"),
        (LAPTOP, "interleave", "interleave:0"),
        (MEMORY_NODE, "interleave", "interleave:0-2"),
        (MEMORY_NODE, "2", "bind:2"),
    ],
)
def test_a_plan_has_the_memory_policy_with_its_nodes(
    tree: Tree, asked: str, policy: str, written: Callable[[Tree], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("--agents", "2", "--memory", asked, "--dry-run", "--sysfs", str(written(tree)))
    assert [one["memory"] for one in printed(capsys, *argv, "--json")["assignments"]] == [policy] * 2
    assert f"memory policy: {policy}\n" in outcome(capsys, *argv)[1]


def test_a_plan_with_memory_that_a_recorded_machine_lacks_is_refused(
    written: Callable[[Tree], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = outcome(capsys, "--memory", "3", "--dry-run", "--sysfs", str(written(MEMORY_NODE)))
    assert (code, out) == (2, "")
    assert err == "ovbench-coord: --memory 3: there is no node 3 with memory; 0-2 have some\n"


def test_a_recorded_machine_of_which_nothing_may_be_used_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = Tree(LAPTOP.cores, allowed="8-15").write(tmp_path)
    code, out, err = outcome(capsys, "topology", "--sysfs", str(tree))
    assert (code, out) == (2, "")
    assert err.startswith(f"ovbench-coord: --sysfs {tree}: no CPU that is online may be used; compare ")
    assert len(err.splitlines()) == 1


def test_a_recorded_machine_is_drawn(written: Callable[[Tree], Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "topology", "--sysfs", str(written(AMD)))
    assert code == 0
    assert out.startswith("AMD EPYC 7763 64-Core Processor\n")
    _, out, _ = outcome(capsys, "topology", "--sysfs", str(written(ODD_CPUS)))
    assert "64 of 128 CPUs may be used" in out


def test_a_study_is_planned_for_a_machine_that_was_recorded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    root = TWO_SOCKETS.write(tmp_path)
    planned = printed(capsys, "study", "scaling", "--dry-run", "--json", "--sysfs", str(root))
    agents = {trial["argv"][trial["argv"].index("--agents") + 1] for trial in planned}
    assert {"1", "64"} <= agents
    assert len(planned) == 5 * len(agents)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("module", ["ovbench.coordinator.entry", "ovbench.agent.cli"])
def test_a_command_runs_as_a_module_too(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    # With the plugin installed pytest imports ovbench by a loader of its own, which runpy cannot take code from.
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if type(f).__name__ != "AssertionRewritingHook"])
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    assert (ended.value.code, capsys.readouterr().out[:14]) == (0, "usage: ovbench")
