"""From what the agents delivered and the CPU readings to the report. Pure: clock and machine were read before."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import structs

from ovbench.common.clock import NS_PER_S, NS_PER_US
from ovbench.common.effective import Effective, Phases, Port
from ovbench.common.messages import Finished, Ready
from ovbench.common.schedule import slice_edges_ns, slice_length_ns
from ovbench.common.shape import format_shape
from ovbench.common.topology import Topology

from ..analysis.fairness import fairness
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
from ..analysis.latency import Latency
from ..analysis.layers import merge_layers
from ..analysis.merge import Merged, Slice
from ..analysis.progress import Work
from ..analysis.recording import Window
from ..checks.evidence import Evidence
from ..checks.placement import home_nodes, remote_percent, seen_by
from ..checks.requirements import check
from ..checks.verdict import judge
from ..machine.utilization import (
    CpuShare,
    ProcessShare,
    busy_between,
    coordinator_s,
    cpu_shares,
    process_share,
)
from ..result import report as result
from ..result.estimates import estimates_of_run
from ..session.record import AgentRecord, RunRecord
from ..stats.distribution import percents_of

_MOST_DISTRIBUTIONS: Final = 64
"""Of agents; with more they would be most of the report."""

_MOST_CPU_SLICES: Final = 60
"""Of the timeline of each measured CPU."""


def build_report(run: RunRecord, merged: Merged | None, samples_file: str | None) -> result.Report:
    """`merged` is None where no agent delivered."""
    ready = [member.ready for member in run.agents if member.ready is not None]
    effective = [r.effective for r in ready]
    batch = effective[0].batch if effective else 1
    window = merged.window if merged is not None else Window(0, 0, 0, 0)
    completed = sum(m.finished.completed for m in run.agents if m.finished is not None)
    processes = _processes(run, window)
    saved = samples_file is not None
    shares = cpu_shares(run.readings, window.start_ns, window.stop_ns)
    around = _surroundings(run, window, processes, shares)
    evidence = Evidence(run.request, run.plan, run.topology, run.agents, merged, run.interrupted, saved, around)
    seen = seen_by(run.agents)
    report = result.Report(
        ovbench=result.Product(run.version),
        started_at=run.started_at,
        command=run.command,
        requested=run.request.requested(),
        effective=_effective(run, effective) if effective else None,
        environment=run.environment,
        window=_window(window, run.request.load.warmup_s),
        throughput=_throughput(
            merged.count if merged else 0,
            merged.frames if merged else 0,
            merged.work if merged else Work(0.0, 0.0),
            completed,
            window,
            batch,
            merged.fps_ci95 if merged else None,
        ),
        latency_ms=_latency(merged.latency, run.request.output.latency_percentile) if merged else None,
        phases_ms=_slowest([r.phases for r in ready]),
        cpu=_cpu(run, window, processes, around, shares),
        agents=tuple(_agent(run, member, merged, window, processes.get(member.id), seen) for member in run.agents),
        timeline=tuple(_timeline(run, merged.timeline, window)) if merged else (),
        validity=judge(evidence),
        dropped_messages=run.dropped_messages,
        samples_file=samples_file,
        groups=tuple(_groups(merged.groups, effective[0], run.request.output.latency_percentile)) if merged else (),
        layers=merge_layers(
            {member.id: member.layers for member in run.agents if member.counts},
            by_request=run.request.output.report_type == "detailed_counters",
        ),
        outputs=evidence.outputs.part(),
        efficiency=_efficiency(run, merged, processes) if merged is not None else None,
        neighbours=tuple(around.neighbours),
        fairness=fairness(run.agents, merged, run.topology) if merged else None,
        latency_distribution=_distribution(merged) if merged else None,
    )
    return structs.replace(report, requirements=check(run.request.criteria.requirements, estimates_of_run(report)))


def _distribution(merged: Merged) -> result.DistributionPart | None:
    if merged.latency is None:
        return None
    agents = merged.agent_latencies if len(merged.agent_latencies) <= _MOST_DISTRIBUTIONS else {}
    return result.DistributionPart(
        percents=percents_of(merged.latency.count),
        merged=merged.latency.distribution,
        agents={str(agent): latency.distribution for agent, latency in agents.items() if latency is not None},
    )


def _surroundings(
    run: RunRecord, window: Window, processes: Mapping[int, ProcessShare], shares: Mapping[int, CpuShare]
) -> Surroundings:
    edges = (window.start_ns, window.stop_ns)
    measured = run.plan.measured_cpus
    agents = [AgentTime(m.job.placement.cpus, m.finished.usage) for m in run.agents if m.finished is not None]
    return Surroundings(
        use=cpu_use(
            {cpu: shares[cpu] for cpu in measured if cpu in shares},
            agents,
            # Where it has CPUs of its own, the coordinator takes nothing from the measured ones.
            {} if run.plan.housekeeping else coordinator_by_cpu(run.readings, *edges, measured),
            run.plan.housekeeping,
            *edges,
        ),
        window_s=window.duration_s,
        neighbours=neighbours(run.spent, *edges),
        frequency=frequencies(run.sensors, *edges),
        governors=run.governors,
        throttles=throttles(run.sensors),
        readings_behind=readings_behind(run.sensors, *edges),
        beside={cpu: shares[cpu].busy for cpu in _siblings(run) if cpu in shares},
        quota={id: (p.throttled_periods, p.throttled_s) for id, p in processes.items() if p.throttled_periods},
    )


def _siblings(run: RunRecord) -> list[int]:
    """CPUs that are nobody's of this run and share a core with a measured one."""
    measured = set(run.plan.measured_cpus)
    cores = {cpu.physical_core for cpu in run.topology.cpus if cpu.id in measured}
    ours = measured | set(run.plan.housekeeping)
    return [cpu.id for cpu in run.topology.cpus if cpu.id not in ours and cpu.physical_core in cores]


