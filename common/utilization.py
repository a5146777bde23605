"""Totals of CPU time by logical CPU, read about a window's edges and every second between them."""

import functools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from .clock import NS_PER_MS, NS_PER_S, Clock, monotonic_ns
from .neighbours import read_stat

AFTER_START_NS: Final = 2 * NS_PER_MS
"""A reading takes a CPU for a millisecond: at the very start it held up one agent, and made that much start skew."""

FIELDS = ("user", "system", "iowait", "steal", "idle")


@dataclass(frozen=True)
class CpuTotals:
    """Seconds since boot by logical CPU, in the order of FIELDS; `coordinator_s`: this process's CPU time.

    `coordinator_cpu`: the one that this process is on; None where that is not known.
    """

    at_ns: int
    cpus: dict[int, tuple[float, ...]]
    coordinator_s: float
    coordinator_cpu: int | None = None


def cpu_reader(online: Iterable[int], clock: Clock = monotonic_ns) -> Callable[[], CpuTotals]:
    """Reads the totals of these CPUs. Its file is opened now, so that no reading needs a descriptor. Raises OSError."""
    stat = _proc_stat()
    wanted = frozenset(online)

    def read() -> CpuTotals:
        cpus = {cpu: times for cpu, times in _times(_content(stat)) if cpu in wanted}
        own = read_stat("/proc/self/stat")
        return CpuTotals(clock(), cpus, time.process_time(), None if own is None else own.cpu)

    return read


@functools.cache
def _proc_stat() -> int:
    return os.open("/proc/stat", os.O_RDONLY | os.O_CLOEXEC)


def _content(descriptor: int) -> bytes:
    """All of it as it is now: the kernel generates it when it is read from the start."""
    content = b""
    while piece := os.pread(descriptor, 1 << 16, len(content)):
        content += piece
    return content


def _times(content: bytes) -> Iterator[tuple[int, tuple[float, ...]]]:
    """By CPU. nice counts as user, irq and softirq as system; guest is in user already (proc(5))."""
    per_s = os.sysconf("SC_CLK_TCK")
    for line in content.splitlines():
        if not line.startswith(b"cpu"):
            return
        name, *ticks = line.split()
        if name != b"cpu":
            user, nice, system, idle, iowait, irq, softirq, steal = (int(one) / per_s for one in ticks[:8])
            yield int(name[3:]), (user + nice, system + irq + softirq, iowait, steal, idle)


@dataclass
class Meter:
    """Readings taken when they are due: by the window's edges, and every second between them for the timeline."""

    read: Callable[[], CpuTotals]
    readings: list[CpuTotals] = field(default_factory=list)
    _due_ns: list[int] = field(default_factory=list)

    def plan(self, begin_ns: int, duration_s: float | None) -> None:
        """The load begins at `begin_ns` and lasts `duration_s`, if that is known. Takes a reading from before it."""
        self.take()
        seconds = min(duration_s if duration_s is not None else 3600.0, 36_000.0)
        self._due_ns = [begin_ns + AFTER_START_NS]
        self._due_ns += [begin_ns + second * NS_PER_S for second in range(1, int(seconds) + 1)]
        if duration_s is not None:
            self._due_ns.append(begin_ns + round(duration_s * NS_PER_S))
        self._due_ns.sort(reverse=True)

    def cut(self, end_ns: int) -> None:
        """The load ends at an instant, if not before."""
        self._due_ns = [end_ns, *(due for due in self._due_ns if due < end_ns)]

    @property
    def next_ns(self) -> int | None:
        return self._due_ns[-1] if self._due_ns else None

    @property
    def last_ns(self) -> int:
        """When the CPUs were last read; 0 where they have not been."""
        return self.readings[-1].at_ns if self.readings else 0

    def tick(self, now_ns: int) -> bool:
        """Take a reading if one is due. Returns whether it did."""
        if self.next_ns is None or now_ns < self.next_ns:
            return False
        while self.next_ns is not None and self.next_ns <= now_ns:
            self._due_ns.pop()
        self.take()
        return True

    def take(self) -> None:
        self.readings.append(self.read())
