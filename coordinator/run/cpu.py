"""Whose the CPUs were while the load ran, as the report and the checks have it, and what the throughput cost. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ovbench.common.clock import NS_PER_S

from ..analysis.interference import (
    AgentTime,
    Surroundings,
    coordinator_by_cpu,
    cpu_use,
    energy,
    frequencies,
    neighbours,
    package_energy,
    readings_behind,
    throttles,
)
from ..analysis.progress import Work
from ..analysis.recording import Window
from ..analysis.slices import slice_edges_ns, slice_length_ns
from ..machine.utilization import CpuShare, ProcessShare, busy_between, coordinator_s, cpu_shares, process_share
from ..result import report as result
from ..result.cpu import CpuOfOne, CpuPart, CpuPlace, CpuTimeline
from ..session.record import RunRecord
from ..stats.estimate import plain_mean

_MOST_CPU_SLICES: Final = 60
"""Of the timeline of each measured CPU."""


@dataclass(frozen=True)
class CpuTimes:
    """What went on in the window: `cpus` by CPU, `processes` by agent."""

    cpus: Mapping[int, CpuShare]
    processes: Mapping[int, ProcessShare]

    @classmethod
    def of(cls, record: RunRecord, window: Window) -> "CpuTimes":
        edges = (window.start_ns, window.stop_ns)
        finished = {agent.id: agent.finished for agent in record.agents if agent.finished is not None}
        return cls(
            cpu_shares(record.host.readings, *edges),
            {agent: process_share(load.usage, *edges) for agent, load in finished.items()},
        )

    def busy(self, cpus: Iterable[int]) -> dict[int, float]:
        """Percent, of those CPUs that are known."""
        return {cpu: self.cpus[cpu].busy for cpu in cpus if cpu in self.cpus}


def surroundings(record: RunRecord, window: Window, times: CpuTimes) -> Surroundings:
    edges = (window.start_ns, window.stop_ns)
    measured = record.plan.measured_cpus
    agents = [AgentTime(m.job.placement.cpus, m.finished.usage) for m in record.agents if m.finished is not None]
    return Surroundings(
        use=cpu_use(
            {cpu: times.cpus[cpu] for cpu in measured if cpu in times.cpus},
            agents,
            # Where it has CPUs of its own, the coordinator takes nothing from the measured ones.
            {} if record.plan.housekeeping else coordinator_by_cpu(record.host.readings, *edges, measured),
            record.plan.housekeeping,
            *edges,
        ),
        window_s=window.duration_s,
        neighbours=neighbours(record.host.neighbours, *edges),
        frequency=frequencies(record.host.sensors, *edges),
        governors=record.host.governors,
        throttles=throttles(record.host.sensors),
        readings_behind=readings_behind(record.host.sensors, *edges),
        beside=times.busy(_siblings(record)),
        quota={id: (p.throttled_periods, p.throttled_s) for id, p in times.processes.items() if p.throttled_periods},
    )


def _siblings(record: RunRecord) -> list[int]:
    """CPUs that are nobody's of this run and share a core with a measured one."""
    measured = set(record.plan.measured_cpus)
    cores = {cpu.physical_core for cpu in record.host.topology.cpus if cpu.id in measured}
    ours = measured | set(record.plan.housekeeping)
    return [cpu.id for cpu in record.host.topology.cpus if cpu.id not in ours and cpu.physical_core in cores]


