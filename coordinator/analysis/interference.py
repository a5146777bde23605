"""Who had the measured CPUs in the window: agents, ovbench itself, others, the hypervisor, nobody. Pure.

The kernel samples what a CPU does at its timer's ticks, but counts what a thread ran exactly. What is left for others
is the difference of the two, so with n ticks in the window it is known to sqrt(p (1 - p) / n) of a CPU that is busy
for p of it: nothing at full load, 3.5 points at half load in 2 s of 100 ticks (`tick_error_percent`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

from ovbench.common.clock import NS_PER_S
from ovbench.common.messages import Usage
from ovbench.common.neighbours import Points, Process
from ovbench.common.sensors import Governor, SensorReading
from ovbench.common.utilization import CpuTotals

from ..machine.utilization import CpuShare, ProcessShare, process_share, rise
from ..result.cpu import CpuUse, Frequency, Neighbour

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
    agent whose control groups' quota was used up, how often and for how many seconds. `readings_behind`: by CPU, of
    how many readings the first and the last `frequency` were made. `beside`: how busy each CPU was, in percent, that
    is nobody's of this run and shares a core with a measured one.
    """

    use: Mapping[int, CpuUse] = field(default_factory=dict)
    window_s: float = 0.0
    neighbours: Sequence[Neighbour] = ()
    frequency: Mapping[int, Frequency] = field(default_factory=dict)
    governors: Sequence[Governor] = ()
    throttles: Mapping[str, int] = field(default_factory=dict)
    quota: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    readings_behind: Mapping[int, int] = field(default_factory=dict)
    beside: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Claim:
    """Seconds of a process by CPU: of load, and of what is ovbench's own. `cpus`: where it may have been."""

    load_s: Mapping[int, float]
    harness_s: Mapping[int, float]
    cpus: Sequence[int]


def cpu_use(
    shares: Mapping[int, CpuShare],
    agents: Sequence[AgentTime],
    coordinator_s: Mapping[int, float],
    housekeeping: Collection[int],
    start_ns: int,
    stop_ns: int,
) -> dict[int, CpuUse]:
    """Of each CPU in `shares`, adding up to 100. `coordinator_s`: its time in the window by CPU.

    An agent that does not report where its time went is taken to have had it on its CPUs as far as they were busy,
    that of its control threads on those for housekeeping if there are any.

    The time of a thread that moves between two looks is charged to the CPU it moved to. So what a CPU is charged beyond
    what it was busy, less what those before had there, was on others of the agent's CPUs, as far as these were busy
    with nobody known. Those that have the fewest CPUs to choose from come first; what finds no place stays where it was
    charged.
    """
    window_s = (stop_ns - start_ns) / NS_PER_S
    if window_s <= 0:
        return {cpu: CpuUse(0.0, 0.0, 0.0, 0.0, 100.0) for cpu in shares}
    claims = [_claim(shares, agent, housekeeping, start_ns, stop_ns) for agent in agents]
    claims.sort(key=lambda claim: len(claim.cpus))
    load_s, harness_s = dict.fromkeys(shares, 0.0), dict.fromkeys(shares, 0.0)
    unexplained_s = {cpu: share.busy * window_s / 100 for cpu, share in shares.items()}
    for claim in (_Claim({}, coordinator_s, tuple(shares)), *claims):
        _place(claim, unexplained_s, load_s, harness_s)
    return {
        cpu: _use(share, 100 * load_s[cpu] / window_s, 100 * harness_s[cpu] / window_s) for cpu, share in shares.items()
    }


def _claim(
    shares: Mapping[int, CpuShare], agent: AgentTime, housekeeping: Collection[int], start_ns: int, stop_ns: int
) -> _Claim:
    load_s, control_s = _reported(agent.usage, start_ns, stop_ns)
    if not load_s and agent.usage:
        share: ProcessShare = process_share(agent.usage, start_ns, stop_ns)
        busy = {cpu: shares[cpu].busy for cpu in agent.cpus if cpu in shares}
        load_s = _spread(busy, share.user_s + share.system_s - share.control_s)
        control_s = _spread({} if housekeeping else busy, share.control_s)
    return _Claim(load_s, control_s, agent.cpus)


def _spread(weights: Mapping[int, float], seconds: float) -> dict[int, float]:
    whole = sum(weights.values())
    return {cpu: max(0.0, seconds) * weight / whole for cpu, weight in weights.items()} if whole > 0 else {}