def _efficiency(run: RunRecord, merged: Merged, processes: Mapping[int, ProcessShare]) -> result.EfficiencyPart | None:
    if merged.work.inferences <= 0:
        return None
    counted = [processes[member.id] for member in run.agents if member.id in processes and member.counts]
    cpu_s = sum(process.user_s + process.system_s for process in counted)
    domains = energy(run.sensors, merged.window.start_ns, merged.window.stop_ns)
    energy_j = package_energy(domains)
    return result.EfficiencyPart(
        cpu_s=cpu_s,
        frames_per_cpu_s=_per(merged.work.frames, cpu_s),
        energy_j=energy_j,
        energy_per_inference_j=None if energy_j is None else energy_j / merged.work.inferences,
        power_w=None if energy_j is None else energy_j / merged.window.duration_s,
        energy_by_domain_j=domains,
    )


def _per(frames: float, cpu_s: float) -> float | None:
    return frames / cpu_s if cpu_s > 0 else None


def _processes(run: RunRecord, window: Window) -> dict[int, ProcessShare]:
    return {
        member.id: process_share(member.finished.usage, window.start_ns, window.stop_ns)
        for member in run.agents
        if member.finished is not None
    }


def _window(window: Window, warmup_s: float) -> result.WindowPart:
    return result.WindowPart(
        duration_s=window.duration_s,
        warmup_s=warmup_s,
        start_skew_us=window.start_skew_ns / NS_PER_US,
        stop_skew_us=window.stop_skew_ns / NS_PER_US,
        start_ns=window.start_ns,
        stop_ns=window.stop_ns,
    )


def _throughput(
    count: int, frames: int, work: Work, completed: int, window: Window, batch: int, fps_ci95: result.Interval | None
) -> result.Throughput:
    length_s = window.duration_s
    return result.Throughput(
        fps=work.frames / length_s if length_s > 0 else 0.0,
        inferences_per_s=work.inferences / length_s if length_s > 0 else 0.0,
        count=count,
        batch=batch,
        completed=completed,
        frames=frames,
        fps_ci95=fps_ci95,
    )


def _groups(latencies: Sequence[Latency | None], effective: Effective, chosen: int) -> Iterator[result.GroupPart]:
    names = [port.name for port in effective.inputs]
    for group, latency in zip(effective.groups, latencies, strict=False):
        yield result.GroupPart(
            shapes=dict(zip(names, group.shapes, strict=False)),
            batch=group.batch,
            count=latency.count if latency is not None else 0,
            latency_ms=_latency(latency, chosen),
        )


def _latency(latency: Latency | None, chosen: int) -> result.LatencyPart | None:
    if latency is None:
        return None
    median, p90, p95, p99, p99_9 = latency.percentiles
    return result.LatencyPart(
        exact=latency.exact,
        count=latency.count,
        min=latency.min,
        mean=latency.mean,
        stddev=latency.stddev,
        median=median,
        p90=p90,
        p95=p95,
        p99=p99,
        p99_9=p99_9,
        max=latency.max,
        chosen_percentile=chosen,
        chosen=latency.chosen,
        ci95=latency.ci95,
    )


