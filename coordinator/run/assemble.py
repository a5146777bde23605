"""From the record of a run to its report. Pure: clock and machine were read before, and the caller saves samples."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
from msgspec import structs

from ovbench.common.effective import Effective, Port
from ovbench.common.shape import format_shape

from ..analysis.fairness import fairness
from ..analysis.layers import merge_layers
from ..analysis.merge import Merged, merge_run
from ..analysis.progress import Work
from ..analysis.recording import Window, recorded, sample_arrays
from ..checks.evidence import Evidence
from ..checks.placement import seen_by
from ..checks.requirements import check
from ..checks.verdict import judge
from ..result import report as result
from ..result.estimates import bounds_of_run, estimates_of_run
from ..session.record import RunRecord
from .agents import agent_part, slowest_phases
from .cpu import CpuTimes, cpu_part, efficiency_part, surroundings
from .goodput import goodput_part
from .load import (
    arrivals_part,
    distribution_part,
    group_parts,
    latency_part,
    lateness_part,
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
    return build_report(record, merged, save(arrays))


def build_report(record: RunRecord, merged: Merged | None, samples_file: str | None) -> result.Report:
    """`merged` is None where no agent delivered."""
    ready = [agent.ready for agent in record.agents if agent.ready is not None]
    effective = [r.effective for r in ready]
    batch = effective[0].batch if effective else 1
    chosen = record.request.output.latency_percentile
    window = merged.window if merged is not None else Window(0, 0, 0, 0)
    completed = sum(m.finished.completed for m in record.agents if m.finished is not None)
    times = CpuTimes.of(record, window)
    around = surroundings(record, window, times)
    evidence = Evidence(record, merged, samples_file is not None, around)
    seen = seen_by(record.agents)
    report = result.Report(
        ovbench=result.Product(record.version),
        started_at=record.started_at,
        command=record.command,
        requested=record.request.requested(),
        effective=_effective(record, effective) if effective else None,
        environment=record.host.environment,
        window=window_part(window, record.request.load.warmup_s),
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
        cpu=cpu_part(record, window, times, around),
        agents=tuple(
            agent_part(record, agent, merged, window, times.processes.get(agent.id), seen) for agent in record.agents
        ),
        timeline=tuple(timeline_parts(record, merged)) if merged else (),
        validity=judge(evidence),
        dropped_messages=record.dropped_messages,
        samples_file=samples_file,
        groups=tuple(group_parts(merged, effective[0], chosen)) if merged else (),
        layers=merge_layers(
            {agent.id: agent.layers for agent in record.agents if agent.counts},
            by_request=record.request.output.report_type == "detailed_counters",
        ),
        outputs=evidence.outputs.part(),
        efficiency=efficiency_part(record, merged, times) if merged is not None else None,
        neighbours=tuple(around.neighbours),
        scenario=evidence.scenario,
        fairness=fairness(record.agents, merged, record.host.topology) if merged else None,
        latency_distribution=distribution_part(merged) if merged else None,
        service_ms=latency_part(merged.service, chosen) if merged else None,
        wait_ms=latency_part(merged.wait, chosen) if merged else None,
        lateness_us=lateness_part(merged.lateness) if merged else None,
        arrivals=arrivals_part(record, merged) if merged else None,
        until=evidence.until,
        goodput=goodput_part(record, merged) if merged else None,
        stages=tuple(stage_parts(record, merged)) if merged else (),
    )
    requirements = check(record.request.criteria.requirements, estimates_of_run(report), bounds_of_run(report))
    return structs.replace(report, requirements=requirements)


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
        precision=first.precision,
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
