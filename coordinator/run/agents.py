"""One agent as the report has it: where it ran, what it did and what that took. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from ovbench.common.effective import Phases
from ovbench.common.messages import Finished, Ready
from ovbench.common.topology import Topology

from ..analysis.merge import Merged
from ..analysis.recording import Window
from ..checks.placement import remote_percent
from ..machine.utilization import ProcessShare
from ..result import report as result
from ..result.cpu import AgentCpu
from ..result.openvino import BuildPart, LackPart
from ..session.record import AgentRecord, RunRecord
from .cpu import frames_per_cpu_s
from .load import latency_part, throughput_part


def agent_part(
    record: RunRecord,
    agent: AgentRecord,
    merged: Merged | None,
    window: Window,
    process: ProcessShare | None,
    seen: Mapping[tuple[str, int], Sequence[int]],
) -> result.AgentPart:
    """`record`: the part on the agent's host. `seen`: by host and CPU, the agents that were seen on it."""
    ready, finished = agent.ready, agent.finished
    failed = agent.failure is not None or (finished is not None and finished.error is not None)
    error = finished.error if finished is not None else None
    cpus = agent.job.placement.cpus
    latency = merged.agent_latencies.get(agent.id) if merged is not None else None
    service = merged.agent_services.get(agent.id) if merged is not None else None
    return result.AgentPart(
        id=agent.id,
        host=record.host.name or agent.host,
        pid=agent.pid,
        state="failed" if failed else "lost" if agent.why else "ok",
        reason=error or agent.why,
        cpus=cpus,
        placement=_placement(record.host.topology, agent, seen),
        streams=ready.effective.streams if ready else None,
        threads=ready.effective.threads if ready else None,
        nireq=ready.effective.requests if ready else None,
        throughput=_agent_throughput(agent, merged),
        latency_ms=latency_part(latency, record.request.output.latency_percentile),
        phases_ms=_phases_part(ready.phases) if ready else None,
        cpu=_agent_cpu(agent, process, merged, window) if process is not None else None,
        memory_mb=_memory(ready, finished) if ready is not None else None,
        service_ms=latency_part(service, record.request.output.latency_percentile),
    )


def build_parts(agents: Sequence[AgentRecord]) -> tuple[BuildPart, ...]:
    """Each build of OpenVINO that they loaded, in the order of the agents."""
    found: dict[str, BuildPart] = {}
    for agent in agents:
        build = agent.ready.effective.build if agent.ready is not None else None
        if build is None:
            continue
        known = found.get(build.version)
        lacks = tuple(LackPart(lack.capability, lack.needs, lack.effect) for lack in build.lacks)
        mine = known or BuildPart(build.version, build.tested, lacks, build.instead, agents=())
        found[build.version] = structs.replace(mine, agents=(*mine.agents, agent.id))
    return tuple(found.values())


def _placement(
    topology: Topology, agent: AgentRecord, seen: Mapping[tuple[str, int], Sequence[int]]
) -> result.PlacementPart:
    ready, finished = agent.ready, agent.finished
    nodes = finished.nodes if finished is not None else ()
    mine = finished.seen if finished is not None else ()
    return result.PlacementPart(
        requested=agent.job.placement.cpus,
        mask=finished.mask if finished is not None else ready.mask if ready is not None else (),
        seen=mine,
        collisions=tuple(cpu for cpu in mine if len(seen[agent.host, cpu]) > 1),
        changes=tuple(
            result.MaskChangePart(change.thread, change.control, change.before, change.after)
            for change in (finished.mask_changes if finished is not None else ())
        ),
        memory_policy=ready.memory_policy if ready is not None else "",
        memory_mb_by_node={str(part.node): result.NodeMemory(part.own_mb, part.total_mb) for part in nodes},
        remote_memory_percent=remote_percent(nodes, topology.nodes_of(agent.job.placement.cpus)),
    )


def _agent_throughput(agent: AgentRecord, merged: Merged | None) -> result.Throughput | None:
    if merged is None or agent.finished is None or agent.ready is None or agent.id not in merged.agent_counts:
        return None
    count, frames = merged.agent_counts[agent.id], merged.agent_frames[agent.id]
    work = merged.agent_work[agent.id]
    batch = agent.ready.effective.batch
    interval = merged.agent_fps_ci95.get(agent.id)
    return throughput_part(count, frames, work, agent.finished.completed, merged.window, batch, interval)


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


def _agent_cpu(agent: AgentRecord, process: ProcessShare, merged: Merged | None, window: Window) -> AgentCpu:
    used = process.user_s + process.system_s
    work = merged.agent_work.get(agent.id) if merged is not None else None
    return AgentCpu(
        user_s=process.user_s,
        system_s=process.system_s,
        percent=100 * used / window.duration_s if window.duration_s > 0 else 0.0,
        control_s=process.control_s,
        voluntary_switches=process.voluntary_switches,
        involuntary_switches=process.involuntary_switches,
        migrations=process.migrations,
        frames_per_cpu_s=None if work is None else frames_per_cpu_s(work.frames, used),
        throttled_s=process.throttled_s,
        throttled_periods=process.throttled_periods,
    )


def slowest_phases(phases: Sequence[Phases]) -> result.PhasesPart | None:
    if not phases:
        return None
    fields = structs.fields(Phases)
    return _phases_part(Phases(**{f.name: max(getattr(p, f.name) for p in phases) for f in fields}))


def _phases_part(phases: Phases) -> result.PhasesPart:
    values = {name.removesuffix("_ms"): value for name, value in structs.asdict(phases).items()}
    return result.PhasesPart(import_model=values.pop("import"), **values)
