"""Quotas and cpusets of nested groups, of both versions."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ovbench.common.cgroup import (
    Throttled,
    limit_files,
    most_throttled,
    read_available_memory,
    read_cpuset,
    read_oom_kills,
    read_quota,
    read_throttled,
    throttle_files,
)

V1_HYBRID = "4:cpuset:/box\n3:cpu,cpuacct:/box/inner\n1:name=systemd:/\n0::/session"


def groups(root: Path, lines: str, files: Mapping[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": lines, **{f"sys/fs/cgroup/{n}": t for n, t in files.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"a/b/cpu.max": "max 100000"}, None),
        ({"a/b/cpu.max": "50000 100000"}, 0.5),
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "350000 100000"}, 3.5),
        ({"a/b/cpu.max": "400000 100000", "a/cpu.max": "200000 100000"}, 2.0),
        ({"a/b/cpu.max": "100000 100000", "a/cpu.max": "200000 100000"}, 1.0),
        ({"a/b/cpu.max": "max 100000", "cpu.max": "20000 10000"}, 2.0),
        ({"a/b/cpu.max": "nonsense"}, None),
        ({"a/b/cpu.max": ""}, None),
        ({"other/cpu.max": "50000 100000"}, None),
    ],
)
def test_in_v2_the_smallest_quota_of_all_groups_above_holds(
    files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert read_quota(groups(tmp_path, "0::/a/b", files)) == quota


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu,cpuacct/box/inner/cpu.cfs_quota_us": "-1", "cpu,cpuacct/box/inner/cpu.cfs_period_us": "100000"}, None),
        ({"cpu,cpuacct/box/inner/cpu.cfs_quota_us": "150000"}, None),
        ({"cpu,cpuacct/box/cpu.cfs_quota_us": "150000", "cpu,cpuacct/box/cpu.cfs_period_us": "100000"}, 1.5),
        ({"cpu/box/cpu.cfs_quota_us": "150000", "cpu/box/cpu.cfs_period_us": "50000"}, 3.0),
        ({"cpuset/box/cpu.cfs_quota_us": "150000", "cpuset/box/cpu.cfs_period_us": "50000"}, None),
        ({"unified/session/cpu.max": "50000 100000"}, 0.5),
    ],
)
def test_in_v1_a_quota_is_two_files_below_its_controller(
    files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert read_quota(groups(tmp_path, V1_HYBRID, files)) == quota


@pytest.mark.parametrize("path", ["/docker/0123", "/../../elsewhere", "/"])
def test_a_container_that_sees_only_its_own_group_finds_it_at_the_mount(path: str, tmp_path: Path) -> None:
    root = groups(tmp_path, f"0::{path}", {"cpu.max": "250000 100000", "cpuset.cpus.effective": "4-5"})
    assert read_quota(root) == 2.5
    assert read_cpuset(root) == frozenset({4, 5})


def test_a_path_cannot_lead_out_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert read_quota(groups(tmp_path / "tree", "0::/../../../..", {"memory.max": "max"})) is None


@pytest.mark.parametrize(
    ("lines", "files", "cpus"),
    [
        ("0::/a/b", {}, None),
        ("0::/a/b", {"a/b/cpuset.cpus": ""}, None),
        ("0::/a/b", {"a/b/cpuset.cpus.effective": "1,3", "a/cpuset.cpus.effective": "0-3"}, {1, 3}),
        ("0::/a/b", {"a/cpuset.cpus.effective": "0-1"}, {0, 1}),
        ("0::/a/b", {"a/b/cpuset.cpus.effective": "2-3", "a/cpuset.cpus.effective": "0-1"}, {2, 3}),
        ("0::/a/b", {"a/b/cpuset.cpus": "0-2", "a/cpuset.cpus": "1-3"}, {1, 2}),
        (V1_HYBRID, {"cpuset/box/cpuset.cpus": "0-3", "cpuset/box/cpuset.effective_cpus": "0-2"}, {0, 1, 2}),
        (V1_HYBRID, {"cpuset/box/cpuset.cpus": "5"}, {5}),
    ],
    ids=["none", "empty", "nearest", "from above", "a partition", "only what was asked", "v1", "v1 of old"],
)
def test_a_cpuset_is_what_is_in_effect_for_the_nearest_group(
    lines: str, files: dict[str, str], cpus: set[int] | None, tmp_path: Path
) -> None:
    found = read_cpuset(groups(tmp_path, lines, files))
    assert (None if found is None else set(found)) == cpus


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert read_quota(tmp_path) is None
    assert read_cpuset(tmp_path) is None
    assert list(limit_files(tmp_path)) == []


@pytest.mark.parametrize("lines", ["nonsense", ":::", "0::", "\n\n", "0"])
def test_lines_that_are_no_groups_do_no_harm(lines: str, tmp_path: Path) -> None:
    assert read_quota(groups(tmp_path, lines, {})) is None


V1_STAT = "nr_periods 50\nnr_throttled 7\nthrottled_time 2500000000\nnr_bursts 0\nburst_time 0"
V2_STAT = "usage_usec 99\nuser_usec 90\nsystem_usec 9\nnr_periods 50\nnr_throttled 7\nthrottled_usec 2500000"
V2_TOPMOST = "usage_usec 99\nuser_usec 90\nsystem_usec 9"


@pytest.mark.parametrize(
    ("lines", "files"),
    [
        ("2:cpu,cpuacct:/a", {"cpu,cpuacct/a/cpu.stat": V1_STAT}),
        ("0::/a", {"a/cpu.stat": V2_STAT, "cpu.stat": V2_TOPMOST}),
    ],
    ids=["v1", "v2"],
)
def test_how_long_a_quota_was_used_up_is_read_of_both_versions(
    lines: str, files: dict[str, str], tmp_path: Path
) -> None:
    found = throttle_files(groups(tmp_path, lines, files))
    assert [file.parent.name for file in found] == ["a"]
    assert read_throttled(found) == (Throttled(7, 2.5),)


def test_the_group_that_waited_most_counts_not_the_one_that_once_did(tmp_path: Path) -> None:
    root = groups(tmp_path, "0::/a/b", {"a/cpu.stat": V2_STAT, "a/b/cpu.stat": V2_STAT, "cpu.stat": V2_TOPMOST})
    files = throttle_files(root)
    before = read_throttled(files)
    later = V2_STAT.replace("nr_throttled 7", "nr_throttled 9").replace("2500000", "2600000")
    (root / "sys/fs/cgroup/a/b/cpu.stat").write_text(later)
    (root / "sys/fs/cgroup/a/cpu.stat").write_text(V2_STAT.replace("2500000", "2550000"))
    rise = most_throttled(before, read_throttled(files))
    assert rise.periods == 2
    assert rise.seconds == pytest.approx(0.1)


def test_a_group_that_has_gone_and_no_group_at_all_waited_for_nothing(tmp_path: Path) -> None:
    assert throttle_files(tmp_path) == ()
    assert read_throttled([tmp_path / "cpu.stat"]) == (Throttled(0, 0.0),)
    assert most_throttled((), ()) == Throttled(0, 0.0)


@pytest.mark.parametrize(
    ("lines", "files", "kills"),
    [
        ("0::/a/b", {"a/b/memory.events": "low 0\noom 3\noom_kill 2", "a/memory.events": "oom_kill 9"}, 2),
        ("0::/a/b", {"a/b/cgroup.procs": "", "a/memory.events": "oom_kill 9"}, 9),
        ("4:memory:/a", {"memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1"}, 1),
        ("4:memory:/a", {"memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0"}, 7),
        ("0::/", {}, 7),
    ],
)
def test_kills_for_lack_of_memory_are_those_of_the_nearest_group_that_counts_them(
    tmp_path: Path, lines: str, files: dict[str, str], kills: int
) -> None:
    root = groups(tmp_path, lines, files)
    (root / "proc" / "vmstat").write_text("pgfault 5\noom_kill 7\n")
    assert read_oom_kills(root) == kills


def test_an_old_kernel_counts_no_kills_for_lack_of_memory(tmp_path: Path) -> None:
    assert read_oom_kills(groups(tmp_path, "0::/", {})) is None


@pytest.mark.parametrize(
    ("lines", "files", "available"),
    [
        ("0::/a", {}, 1 << 30),
        ("0::/a", {"a/memory.max": "max"}, 1 << 30),
        ("0::/a", {"a/memory.max": "536870912"}, 1 << 29),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "268435456"}, 1 << 28),
        ("0::/a", {"a/memory.max": "536870912", "a/memory.current": "536870912"}, 0),
        (
            "0::/a",
            {"a/memory.max": "536870912", "a/memory.current": "402653184", "a/memory.stat": "inactive_file 134217728"},
            1 << 28,
        ),
        ("9:memory:/box", {"memory/box/memory.limit_in_bytes": "9223372036854771712"}, 1 << 30),
        ("9:memory:/box", {"memory/box/memory.limit_in_bytes": "134217728"}, 1 << 27),
        (
            "9:memory:/box",
            {"memory/box/memory.limit_in_bytes": "134217728", "memory/box/memory.usage_in_bytes": "67108864"},
            1 << 26,
        ),
    ],
)
def test_memory_is_what_the_machine_has_and_the_groups_allow(
    lines: str, files: dict[str, str], available: int, tmp_path: Path
) -> None:
    root = groups(tmp_path, lines, files)
    (root / "proc/meminfo").write_text("MemFree: 1 kB\nMemAvailable:    1048576 kB\n")
    assert read_available_memory(root) == available


def test_memory_that_nobody_tells_is_unknown(tmp_path: Path) -> None:
    assert read_available_memory(groups(tmp_path, "0::/a", {})) is None
