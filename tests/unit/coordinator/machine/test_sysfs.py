"""Recording a machine: few small files, from which the same topology is read."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from ovbench.common.errors import Unwritable, UsageError
from ovbench.common.topology import read_topology
from ovbench.coordinator.machine.sysfs import record_tree
from tests.trees import HYBRID, LAPTOP, MACHINES, ODD_CPUS, Tree

NAMED_BY_THE_CONTRACT = ("sys/devices/", "sys/fs/cgroup/", "proc/self/status", "proc/self/cgroup", "proc/cpuinfo")


def refusal(target: Path) -> str:
    with pytest.raises(UsageError) as refused:
        record_tree(target)
    return str(refused.value)


def test_this_machine_is_read_from_its_record_as_it_is(tmp_path: Path) -> None:
    record_tree(tmp_path / "new" / "folder")
    assert read_topology(tmp_path / "new" / "folder") == read_topology()


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_record_of_any_machine_gives_the_same_topology(
    machine: Tree, tmp_path: Path, written: Callable[[Tree], Path]
) -> None:
    root = written(machine)
    record_tree(tmp_path / "record", root)
    assert read_topology(tmp_path / "record") == read_topology(root)


def test_a_record_has_only_small_files_under_the_paths_that_are_documented(tmp_path: Path) -> None:
    written = record_tree(tmp_path)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == written
    assert all(str(file.relative_to(tmp_path)).startswith(NAMED_BY_THE_CONTRACT) for file in files)
    assert all(file.stat().st_size < 1 << 16 for file in files)


def test_what_shows_nothing_of_the_topology_is_left_out(tmp_path: Path) -> None:
    root = LAPTOP.write(tmp_path / "machine")
    (root / "proc/cpuinfo").write_text("processor\t: 0\nmodel name\t: Cortex\n\nSerial\t\t: 00000000deadbeef\n")
    (root / "sys/devices/system/cpu/cpu0/topology/secret").write_text("x\n")
    record_tree(tmp_path / "record", root)
    assert (tmp_path / "record/proc/cpuinfo").read_text() == "processor\t: 0\nmodel name\t: Cortex\n"
    assert not (tmp_path / "record/sys/devices/system/cpu/cpu0/topology/secret").exists()
    node = "sys/devices/system/node/node0/meminfo"
    assert (tmp_path / "record" / node).read_text() == (root / node).read_text().splitlines(keepends=True)[0]


def test_the_groups_and_the_kinds_of_cores_are_recorded(tmp_path: Path, written: Callable[[Tree], Path]) -> None:
    record_tree(tmp_path / "a", written(ODD_CPUS))
    assert (tmp_path / "a/sys/fs/cgroup/jobs/odd/cpuset.cpus.effective").is_file()
    record_tree(tmp_path / "b", written(HYBRID))
    assert (tmp_path / "b/sys/devices/cpu_atom/cpus").is_file()


def test_an_empty_folder_is_taken_and_one_with_anything_in_it_refused(tmp_path: Path) -> None:
    record_tree(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert refusal(tmp_path) == (
        f"--record {tmp_path}: the folder is not empty; give one that is, or that does not exist"
    )
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "Not a directory" in refusal(tmp_path / "file" / "folder")
    assert "--record" in refusal(tmp_path / "file")
    assert "too long" in refusal(tmp_path / ("x" * 300))


def test_half_a_machine_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))  # the first files are smaller
    try:
        for name in ("new/folder", "there"):
            with pytest.raises(Unwritable, match="File too large"):
                record_tree(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["there"]
