"""What a run says of each of its hosts: what they are, what their agents did, whose their CPUs were. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ovbench.common.clock import NS_PER_US

from ..analysis.hosts import HostFigures, classes_of, inference_of
from ..analysis.interference import Surroundings
from ..analysis.recording import Window
from ..checks.evidence import Evidence
from ..checks.verdict import find_by_host
from ..result.cpu import CpuPart
from ..result.finding import Finding
from ..result.hosts import HostClock, HostPart, HostState, HostTopology
from ..result.throughput import EfficiencyPart
from ..session.record import ClockRecord, RunRecord
from .cpu import CpuTimes, cpu_part, efficiency_part, surroundings
from .load import latency_part, throughput_part


@dataclass(frozen=True)
class HostSeen:
    """The part of a record on one host, whose its CPUs were in the window, and what its agents did in that; None where
    none of them delivered."""

    record: RunRecord
    window: Window
    times: CpuTimes
    around: Surroundings
    figures: HostFigures | None

    @classmethod
    def of(cls, part: RunRecord, window: Window, figures: HostFigures | None) -> "HostSeen":
        times = CpuTimes.of(part, window)
        return cls(part, window, times, surroundings(part, window, times), figures)

    @property
    def lost(self) -> bool:
        return bool(self.record.host.why)

    @cached_property
    def cpu(self) -> CpuPart:
        return cpu_part(self.record, self.window, self.times, self.around)

    @cached_property
    def efficiency(self) -> EfficiencyPart | None:
        work = None if self.figures is None else self.figures.work
        return None if work is None else efficiency_part(self.record, work, self.window, self.times)


def host_parts(evidence: Evidence, hosts: Sequence[HostSeen]) -> tuple[HostPart, ...]:
    """None of the coordinator's own host where that is the only one: the report is of it."""
    if len(hosts) == 1 and not hosts[0].record.host.name:
        return ()
    findings, classes = find_by_host(evidence), classes_of(evidence.run)
    return tuple(
        _host_part(seen, kind, findings[seen.record.host.name]) for seen, kind in zip(hosts, classes, strict=True)
    )


def _host_part(seen: HostSeen, kind: int, findings: tuple[Finding, ...]) -> HostPart:
    record, figures = seen.record, seen.figures
    host, here = record.host, record.host.environment
    how, chosen = inference_of(record.agents), record.request.output.latency_percentile
    batch = next((agent.ready.effective.batch for agent in record.agents if agent.ready is not None), 1)
    return HostPart(
        name=host.name,
        hostname=here.hostname,
        state=_state(record),
        reason=host.why,
        kind=kind,
        clock=_clock(host.clock),
        topology=HostTopology(
            model=here.cpu_model,
            sockets=here.sockets,
            nodes=here.nodes,
            cores=here.physical_cores,
            cpus=here.logical_cpus,
            allowed=here.allowed_cpus,
            quota_cpus=here.quota_cpus,
        ),
        kernel=here.kernel,
        governor=here.governor,
        openvino=how.build or here.openvino,
        python=here.python,
        libraries=here.libraries,
        precision=how.precision,
        isa=how.isa,
        capabilities=how.capabilities,
        agents=tuple(agent.id for agent in record.agents),
        throughput=None if figures is None else throughput_part(
            figures.count, figures.frames, figures.work, figures.completed, seen.window, batch, figures.fps_ci95
        ),
        latency_ms=None if figures is None else latency_part(figures.latency, chosen),
        cpu=None if seen.lost else seen.cpu,
        efficiency=seen.efficiency,
        findings=findings,
        service_ms=None if figures is None else latency_part(figures.service, chosen),
        wait_ms=None if figures is None else latency_part(figures.wait, chosen),
        agent_python=here.agent_python,
    )  # fmt: skip


def _state(record: RunRecord) -> HostState:
    if record.host.why:
        return "lost"
    broken = (agent.why or agent.failure or (agent.finished and agent.finished.error) for agent in record.agents)
    return "partial" if any(broken) else "ok"


def _clock(clock: ClockRecord | None) -> HostClock | None:
    if clock is None:
        return None
    return HostClock(
        offset_us=clock.offset_ns / NS_PER_US,
        offset_error_us=clock.error_ns / NS_PER_US,
        drift_ppm=clock.drift_ppm,
        round_trips=clock.round_trips,
        least_round_trip_us=clock.least_round_trip_ns / NS_PER_US,
    )
