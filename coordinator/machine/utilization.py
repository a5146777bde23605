"""CPU utilization over exactly the window: totals are read about its edges and interpolated to them.

The kernel counts in ticks of 10 ms and a busy coordinator reads a little early or late, so no reading lies on an edge.
Load is steady across one, and a straight line between the readings before and after is right to a tick.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ovbench.common.messages import Usage
from ovbench.common.utilization import CpuTotals

Floats = npt.NDArray[np.float64]


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
