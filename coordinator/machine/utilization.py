"""CPU utilization over exactly the window: totals are read about its edges and interpolated to them.

The kernel counts in ticks of 10 ms and a busy coordinator reads a little early or late, so no reading lies on an edge.
Load is steady across one, and a straight line between the readings before and after is right to a tick.
"""

import functools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS, NS_PER_S, Clock, monotonic_ns
from ovbench.common.messages import Usage

from .neighbours import read_stat

AFTER_START_NS: Final = 2 * NS_PER_MS
"""A reading takes a CPU for a millisecond: at the very start it held up one agent, and made that much start skew."""

Floats = npt.NDArray[np.float64]

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


@dataclass(frozen=True)
class CpuShare:
    """Of one logical CPU's time, in percent. busy = user + system; time stolen by a hypervisor is not among it."""

    busy: float
    user: float
    system: float
    iowait: float
    steal: float


def cpu_shares(readings: Sequence[CpuTotals], start_ns: int, stop_ns: int) -> dict[int, CpuShare]:
    """Of each logical CPU in [start, stop]."""
    found = {}
    online = list(readings[0].cpus) if readings else []
    for cpu, ((user, system, iowait, steal, _),) in _shares(readings, online, (start_ns, stop_ns)):
        found[cpu] = CpuShare(busy=user + system, user=user, system=system, iowait=iowait, steal=steal)
    return found


def busy_between(readings: Sequence[CpuTotals], cpus: Sequence[int], edges_ns: Sequence[int]) -> dict[int, list[float]]:
    """Percent that each of `cpus` was busy from each edge to the next, as `cpu_shares` has it; without those that the
    first reading lacks."""
    online = [cpu for cpu in cpus if readings and cpu in readings[0].cpus]
    return {cpu: [share[0] + share[1] for share in shares] for cpu, shares in _shares(readings, online, edges_ns)}


def _shares(
    readings: Sequence[CpuTotals], online: Sequence[int], edges_ns: Sequence[int]
) -> Iterator[tuple[int, list[list[float]]]]:
    """By CPU, percent of its time by slice and FIELDS; 0 where nothing is known. One that went offline meanwhile is
    taken from the readings that have it."""
    always = [cpu for cpu in online if all(cpu in reading.cpus for reading in readings)]
    if always:
        yield from zip(always, _percent(_spent(readings, always, edges_ns)).tolist(), strict=True)
    for cpu in (cpu for cpu in online if cpu not in always):
        known = [reading for reading in readings if cpu in reading.cpus]
        yield cpu, _percent(_spent(known, [cpu], edges_ns)).tolist()[0]


def _spent(readings: Sequence[CpuTotals], cpus: Sequence[int], edges_ns: Sequence[int]) -> Floats:
    """Seconds [CPU, slice, field]: how much the totals rose, on straight lines between readings, flat beyond."""
    totals = np.array([[reading.cpus[cpu] for cpu in cpus] for reading in readings])
    # Relative to the first: instants since boot in ns are beyond what a float64 holds exactly.
    origin = readings[0].at_ns
    times = np.array([reading.at_ns - origin for reading in readings], np.float64)
    place = np.interp([edge - origin for edge in edges_ns], times, np.arange(len(readings)))
    before = np.minimum(place.astype(np.int64), len(readings) - 2 if len(readings) > 1 else 0)
    after = np.minimum(before + 1, len(readings) - 1)
    at_edges = totals[before] + (place - before)[:, None, None] * (totals[after] - totals[before])
    # iowait may decrease (proc(5)), which is no time spent.
    rises: Floats = np.maximum(0.0, np.diff(at_edges, axis=0))
    return rises.swapaxes(0, 1)


def _percent(spent: Floats) -> Floats:
    whole = spent.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(100 * spent, whole, out=np.zeros_like(spent), where=whole > 0)
    return shares


def coordinator_s(readings: Sequence[CpuTotals], start_ns: int, stop_ns: int) -> float:
    return rise([(r.at_ns, r.coordinator_s) for r in readings], start_ns, stop_ns)


@dataclass(frozen=True)
class ProcessShare:
    """What an agent's process used in the window."""

    user_s: float
    system_s: float
    control_s: float
    voluntary_switches: int
    involuntary_switches: int
    migrations: int | None
    throttled_s: float = 0.0
    throttled_periods: int = 0


def process_share(usage: Sequence[Usage], start_ns: int, stop_ns: int) -> ProcessShare:
    """`usage`: at least one reading, in order."""

    def spent(value: Callable[[Usage], float]) -> float:
        return rise([(u.at_ns, value(u)) for u in usage], start_ns, stop_ns)

    known = all(u.migrations is not None for u in usage)
    return ProcessShare(
        user_s=spent(lambda u: u.user_s),
        system_s=spent(lambda u: u.system_s),
        control_s=spent(lambda u: u.control_s),
        voluntary_switches=round(spent(lambda u: u.voluntary_switches)),
        involuntary_switches=round(spent(lambda u: u.involuntary_switches)),
        migrations=round(spent(lambda u: u.migrations or 0)) if known else None,
        throttled_s=spent(lambda u: u.throttled_s),
        throttled_periods=round(spent(lambda u: u.throttled_periods)),
    )


def rise(points: Sequence[tuple[int, float]], start_ns: int, stop_ns: int) -> float:
    """How much a running total rose in [start, stop]; before the first and after the last reading it is flat."""
    if len(points) < 2:
        return 0.0
    # Relative to the first: instants since boot in ns are beyond what a float64 holds exactly.
    origin = points[0][0]
    times = np.array([at - origin for at, _ in points], np.float64)
    values = np.array([value for _, value in points], np.float64)
    at_start, at_stop = np.interp([start_ns - origin, stop_ns - origin], times, values)
    return float(at_stop - at_start)
