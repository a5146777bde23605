"""Other processes on the measured CPUs: who they are and how much they took, from /proc/<pid>/stat and its threads'."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .clock import NS_PER_S

_STAT_BYTES: Final = 4096


@dataclass(frozen=True)
class Process:
    """`started_ticks` since boot distinguish it from a later process of its number. `name` has 15 bytes at most."""

    pid: int
    started_ticks: int
    name: str


@dataclass(frozen=True)
class Stat:
    """What is used of a stat file (proc(5)). `ticks`: user and system time; `cpu`: the one it ran on last."""

    name: str
    parent: int
    ticks: int
    threads: int
    started_ticks: int
    cpu: int


def parse_stat(text: bytes) -> Stat | None:
    """None where it is cut short. The name is in parentheses and may hold spaces and parentheses itself."""
    head, _, tail = text.rpartition(b")")
    fields = tail.split()
    if len(fields) < 37:
        return None
    # proc(5) counts from 1, and the first here is the third there.
    parent, user, system, threads, started, cpu = (int(fields[number - 3]) for number in (4, 14, 15, 20, 22, 39))
    name = head.partition(b"(")[2].decode(errors="replace")
    return Stat(name, parent, user + system, threads, started, cpu)


def read_stat(file: str) -> Stat | None:
    """None where it is gone: processes and threads come and go."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return None
    try:
        return parse_stat(os.read(descriptor, _STAT_BYTES))
    except OSError:  # ESRCH: it ended after it was opened
        return None
    finally:
        os.close(descriptor)


@dataclass
class _Known:
    """A process at the last reading at which it had used anything: ticks in all, by thread, and ascribed to a CPU."""

    process: Process
    ticks: int
    threads: dict[int, int]
    ascribed_ticks: int


Points = Sequence[tuple[int, float]]
"""A running total over time: (instant in ns, seconds). It rises in straight lines between them."""


@dataclass
class Neighbours:
    """Running totals of other processes' time on measured CPUs, kernel threads' included.

    The time of a thread between two readings is ascribed to the CPU that it ran on last; one that may use a single CPU
    was on that one, and a CPU cannot have given more time than passed. Threads that ended in between count for the CPU
    of their process's first thread. A process that both came and ended between two readings is not seen, nor is one of
    another PID namespace, as beside a container.
    """

    measured: Collection[int]
    coordinator: int
    root: Path = Path("/")
    ticks_per_s: int = field(default_factory=lambda: os.sysconf("SC_CLK_TCK"))
    _known: dict[int, _Known] | None = None
    _ours: set[Process] = field(default_factory=set)
    _points: dict[tuple[Process, int], list[tuple[int, float]]] = field(default_factory=dict)
    _last_ns: int = 0

    @property
    def cpu_time(self) -> Mapping[tuple[Process, int], Points]:
        """CPU seconds over time, by process and measured CPU, of those that used any; it goes on with the readings."""
        return self._points

    def read(self, at_ns: int, ours: Iterable[int] = ()) -> None:
        """Take a reading. `ours`: pids of agents; the coordinator and its descendants are left out anyway."""
        stats = dict(self._stats())
        own = _family({pid: stat.parent for pid, stat in stats.items()}, {self.coordinator, *ours})
        before, known = self._known, dict[int, _Known]()
        for pid, stat in stats.items():
            process = Process(pid, stat.started_ticks, stat.name)
            if pid in own or process in self._ours:
                self._ours.add(process)
            else:
                known[pid] = self._follow(process, stat, before, at_ns)
        self._known, self._last_ns = known, at_ns

    def _stats(self) -> Iterator[tuple[int, Stat]]:
        folder = f"{self.root}/proc"
        for name in os.listdir(folder):
            if name.isdecimal() and (stat := read_stat(f"{folder}/{name}/stat")) is not None:
                yield int(name), stat

    def _follow(self, process: Process, stat: Stat, before: Mapping[int, _Known] | None, at_ns: int) -> _Known:
        last = before.get(process.pid) if before is not None else None
        if last is not None and last.process.started_ticks != process.started_ticks:
            last = None
        if last is not None and last.ticks == stat.ticks:
            return last
        threads = dict(self._threads(process.pid, stat))
        ticks = {thread: one.ticks for thread, one in threads.items()}
        if before is None:
            return _Known(process, stat.ticks, ticks, stat.ticks)
        # One that is new has done all of its work since the last reading.
        last = last or _Known(process, 0, {}, 0)
        rises: dict[int, int] = {}
        for thread, one in threads.items():
            rises[one.cpu] = rises.get(one.cpu, 0) + max(0, one.ticks - last.threads.get(thread, 0))
        ascribed = last.ascribed_ticks + sum(rises.values())
        rest = stat.ticks - ascribed
        if rest > stat.threads:  # each thread's own total is rounded down to a tick
            rises[stat.cpu] = rises.get(stat.cpu, 0) + rest
            ascribed += rest
        spent_s = {cpu: rise / self.ticks_per_s for cpu, rise in rises.items() if rise}
        for cpu, seconds in self._placed(last.process, spent_s, (at_ns - self._last_ns) / NS_PER_S).items():
            if cpu in self.measured:
                self._add(last.process, cpu, seconds, at_ns)
        return _Known(last.process, stat.ticks, ticks, ascribed)

    def _placed(self, process: Process, spent_s: Mapping[int, float], passed_s: float) -> dict[int, float]:
        """A CPU gave no more time than passed. Threads that were last seen on one and had more were on others, too: on
        those that the process is known to use, as far as they have time left; else nobody knows where."""
        placed = {cpu: min(seconds, passed_s) for cpu, seconds in spent_s.items()}
        left_s = sum(spent_s.values()) - sum(placed.values())
        if left_s > 0:
            for cpu in (cpu for cpu in sorted(self.measured) if (process, cpu) in self._points or cpu in spent_s):
                more_s = min(left_s, passed_s - placed.get(cpu, 0.0))
                placed[cpu] = placed.get(cpu, 0.0) + more_s
                left_s -= more_s
        return {cpu: seconds for cpu, seconds in placed.items() if seconds > 0}

    def _threads(self, pid: int, stat: Stat) -> Iterator[tuple[int, Stat]]:
        if stat.threads <= 1:
            yield pid, stat
            return
        folder = f"{self.root}/proc/{pid}/task"
        try:
            names = os.listdir(folder)
        except OSError:
            return
        for name in names:
            if (one := read_stat(f"{folder}/{name}/stat")) is not None:
                yield int(name), one

    def _add(self, process: Process, cpu: int, seconds: float, at_ns: int) -> None:
        """The total rose since the last reading; before that it may have been flat."""
        points = self._points.setdefault((process, cpu), [(self._last_ns, 0.0)])
        last_ns, total_s = points[-1]
        if last_ns != self._last_ns:
            points.append((self._last_ns, total_s))
        points.append((at_ns, total_s + seconds))


def _family(parents: Mapping[int, int], roots: set[int]) -> set[int]:
    """`roots` and all that descend from them."""
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found, left = set(roots), list(roots)
    while left:
        new = [child for child in children.get(left.pop(), ()) if child not in found]
        found.update(new)
        left += new
    return found