def cpu_part(record: RunRecord, window: Window, times: CpuTimes, around: Surroundings) -> CpuPart:
    measured = record.plan.measured_cpus
    capacity_s = window.duration_s * len(measured)

    def percent(seconds: float) -> float:
        return 100 * max(0.0, seconds) / capacity_s if capacity_s > 0 else 0.0

    own_s = coordinator_s(record.host.readings, window.start_ns, window.stop_ns)
    control_s = own_s + sum(p.control_s for p in times.processes.values())
    return CpuPart(
        busy_percent=plain_mean(times.busy(measured).values()),
        per_cpu={
            str(cpu): CpuOfOne(s.busy, s.user, s.system, s.iowait, s.steal) for cpu, s in sorted(times.cpus.items())
        },
        agents_percent=percent(sum(p.user_s + p.system_s for p in times.processes.values())),
        coordinator_percent=percent(own_s),
        others_percent=plain_mean(use.others for use in around.use.values()),
        control_percent=100 * control_s / window.duration_s if window.duration_s > 0 else 0.0,
        measured_cpus=measured,
        use={str(cpu): use for cpu, use in sorted(around.use.items())},
        frequency_mhz={str(cpu): one for cpu, one in around.frequency.items()},
        timeline=_cpu_timeline(record, window),
        places={str(cpu.id): CpuPlace(cpu.socket, cpu.node, cpu.core) for cpu in record.host.topology.cpus},
    )


def _cpu_timeline(record: RunRecord, window: Window) -> CpuTimeline | None:
    length = slice_length_ns(window.stop_ns - window.start_ns, _MOST_CPU_SLICES, NS_PER_S)
    edges = slice_edges_ns(window.start_ns, window.stop_ns, length)
    if len(edges) < 2 or len(record.host.readings) < 2:
        return None
    busy = busy_between(record.host.readings, record.plan.measured_cpus, edges)
    return CpuTimeline(
        t_s=tuple((edge - window.start_ns) / NS_PER_S for edge in edges[1:]),
        busy_percent={str(cpu): tuple(round(share, 2) for share in shares) for cpu, shares in busy.items()},
    )


def cpu_of_all(hosts: Sequence[CpuPart]) -> CpuPart:
    """Of several hosts: what there is of all measured CPUs together."""
    whole = sum(len(host.measured_cpus) for host in hosts)

    def mean(share: Callable[[CpuPart], float]) -> float:
        return sum(share(host) * len(host.measured_cpus) for host in hosts) / whole if whole else 0.0

    return CpuPart(
        busy_percent=mean(lambda host: host.busy_percent),
        per_cpu={},
        agents_percent=mean(lambda host: host.agents_percent),
        coordinator_percent=mean(lambda host: host.coordinator_percent),
        others_percent=mean(lambda host: host.others_percent),
        control_percent=sum(host.control_percent for host in hosts),
        measured_cpus=(),
    )


def efficiency_part(record: RunRecord, work: Work, window: Window, times: CpuTimes) -> result.EfficiencyPart | None:
    """Of one host, whose agents did `work`. None where nothing was done."""
    if work.inferences <= 0:
        return None
    counted = [times.processes[agent.id] for agent in record.agents if agent.counts]
    cpu_s = sum(process.user_s + process.system_s for process in counted)
    domains = energy(record.host.sensors, window.start_ns, window.stop_ns)
    return _efficiency(work, window, cpu_s, package_energy(domains), domains)


def efficiency_of_all(
    hosts: Sequence[result.EfficiencyPart], work: Work, window: Window
) -> result.EfficiencyPart | None:
    """Of several hosts: energy is known where that of each is, by RAPL domain with each of them alone."""
    if work.inferences <= 0:
        return None
    joules = [host.energy_j for host in hosts if host.energy_j is not None]
    energy_j = sum(joules) if len(joules) == len(hosts) else None
    return _efficiency(work, window, sum(host.cpu_s for host in hosts), energy_j, {})


def _efficiency(
    work: Work, window: Window, cpu_s: float, energy_j: float | None, domains: dict[str, float]
) -> result.EfficiencyPart:
    return result.EfficiencyPart(
        cpu_s=cpu_s,
        frames_per_cpu_s=frames_per_cpu_s(work.frames, cpu_s),
        energy_j=energy_j,
        energy_per_inference_j=None if energy_j is None else energy_j / work.inferences,
        power_w=None if energy_j is None else energy_j / window.duration_s,
        energy_by_domain_j=domains,
    )


def frames_per_cpu_s(frames: float, cpu_s: float) -> float | None:
    """None where no CPU time was used."""
    return frames / cpu_s if cpu_s > 0 else None