def _place(claim: _Claim, left_s: dict[int, float], load_s: dict[int, float], harness_s: dict[int, float]) -> None:
    """Add its time to that of the CPUs in `left_s`, and take from that what they were busy with."""
    charged_s = {cpu: claim.load_s.get(cpu, 0.0) + claim.harness_s.get(cpu, 0.0) for cpu in left_s}
    beyond_s = {cpu: max(0.0, charged - left_s[cpu]) for cpu, charged in charged_s.items()}
    for cpu, charged in charged_s.items():
        left_s[cpu] = max(0.0, left_s[cpu] - charged)
    room_s = {cpu: left_s[cpu] for cpu in dict.fromkeys(claim.cpus) if cpu in left_s}
    whole_s = sum(beyond_s.values())
    moved = min(whole_s, sum(room_s.values())) / whole_s if whole_s > 0 else 0.0
    shares = {cpu: moved * (beyond_s[cpu] / charged) for cpu, charged in charged_s.items() if charged > 0}
    for own_s, kind_s in ((claim.load_s, load_s), (claim.harness_s, harness_s)):
        gone_s = {cpu: own_s.get(cpu, 0.0) * share for cpu, share in shares.items()}
        for cpu, gone in gone_s.items():
            kind_s[cpu] += own_s.get(cpu, 0.0) - gone
        for cpu, seconds in _spread(room_s, sum(gone_s.values())).items():
            kind_s[cpu] += seconds
            left_s[cpu] = max(0.0, left_s[cpu] - seconds)


def _reported(usage: Sequence[Usage], start_ns: int, stop_ns: int) -> tuple[dict[int, float], dict[int, float]]:
    """Seconds of load and of control in the window by CPU; before a CPU is first reported, its totals are 0."""
    readings = [(reading.at_ns, {one.cpu: one for one in reading.cpus}) for reading in usage]
    load_s, control_s = dict[int, float](), dict[int, float]()
    for cpu in sorted({cpu for _, cpus in readings for cpu in cpus}):
        of_cpu = [(at_ns, cpus.get(cpu)) for at_ns, cpus in readings]
        load_s[cpu] = rise([(at_ns, one.load_s if one else 0.0) for at_ns, one in of_cpu], start_ns, stop_ns)
        control_s[cpu] = rise([(at_ns, one.control_s if one else 0.0) for at_ns, one in of_cpu], start_ns, stop_ns)
    return load_s, control_s


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
    return sampling_error_percent(use.agents + use.harness + use.others, window_s)


def sampling_error_percent(busy_percent: float, window_s: float) -> float:
    """The same of a CPU that is nobody's, as busy as the kernel's ticks found it."""
    busy = min(1.0, busy_percent / 100)
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
    return {cpu: _frequency(mhz) for cpu, mhz in sorted(_clocks(readings, start_ns, stop_ns).items())}


def readings_behind(readings: Sequence[SensorReading], start_ns: int, stop_ns: int) -> dict[int, int]:
    """By CPU, how many readings `first` and `last` of its `frequencies` are each the median of."""
    return {cpu: _quarter(mhz) for cpu, mhz in sorted(_clocks(readings, start_ns, stop_ns).items())}


def _clocks(readings: Sequence[SensorReading], start_ns: int, stop_ns: int) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for reading in readings:
        if start_ns <= reading.at_ns <= stop_ns:
            for cpu, mhz in reading.mhz.items():
                found.setdefault(cpu, []).append(mhz)
    return found


def _quarter(mhz: Sequence[float]) -> int:
    return (len(mhz) + 3) // 4


def _frequency(mhz: Sequence[float]) -> Frequency:
    quarter = _quarter(mhz)
    return Frequency(first=median(mhz[:quarter]), mean=sum(mhz) / len(mhz), min=min(mhz), last=median(mhz[-quarter:]))


def throttles(readings: Sequence[SensorReading]) -> dict[str, int]:
    """By how much each count rose over all readings, of those that rose."""
    if not readings:
        return {}
    first, last = readings[0].throttles, readings[-1].throttles
    return {what: last[what] - count for what, count in first.items() if last.get(what, count) > count}


def energy(readings: Sequence[SensorReading], start_ns: int, stop_ns: int) -> dict[str, float]:
    """Joules in the window by RAPL domain; none where fewer than two readings have it."""
    domains = readings[0].energy_j if len(readings) > 1 and stop_ns > start_ns else ()
    return {
        domain: rise([(r.at_ns, r.energy_j[domain]) for r in readings if domain in r.energy_j], start_ns, stop_ns)
        for domain in domains
    }


def package_energy(domains: Mapping[str, float]) -> float | None:
    """Joules of all packages; what RAPL reports beside them (cores, DRAM) is partly in theirs and partly not."""
    packages = [joules for domain, joules in domains.items() if domain.startswith("package-")]
    return sum(packages) if packages else None