def _phases(phases: Phases) -> result.PhasesPart:
    values = {name.removesuffix("_ms"): value for name, value in structs.asdict(phases).items()}
    return result.PhasesPart(import_model=values.pop("import"), **values)


def _slowest(phases: Sequence[Phases]) -> result.PhasesPart | None:
    if not phases:
        return None
    fields = structs.fields(Phases)
    return _phases(Phases(**{f.name: max(getattr(p, f.name) for p in phases) for f in fields}))


def _effective(run: RunRecord, effective: Sequence[Effective]) -> result.EffectivePart:
    first = effective[0]

    def common(values: set[int]) -> int | None:
        return values.pop() if len(values) == 1 else None

    counted = first.iterations is not None
    return result.EffectivePart(
        backend=first.backend,
        model=first.model,
        device=first.device,
        api=run.request.load.api,
        hint=first.hint,
        precision=first.precision,
        agents=len(run.agents),
        streams=common({e.streams for e in effective}),
        threads=common({e.threads for e in effective}),
        nireq=common({e.requests for e in effective}),
        iterations=sum(e.iterations or 0 for e in effective) if counted else None,
        batch=first.batch,
        inputs=tuple(_port(port) for port in first.inputs),
        outputs=tuple(_port(port) for port in first.outputs),
        properties=first.properties,
        inference_only=first.inference_only,
        fillings=tuple(result.FillingPart(f.input, f.text, f.tensors) for f in first.fillings),
        notes=tuple(dict.fromkeys(note for e in effective for note in e.notes)),
        files=tuple(result.FilePart(one.kind, one.name, one.sha256, one.size) for one in first.files),
    )


def _port(port: Port) -> result.PortPart:
    shape = port.shape
    return result.PortPart(
        name=port.name,
        type=port.type,
        shape=None if shape is None else tuple(low if low == high else -1 for low, high in shape),
        partial_shape="[...]" if shape is None else format_shape(shape),
        layout=port.layout,
        node=port.node,
        names=port.names,
    )


