"""From the record of a run to its report. Pure: clock and machine were read before, and the caller saves samples."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import structs

from ovbench.common.effective import Effective, Port
from ovbench.common.shape import format_shape

from ..analysis.fairness import fairness
from ..analysis.hosts import HostFigures, figures_by_host
from ..analysis.interference import Surroundings
from ..analysis.layers import merge_layers
from ..analysis.merge import Merged, merge_run
from ..analysis.progress import Work
from ..analysis.recording import Window, recorded, sample_arrays
from ..checks.evidence import Evidence
from ..checks.placement import seen_by
from ..checks.requirements import check
from ..checks.verdict import judge
from ..result import report as result
from ..result.cpu import Neighbour
from ..result.estimates import bounds_of_run, estimates_of_run
from ..session.record import RunRecord
from .agents import agent_part, build_parts, slowest_phases
from .cpu import cpu_of_all, efficiency_of_all
from .goodput import goodput_part
from .hosts import HostSeen, host_parts
from .load import (
    arrivals_part,
    distribution_part,
    group_parts,
    latency_part,
    lateness_part,
    queueing_part,
    throughput_part,
    timeline_parts,
    window_part,
)
from .stages import stage_parts

Save = Callable[[Mapping[str, npt.NDArray[Any]] | None], str | None]
"""Saves the samples of a run, arrays by name, None where there are none; the name of their file, None without one."""


def report_of(record: RunRecord, save: Save | None) -> result.Report:
    """The merged report. `save` is called where samples are asked for and an agent delivered; without it none are
    kept."""
    merged = merge_run(record)
    if save is None or merged is None or not record.request.output.save_samples:
        return build_report(record, merged, None)
    arrays = sample_arrays(recorded(record.agents), merged.window, merged.offered)
    if arrays is not None and len(record.hosts) > 1:
        arrays |= {f"agent_{id}_host": np.asarray(host, np.int64) for id, host in record.homes.items()}
    return build_report(record, merged, save(arrays))


def build_report(record: RunRecord, merged: Merged | None, samples_file: str | None) -> result.Report:
    """`merged` is None where no agent delivered."""
    if len(record.hosts) == 1:
        record = record.on(0)
    ready = [agent.ready for agent in record.agents if agent.ready is not None]
    effective = [r.effective for r in ready]
    batch = effective[0].batch if effective else 1
    chosen = record.request.output.latency_percentile
    window = merged.window if merged is not None else Window(0, 0, 0, 0)
    completed = sum(m.finished.completed for m in record.agents if m.finished is not None)
    parts = [record.on(host) for host in range(len(record.hosts))]
    several = len(parts) > 1
    figures = _figures(record, merged)
    hosts = [HostSeen.of(part, window, one) for part, one in zip(parts, figures, strict=True)]
    there = [host for host in hosts if not host.lost]
    saved = samples_file is not None
    evidence = Evidence(
        record,
        merged,
        saved,
        Surroundings() if several else hosts[0].around,
        tuple(Evidence(host.record, merged, saved, host.around) for host in there) if several else (),
    )
    by_name = {host.record.host.name: host.figures for host in hosts} if several else {}
    report = result.Report(
        ovbench=result.Product(record.version),
        started_at=record.started_at,
        command=record.command,
        requested=record.request.requested(),
        effective=_effective(record, effective) if effective else None,
        environment=record.hosts[0].environment,
        window=window_part(record, window),
        throughput=throughput_part(
            merged.count if merged else 0,
            merged.frames if merged else 0,
            merged.work if merged else Work(0.0, 0.0),
            completed,
            window,
            batch,
            merged.fps_ci95 if merged else None,
        ),
        latency_ms=latency_part(merged.latency, chosen) if merged else None,
        phases_ms=slowest_phases([r.phases for r in ready]),
        cpu=cpu_of_all([host.cpu for host in there]) if several else hosts[0].cpu,
        agents=tuple(agent for host in hosts for agent in _agents(host, merged)),
        timeline=tuple(timeline_parts(record, [host.record for host in there], merged)) if merged else (),
        validity=judge(evidence),
        dropped_messages=record.dropped_messages,
        refused_connections=record.refused_connections,
        samples_file=samples_file,
        groups=tuple(group_parts(merged, effective[0], chosen)) if merged else (),
        layers=merge_layers(
            {agent.id: agent.layers for agent in record.agents if agent.counts},
            by_request=record.request.output.report_type == "detailed_counters",
        ),
        outputs=evidence.outputs.part(),
        efficiency=_efficiency(hosts, merged),
        neighbours=tuple(_neighbours(there, several)),
        scenario=evidence.scenario,
        fairness=fairness(record, merged) if merged else None,
        latency_distribution=distribution_part(merged, by_name) if merged else None,
        service_ms=latency_part(merged.service, chosen) if merged else None,
        wait_ms=latency_part(merged.wait, chosen) if merged else None,
        lateness_us=lateness_part(merged.lateness) if merged else None,
        queueing=queueing_part(evidence.contention),
        arrivals=arrivals_part(record, merged) if merged else None,
        until=evidence.until,
        goodput=goodput_part(record, merged) if merged else None,
        stages=tuple(stage_parts(record, merged)) if merged else (),
        hosts=host_parts(evidence, hosts),
        openvino=build_parts(record.agents),
    )
    requirements = check(record.request.criteria.requirements, estimates_of_run(report), bounds_of_run(report))
    return structs.replace(report, requirements=requirements)


def _figures(record: RunRecord, merged: Merged | None) -> Sequence[HostFigures | None]:
    """By host. Those of one host are those of the run, and it costs nothing to have them."""
    if merged is None:
        return [None] * len(record.hosts)
    if len(record.hosts) > 1:
        return figures_by_host(record, merged, record.request.output.latency_percentile)
    completed = sum(one.finished.completed for one in record.agents if one.counts and one.finished is not None)
    figures = HostFigures(
        merged.count, merged.frames, merged.work, completed, merged.latency, merged.service, merged.wait,
        merged.fps_ci95,
    )  # fmt: skip
    return [figures]


def _agents(host: HostSeen, merged: Merged | None) -> Iterator[result.AgentPart]:
    seen = seen_by(host.record.agents)
    for agent in host.record.agents:
        yield agent_part(host.record, agent, merged, host.window, host.times.processes.get(agent.id), seen)


def _efficiency(hosts: Sequence[HostSeen], merged: Merged | None) -> result.EfficiencyPart | None:
    if merged is None or len(hosts) == 1:
        return hosts[0].efficiency
    known = [part for host in hosts if (part := host.efficiency) is not None]
    return efficiency_of_all(known, merged.work, merged.window)


def _neighbours(hosts: Sequence[HostSeen], several: bool) -> Iterator[Neighbour]:
    """Of all hosts, those that took most first."""
    found = [(one, host.record.host.name) for host in hosts for one in host.around.neighbours]
    for one, name in sorted(found, key=lambda pair: -pair[0].percent):
        yield structs.replace(one, host=name) if several else one


def _effective(record: RunRecord, effective: Sequence[Effective]) -> result.EffectivePart:
    first = effective[0]

    def common(values: set[int]) -> int | None:
        return values.pop() if len(values) == 1 else None

    counted = first.iterations is not None
    return result.EffectivePart(
        backend=first.backend,
        model=first.model,
        device=first.device,
        api=record.request.load.api,
        hint=first.hint,
        precision=", ".join(dict.fromkeys(e.precision for e in effective)),
        agents=len(record.agents),
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
