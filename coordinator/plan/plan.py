"""From what was requested and the machine's topology to one job per agent: pure, so it can be shown and tested."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from ovbench.common.clock import NS_PER_S
from ovbench.common.errors import UsageError
from ovbench.common.job import Job, Load, Model, NullBackend, Pace, Placement, Runtime
from ovbench.common.schedule import share
from ovbench.common.topology import Topology

from ..request.options import Options
from .partition import place
from .selection import housekeeping, memory_policy

_MIB: Final = 1 << 20


@dataclass(frozen=True)
class Plan:
    """`jobs`: agent i runs jobs[i]. `housekeeping`: CPUs for control threads, which no agent is given."""

    jobs: tuple[Job, ...]
    housekeeping: tuple[int, ...]

    @property
    def measured_cpus(self) -> tuple[int, ...]:
        return tuple(sorted({cpu for job in self.jobs for cpu in job.placement.cpus}))

    @property
    def shared_cpus(self) -> tuple[int, ...]:
        """CPUs that more than one agent was given."""
        given = Counter(cpu for job in self.jobs for cpu in job.placement.cpus)
        return tuple(sorted(cpu for cpu, times in given.items() if times > 1))


def make_plan(options: Options, topology: Topology) -> Plan:
    """Raises UsageError where the request cannot be met on this machine."""
    blocks = place(options.policy, topology)
    control = housekeeping(options.policy, topology, {cpu for block in blocks for cpu in block})
    if options.iterations and options.iterations < len(blocks):
        raise UsageError(
            f"-niter {options.iterations} gives some of {len(blocks)} agents nothing to do; use fewer --agents"
        )
    memory = memory_policy(options.memory, topology)
    placements = [Placement(cpus=cpus, housekeeping=control, memory=memory) for cpus in blocks]
    return Plan(
        tuple(_job(options, index, len(blocks), placement) for index, placement in enumerate(placements)), control
    )


def _job(options: Options, index: int, agents: int, placement: Placement) -> Job:
    return Job(
        model=_model(options),
        runtime=_runtime(options),
        load=_load(options, index, agents),
        placement=placement,
        null=_null(options, index, agents),
        data=options.data,
        sample_bytes=max(_MIB // 4, options.sample_memory_mb * _MIB // agents),
        preprocessing=options.preprocessing,
        # They all run the same graph.
        wants_graph=options.exec_graph_path is not None and index == 0,
        check_outputs=options.check_outputs,
    )


def _null(options: Options, index: int, agents: int) -> NullBackend | None:
    service_us = options.null_service_us
    return None if service_us is None else options.null_faults.backend(service_us, index, agents)


def _model(options: Options) -> Model:
    return Model(
        source=options.model,
        batch=options.batch,
        extensions=tuple(str(path) for path in options.extensions),
        shapes=dict(options.shapes),
        data_shapes=dict(options.data_shapes),
        layouts=dict(options.layouts),
        whole_file=options.whole_file,
    )


def _runtime(options: Options) -> Runtime:
    return Runtime(
        device=options.device,
        hint=options.hint,
        streams=options.streams,
        threads=options.threads,
        requests=options.requests,
        precision=options.precision,
        pinning=options.pinning,
        cache_dir=None if options.cache_dir is None else str(options.cache_dir),
        count_layers=options.count_layers,
        # As benchmark_app does: a batch that was asked for is not to be made of several inferences.
        auto_batching=None if options.batch is None else False,
        config=dict(options.config),
    )


def _load(options: Options, index: int, agents: int) -> Load:
    return Load(
        api=options.api,
        duration_s=options.duration_s,
        iterations=None if options.iterations is None else share(options.iterations, agents, index),
        warmup_s=options.warmup_s,
        inference_only=options.inference_only,
        first_inference=options.first_inference,
        pace=pace(options.max_irate, index, agents),
    )


def pace(frames_per_s: float, index: int, agents: int) -> Pace | None:
    """An agent's even share of a rate for all of them, out of step with the others'; a rate of 0 is no limit."""
    if frames_per_s == 0:
        return None
    return Pace(frame_period_ns=agents * NS_PER_S / frames_per_s, phase=index / agents)