def _cpu(
    run: RunRecord,
    window: Window,
    processes: Mapping[int, ProcessShare],
    around: Surroundings,
    shares: Mapping[int, CpuShare],
) -> result.CpuPart:
    measured = run.plan.measured_cpus
    capacity_s = window.duration_s * len(measured)

    def percent(seconds: float) -> float:
        return 100 * max(0.0, seconds) / capacity_s if capacity_s > 0 else 0.0

    own_s = coordinator_s(run.readings, window.start_ns, window.stop_ns)
    control_s = own_s + sum(p.control_s for p in processes.values())
    return result.CpuPart(
        busy_percent=_mean([shares[cpu].busy for cpu in measured if cpu in shares]),
        per_cpu={
            str(cpu): result.CpuOfOne(s.busy, s.user, s.system, s.iowait, s.steal) for cpu, s in sorted(shares.items())
        },
        agents_percent=percent(sum(p.user_s + p.system_s for p in processes.values())),
        coordinator_percent=percent(own_s),
        others_percent=_mean([use.others for use in around.use.values()]),
        control_percent=100 * control_s / window.duration_s if window.duration_s > 0 else 0.0,
        measured_cpus=measured,
        use={str(cpu): use for cpu, use in sorted(around.use.items())},
        frequency_mhz={str(cpu): one for cpu, one in around.frequency.items()},
        timeline=_cpu_timeline(run, window),
        places={str(cpu.id): result.CpuPlace(cpu.socket, cpu.node, cpu.core) for cpu in run.topology.cpus},
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _agent(
    run: RunRecord,
    member: AgentRecord,
    merged: Merged | None,
    window: Window,
    process: ProcessShare | None,
    seen: Mapping[tuple[str, int], Sequence[int]],
) -> result.AgentPart:
    """`seen`: by host and CPU, the agents that were seen on it."""
    ready, finished = member.ready, member.finished
    failed = member.failure is not None or (finished is not None and finished.error is not None)
    error = finished.error if finished is not None else None
    cpus = member.job.placement.cpus
    return result.AgentPart(
        id=member.id,
        host=member.host,
        pid=member.pid,
        state="failed" if failed else "lost" if member.why else "ok",
        reason=error or member.why,
        cpus=cpus,
        placement=_placement(run.topology, member, seen),
        streams=ready.effective.streams if ready else None,
        threads=ready.effective.threads if ready else None,
        nireq=ready.effective.requests if ready else None,
        throughput=_agent_throughput(member, merged),
        latency_ms=_latency(merged.agent_latencies.get(member.id), run.request.output.latency_percentile)
        if merged
        else None,
        phases_ms=_phases(ready.phases) if ready else None,
        cpu=_agent_cpu(member, process, merged, window) if process is not None else None,
        memory_mb=_memory(ready, finished) if ready is not None else None,
    )


def _placement(
    topology: Topology, member: AgentRecord, seen: Mapping[tuple[str, int], Sequence[int]]
) -> result.PlacementPart:
    ready, finished = member.ready, member.finished
    nodes = finished.nodes if finished is not None else ()
    mine = finished.seen if finished is not None else ()
    return result.PlacementPart(
        requested=member.job.placement.cpus,
        mask=finished.mask if finished is not None else ready.mask if ready is not None else (),
        seen=mine,
        collisions=tuple(cpu for cpu in mine if len(seen[member.host, cpu]) > 1),
        changes=tuple(
            result.MaskChangePart(change.thread, change.control, change.before, change.after)
            for change in (finished.mask_changes if finished is not None else ())
        ),
        memory_policy=ready.memory_policy if ready is not None else "",
        memory_mb_by_node={str(part.node): result.NodeMemory(part.own_mb, part.total_mb) for part in nodes},
        remote_memory_percent=remote_percent(nodes, home_nodes(topology, member.job.placement.cpus)),
    )


def _agent_throughput(member: AgentRecord, merged: Merged | None) -> result.Throughput | None:
    if merged is None or member.finished is None or member.ready is None or member.id not in merged.agent_counts:
        return None
    count, frames = merged.agent_counts[member.id], merged.agent_frames[member.id]
    work = merged.agent_work[member.id]
    batch = member.ready.effective.batch
    interval = merged.agent_fps_ci95.get(member.id)
    return _throughput(count, frames, work, member.finished.completed, merged.window, batch, interval)


def _memory(ready: Ready, finished: Finished | None) -> result.MemoryPart:
    after = finished.memory if finished is not None else None
    return result.MemoryPart(
        rss=after.rss_mb if after is not None else None,
        pss=after.pss_mb if after is not None else None,
        private=after.private_mb if after is not None else None,
        peak_rss=after.peak_rss_mb if after is not None else ready.peak_after_mb,
        peak_before_compile=ready.peak_before_mb,
        peak_after_compile=ready.peak_after_mb,
    )


def _agent_cpu(member: AgentRecord, process: ProcessShare, merged: Merged | None, window: Window) -> result.AgentCpu:
    used = process.user_s + process.system_s
    work = merged.agent_work.get(member.id) if merged is not None else None
    return result.AgentCpu(
        user_s=process.user_s,
        system_s=process.system_s,
        percent=100 * used / window.duration_s if window.duration_s > 0 else 0.0,
        control_s=process.control_s,
        voluntary_switches=process.voluntary_switches,
        involuntary_switches=process.involuntary_switches,
        migrations=process.migrations,
        frames_per_cpu_s=None if work is None else _per(work.frames, used),
        throttled_s=process.throttled_s,
        throttled_periods=process.throttled_periods,
    )


def _timeline(run: RunRecord, slices: Sequence[Slice], window: Window) -> Iterator[result.TimelinePart]:
    edges = [part.start_ns for part in slices[:1]] + [part.stop_ns for part in slices]
    busy = busy_between(run.readings, run.plan.measured_cpus, edges)
    for index, part in enumerate(slices):
        seconds = (part.stop_ns - part.start_ns) / NS_PER_S
        yield result.TimelinePart(
            t_s=(part.stop_ns - window.start_ns) / NS_PER_S,
            fps=part.frames / seconds if seconds > 0 else 0.0,
            p99_ms=part.p99_ms,
            busy_percent=_mean([shares[index] for shares in busy.values()]),
        )


def _cpu_timeline(run: RunRecord, window: Window) -> result.CpuTimeline | None:
    length = slice_length_ns(window.stop_ns - window.start_ns, _MOST_CPU_SLICES)
    edges = slice_edges_ns(window.start_ns, window.stop_ns, length)
    if len(edges) < 2 or len(run.readings) < 2:
        return None
    busy = busy_between(run.readings, run.plan.measured_cpus, edges)
    return result.CpuTimeline(
        t_s=tuple((edge - window.start_ns) / NS_PER_S for edge in edges[1:]),
        busy_percent={str(cpu): tuple(round(share, 2) for share in shares) for cpu, shares in busy.items()},
    )
