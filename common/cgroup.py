"""What the control groups of a process leave it of the CPUs, how often they made it wait, and how often the kernel has
killed for lack of memory in them: cgroup v1, v2, both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from .clock import NS_PER_S, NS_PER_US
from .cpulist import read_cpu_list, read_text

_MOUNT: Final = "sys/fs/cgroup"
_QUOTA_FILES: Final = ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us")
_EFFECTIVE: Final = ("cpuset.cpus.effective", "cpuset.effective_cpus")
_CPUSET: Final = "cpuset.cpus"
_STAT: Final = "cpu.stat"
_CPUSET_FILES: Final = (*_EFFECTIVE, _CPUSET)
_OOM_FILES: Final = ("memory.events", "memory.oom_control")
_MEMORY_FILES: Final = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Of v2 and of v1: the limit, what is used, and what can be given up of it, in memory.stat."""

_OOM_KILL: Final = "oom_kill"


def read_quota(root: Path) -> float | None:
    """In CPUs: the smallest of the process's group and all that it is nested in; None where none has a quota."""
    quotas = [quota for group in _groups(root, "cpu") if (quota := _quota(group)) is not None]
    return min(quotas, default=None)


def read_cpuset(root: Path) -> frozenset[int] | None:
    """The CPUs that the process's groups may use; None where that is all of them.

    What is in effect for the nearest group holds: a group that is a partition of its own has CPUs that the groups
    above have given away. Where no such file is, it is what all of the groups have in common.
    """
    groups = list(_groups(root, "cpuset"))
    for group in groups:
        for name in _EFFECTIVE:
            if cpus := read_cpu_list(group / name):
                return frozenset(cpus)
    sets = [frozenset(cpus) for group in groups if (cpus := read_cpu_list(group / _CPUSET))]
    return frozenset.intersection(*sets) if sets else None


@dataclass(frozen=True)
class Throttled:
    """How often and for how long the CPU quota of a group was used up, since the group was made."""

    periods: int
    seconds: float


def throttle_files(root: Path) -> tuple[Path, ...]:
    """Those that show it for the process's group and those above it; a group that cannot have a quota has none."""
    files = (group / _STAT for group in _groups(root, "cpu"))
    return tuple(file for file in dict.fromkeys(files) if _throttled(read_text(file)) is not None)


def read_throttled(files: Sequence[Path]) -> tuple[Throttled, ...]:
    """Of each of `throttle_files`."""
    return tuple(_throttled(read_text(file)) or Throttled(0, 0.0) for file in files)


def most_throttled(before: Sequence[Throttled], after: Sequence[Throttled]) -> Throttled:
    """By how much it rose in the group where it rose most: those nested in it wait with it, so it is no sum."""
    rises = (Throttled(b.periods - a.periods, b.seconds - a.seconds) for a, b in zip(before, after, strict=True))
    return max(rises, key=lambda rise: (rise.seconds, rise.periods), default=Throttled(0, 0.0))


def read_oom_kills(root: Path) -> int | None:
    """How many processes of the process's group the kernel has killed for lack of memory, by a limit of any group or of
    the machine; of the whole machine where the group does not count them; None where nobody does."""
    files = [group / name for group in _groups(root, "memory") for name in _OOM_FILES]
    counts = (_count_of(_OOM_KILL, read_text(file)) for file in (*files, root / "proc/vmstat"))
    return next((count for count in counts if count is not None), None)


def read_available_memory(root: Path) -> int | None:
    """Bytes that can be had without swapping (proc_meminfo(5), MemAvailable), and no more than is left to any of the
    process's groups, whose idle caches of files can be given up; None where nobody says."""
    found = []
    for group in _groups(root, "memory"):
        for limit_file, used_file, cache in _MEMORY_FILES:
            limit, used = (read_text(group / name).strip() for name in (limit_file, used_file))
            if _is_count(limit):
                given_up = _count_of(cache, read_text(group / "memory.stat")) or 0
                found.append(max(0, int(limit) - (int(used) if _is_count(used) else 0) + given_up))
    for line in read_text(root / "proc/meminfo").splitlines():
        name, value, *_ = (*line.split(), "", "")
        if name == "MemAvailable:" and _is_count(value):
            found.append(int(value) * 1024)
    return min(found, default=None)


def _count_of(name: str, text: str) -> int | None:
    values = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
    count = values.get(name, "")
    return int(count) if count.isascii() and count.isdecimal() else None


def _throttled(text: str) -> Throttled | None:
    """From cpu.stat: v1 has nanoseconds, v2 microseconds; its topmost group, which has no quota, has neither."""
    values = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
    periods, ns, us = (values.get(name, "") for name in ("nr_throttled", "throttled_time", "throttled_usec"))
    if not periods.isdecimal() or not (ns or us).isdecimal():
        return None
    return Throttled(int(periods), int(ns) / NS_PER_S if ns else int(us) * NS_PER_US / NS_PER_S)


def limit_files(root: Path) -> Iterator[Path]:
    """All files there are that show quota or cpuset, for a record of them."""
    for controller, names in (("cpu", _QUOTA_FILES), ("cpuset", _CPUSET_FILES)):
        yield from (group / name for group in _groups(root, controller) for name in names if (group / name).is_file())


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the process's group and of those above it, nearest first.

    In a container that sees the host's path but has only its own group mounted, that is the mount alone.
    """
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        mount = _unified(root) if not controllers else _mount_of_v1(root, controller, controllers)
        if mount is None:
            continue
        parts = PurePosixPath(path.lstrip("/"))
        # A group outside of the namespace is written with `..`, and cannot be seen.
        inside = [] if ".." in parts.parts else [parts, *parts.parents]
        yield from (mount / part for part in inside if part.parts and (mount / part).is_dir())
        yield mount


def _unified(root: Path) -> Path:
    """Where v2 is: under `unified` if v1 has the rest."""
    beside = root / _MOUNT / "unified"
    return beside if beside.is_dir() else root / _MOUNT


def _mount_of_v1(root: Path, controller: str, controllers: str) -> Path | None:
    """v1 mounts some controllers together, as in `cpu,cpuacct`."""
    if controller not in controllers.split(","):
        return None
    folders = (folder for folder in sorted((root / _MOUNT).glob("*")) if controller in folder.name.split(","))
    return next(folders, None)


def _quota(group: Path) -> float | None:
    quota, period = (*read_text(group / "cpu.max").split(), "", "")[:2]
    if not quota:
        quota, period = (read_text(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    # No limit is `max` in v2 and -1 in v1.
    return int(quota) / int(period) if _is_count(quota) and _is_count(period) else None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0
