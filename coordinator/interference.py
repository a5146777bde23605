"""Who had the measured CPUs in the window: agents, ovbench itself, others, the hypervisor, nobody. Pure.

The kernel samples what a CPU does at its timer's ticks, but counts what a thread ran exactly. What is left for others
is the difference of the two, so with n ticks in the window it is known to sqrt(p (1 - p) / n) of a CPU that is busy
for p of it: nothing at full load, 3.5 points at half load in 2 s of 100 ticks (`tick_error_percent`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ovbench.common.clock import NS_PER_S
from ovbench.common.messages import Usage

from .neighbours import Points, Process
from .result import CpuUse, Frequency, Neighbour
from .sensors import Governor, SensorReading
from .utilization import CpuShare, CpuTotals, ProcessShare, process_share, rise

LEAST_NEIGHBOUR_PERCENT: Final = 0.5
MOST_NEIGHBOURS: Final = 20
TICKS_PER_S: Final = 100
"""The fewest that Linux is built for (CONFIG_HZ)."""


@dataclass(frozen=True)
class AgentTime:
    """What is known of an agent's time. `cpus`: those it was given."""

    cpus: tuple[int, ...]
    usage: Sequence[Usage]


@dataclass(frozen=True)
class Surroundings:
    """What the measured CPUs were up to in the window, for the checks.

    `throttles`: by how much the counts of throttling by heat rose in the run, of those that did. `quota`: of each
    agent whose control groups' quota was used up, how often and for how many seconds.
    """

    use: Mapping[int, CpuUse] = field(default_factory=dict)
    window_s: float = 0.0
    neighbours: Sequence[Neighbour] = ()
    frequency: Mapping[int, Frequency] = field(default_factory=dict)
    governors: Sequence[Governor] = ()
    throttles: Mapping[str, int] = field(default_factory=dict)
    quota: Mapping[int, tuple[int, float]] = field(default_factory=dict)


def cpu_use(
    shares: Mapping[int, CpuShare],
    agents: Sequence[AgentTime],
    coordinator_s: Mapping[int, float],
    housekeeping: Collection[int],
    start_ns: int,
    stop_ns: int,
) -> dict[int, CpuUse]:
    """Of each CPU in `shares`, adding up to 100. `coordinator_s`: its time in the window by CPU.

    An agent that does not tell where its time went had it on its CPUs as far as they were busy, that of its control
    threads on those for housekeeping if there are any.
    """
    window_s = (stop_ns - start_ns) / NS_PER_S
    load_s, harness_s = dict.fromkeys(shares, 0.0), dict.fromkeys(shares, 0.0)
    _spread(harness_s, coordinator_s, sum(coordinator_s.values()))
    for agent in agents:
        told_load, told_control = _told(agent.usage, start_ns, stop_ns)
        _spread(load_s, told_load, sum(told_load.values()))
        _spread(harness_s, told_control, sum(told_control.values()))
        if not told_load and agent.usage:
            share: ProcessShare = process_share(agent.usage, start_ns, stop_ns)
            busy = {cpu: shares[cpu].busy for cpu in agent.cpus if cpu in shares}
            _spread(load_s, busy, share.user_s + share.system_s - share.control_s)
            _spread(harness_s, {} if housekeeping else busy, share.control_s)
    if window_s <= 0:
        return {cpu: CpuUse(0.0, 0.0, 0.0, 0.0, 100.0) for cpu in shares}
    return {
        cpu: _use(share, 100 * load_s[cpu] / window_s, 100 * harness_s[cpu] / window_s) for cpu, share in shares.items()
    }


def _told(usage: Sequence[Usage], start_ns: int, stop_ns: int) -> tuple[dict[int, float], dict[int, float]]:
    """Seconds of load and of control in the window by CPU; before a CPU is told of, its totals are 0."""
    readings = [(reading.at_ns, {one.cpu: one for one in reading.cpus}) for reading in usage]
    load_s, control_s = dict[int, float](), dict[int, float]()
    for cpu in sorted({cpu for _, cpus in readings for cpu in cpus}):
        of_cpu = [(at_ns, cpus.get(cpu)) for at_ns, cpus in readings]
        load_s[cpu] = rise([(at_ns, one.load_s if one else 0.0) for at_ns, one in of_cpu], start_ns, stop_ns)
        control_s[cpu] = rise([(at_ns, one.control_s if one else 0.0) for at_ns, one in of_cpu], start_ns, stop_ns)
    return load_s, control_s


def _spread(times: dict[int, float], weights: Mapping[int, float], seconds: float) -> None:
    """Over CPUs by their weights; what falls on those that are not in `times` is let go."""
    whole = sum(weights.values())
    for cpu, weight in weights.items():
        if cpu in times and whole > 0:
            times[cpu] += max(0.0, seconds) * weight / whole


def _use(share: CpuShare, load: float, harness: float) -> CpuUse:
    """All in percent. A kernel may count stolen time to a thread as well: what was stolen was nobody's."""
    room = max(0.0, 100 - share.steal)
    own = load + harness
    if own > room:
        load, harness, own = load * room / own, harness * room / own, room
    others = min(max(0.0, share.busy - own), room - own)
    return CpuUse(load, harness, others, 100 - room, max(0.0, room - own - others))


def tick_error_percent(use: CpuUse, window_s: float) -> float:
    """Of `others`: one standard deviation of a share that was sampled, at the fewest ticks there may be."""
    busy = min(1.0, (use.agents + use.harness + use.others) / 100)
    samples = max(1.0, TICKS_PER_S * window_s)
    return float(100 * (busy * (1 - busy) / samples) ** 0.5)


def coordinator_by_cpu(
    readings: Sequence[CpuTotals], start_ns: int, stop_ns: int, measured: Sequence[int]
) -> dict[int, float]:
    """Its seconds in the window: between two readings it was on the CPU of the later, else evenly on the measured."""
    spent: dict[int, float] = {}
    for before, after in pairwise(readings):
        seconds = rise([(r.at_ns, r.coordinator_s) for r in (before, after)], start_ns, stop_ns)
        cpus = measured if after.coordinator_cpu is None else (after.coordinator_cpu,)
        for cpu in cpus:
            spent[cpu] = spent.get(cpu, 0.0) + seconds / len(cpus)
    return spent


def neighbours(spent: Mapping[tuple[Process, int], Points], start_ns: int, stop_ns: int) -> tuple[Neighbour, ...]:
    """Those that took at least `LEAST_NEIGHBOUR_PERCENT` of a CPU in the window, most first."""
    length_s = (stop_ns - start_ns) / NS_PER_S
    shares: dict[Process, dict[int, float]] = {}
    for (process, cpu), points in spent.items():
        seconds = rise(points, start_ns, stop_ns)
        if length_s > 0 and seconds > 0:
            shares.setdefault(process, {})[cpu] = 100 * seconds / length_s
    found = [
        Neighbour(process.pid, process.name, sum(cpus.values()), {str(cpu): cpus[cpu] for cpu in sorted(cpus)})
        for process, cpus in shares.items()
        if sum(cpus.values()) >= LEAST_NEIGHBOUR_PERCENT
    ]
    return tuple(sorted(found, key=lambda one: -one.percent)[:MOST_NEIGHBOURS])


def frequencies(readings: Sequence[SensorReading], start_ns: int, stop_ns: int) -> dict[int, Frequency]:
    """By CPU, from the readings within the window: first and last are the medians of its first and last quarter."""
    found: dict[int, list[float]] = {}
    for reading in readings:
        if start_ns <= reading.at_ns <= stop_ns:
            for cpu, mhz in reading.mhz.items():
                found.setdefault(cpu, []).append(mhz)
    return {cpu: _frequency(mhz) for cpu, mhz in sorted(found.items())}


def _frequency(mhz: Sequence[float]) -> Frequency:
    quarter = (len(mhz) + 3) // 4
    return Frequency(first=_median(mhz[:quarter]), mean=sum(mhz) / len(mhz), min=min(mhz), last=_median(mhz[-quarter:]))


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def throttles(readings: Sequence[SensorReading]) -> dict[str, int]:
    """By how much each count rose over all readings, of those that rose."""
    if not readings:
        return {}
    first, last = readings[0].throttles, readings[-1].throttles
    return {what: last[what] - count for what, count in first.items() if last.get(what, count) > count}


def energy(readings: Sequence[SensorReading], start_ns: int, stop_ns: int) -> dict[str, float]:
    """Joules in the window by RAPL domain; none where less than two readings tell."""
    domains = readings[0].energy_j if len(readings) > 1 and stop_ns > start_ns else ()
    return {
        domain: rise([(r.at_ns, r.energy_j[domain]) for r in readings if domain in r.energy_j], start_ns, stop_ns)
        for domain in domains
    }


def package_energy(domains: Mapping[str, float]) -> float | None:
    """Joules of all packages; what RAPL tells beside them (cores, DRAM) is partly in theirs and partly not."""
    packages = [joules for domain, joules in domains.items() if domain.startswith("package-")]
    return sum(packages) if packages else None
