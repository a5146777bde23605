"""Values that tests are built from: complete and valid, so that a test names only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import structs

from ovbench.common.bounded import LayerStatus
from ovbench.common.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from ovbench.common.effective import Effective, FileDigest, OutputDigest, Outputs, Phases, Port, ShapeGroup
from ovbench.common.folded import FoldedTimes
from ovbench.common.histogram import COARSE, FINE
from ovbench.common.job import Api, Data, Job, Load, Model, NullService, Pace, Placement, Runtime
from ovbench.common.messages import (
    SAMPLES_PER_MESSAGE,
    Finished,
    Folded,
    Layer,
    Layers,
    MaskChange,
    Memory,
    OnNode,
    Ready,
    Samples,
    Usage,
)
from ovbench.common.samples import SampleArray
from ovbench.common.shape import static_shape
from ovbench.common.topology import Topology
from ovbench.common.utilization import CpuTotals
from ovbench.coordinator.analysis.interference import Surroundings
from ovbench.coordinator.analysis.merge import Merged, merge_run
from ovbench.coordinator.analysis.recording import Piece, Recorded, Window, sample_arrays
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.plan.plan import HostShare, Plan
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.result.environment import Environment
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.run.assemble import build_report
from ovbench.coordinator.session.record import AgentRecord, ClockRecord, HostRecord, RunRecord
from ovbench.coordinator.store.files import write_arrays
from tests.machines import machine

Int64s = npt.NDArray[np.int64]


def ms(milliseconds: float) -> int:
    """In ns."""
    return round(milliseconds * NS_PER_MS)


def seconds(number: float) -> int:
    """In ns."""
    return round(number * NS_PER_S)


def request(*argv: str) -> Request:
    return parse_run(argv)


def job(
    cpus: tuple[int, ...] = (0,),
    *,
    api: Api = "async",
    duration_s: float | None = 10.0,
    iterations: int | None = None,
    warmup_s: float = 1.0,
    null: NullService | None = None,
    pace: Pace | None = None,
    cells_ns: tuple[int, ...] = (),
    counts_s: float | None = None,
) -> Job:
    return Job(
        model=Model(source="builtin:tiny", batch=None),
        runtime=Runtime(),
        load=Load(
            api=api,
            duration_s=duration_s,
            iterations=iterations,
            warmup_s=warmup_s,
            pace=pace,
            cells_ns=cells_ns,
            counts_s=counts_s,
        ),
        placement=Placement(cpus=cpus),
        null=null,
        data=Data(),
        sample_bytes=1 << 20,
    )


def effective(
    streams: int = 1,
    requests: int = 1,
    batch: int = 1,
    iterations: int | None = None,
    groups: Sequence[int] = (),
    notes: tuple[str, ...] = (),
    threads: int = 1,
) -> Effective:
    """`groups`: the batch of each group of shapes."""
    return Effective(
        backend="openvino",
        model="tiny",
        device="CPU",
        hint="THROUGHPUT",
        precision="f32",
        streams=streams,
        threads=threads,
        requests=requests,
        iterations=iterations,
        batch=batch,
        inputs=(Port(name="data", type="f32", shape=static_shape((1, 16))),),
        outputs=(Port(name="output", type="f32", shape=static_shape((1, 16))),),
        properties={"NUM_STREAMS": str(streams)},
        groups=tuple(ShapeGroup(shapes=((size, 16),), batch=size) for size in groups),
        notes=notes,
        files=(FileDigest("model", "builtin:tiny.xml", "0f" * 32, 1000),),
    )


def phases(compile_ms: float = 40.0, first_inference_ms: float = 1.0, import_ms: float = 0.0) -> Phases:
    return Phases(
        load_runtime_ms=10.0,
        read_model_ms=20.0,
        reshape_ms=0.5,
        compile_ms=compile_ms,
        create_requests_ms=2.0,
        first_inference_ms=first_inference_ms,
        import_ms=import_ms,
    )


def ready(
    running: Effective | None = None,
    times: Phases | None = None,
    mask: tuple[int, ...] = (0,),
    peaks_mb: tuple[float, float] = (50.0, 90.0),
    outputs: Outputs | None = None,
) -> Ready:
    """`peaks_mb`: before and after the model was compiled."""
    before, after = peaks_mb
    return Ready(
        effective=running or effective(),
        phases=times or phases(),
        mask=mask,
        openvino="2026.4.0",
        peak_before_mb=before,
        peak_after_mb=after,
        outputs=outputs,
    )


def usage(at_ns: int, user_s: float = 0.0, system_s: float = 0.0, control_s: float = 0.0, switches: int = 0) -> Usage:
    return Usage(
        at_ns=at_ns,
        user_s=user_s,
        system_s=system_s,
        control_s=control_s,
        voluntary_switches=switches,
        involuntary_switches=2 * switches,
        migrations=3 * switches,
    )


def finished(
    start_ns: int = seconds(1),
    stop_ns: int = seconds(11),
    completed: int = 0,
    *,
    readings: tuple[Usage, ...] | None = None,
    cpus: tuple[int, ...] = (0,),
    error: str | None = None,
    outputs: Outputs | None = None,
    mask: tuple[int, ...] | None = None,
    changes: tuple[MaskChange, ...] = (),
    nodes: tuple[OnNode, ...] = (),
) -> Finished:
    """`mask` is `cpus` where it is not given."""
    return Finished(
        start_ns=start_ns,
        stop_ns=stop_ns,
        completed=completed,
        usage=readings if readings is not None else (usage(start_ns), usage(stop_ns, user_s=7.96)),
        memory=Memory(rss_mb=100.0, pss_mb=60.0, private_mb=40.0, peak_rss_mb=110.0),
        seen=cpus,
        mask=cpus if mask is None else mask,
        error=error,
        outputs=outputs,
        mask_changes=changes,
        nodes=nodes,
    )


def made(*values: float, bits: str = "", repeatable: bool = True, scale: float = 1.0) -> Outputs:
    """An output with these values, and what else its `bits` tell apart: by default the values alone."""
    sketch = np.array(values, "<f4").tobytes()
    digest = blake2b(sketch + bits.encode(), digest_size=16).hexdigest()
    return Outputs(
        repeatable=repeatable, outputs=(OutputDigest(name="output", digest=digest, sketch=sketch, scale=scale),)
    )


def pairs(ends: Sequence[int] | Int64s, latencies: Sequence[int] | Int64s) -> Int64s:
    """Samples [n, 2] of (start, end) in the order of their ends."""
    end = np.asarray(ends, np.int64)
    both = np.stack([end - np.asarray(latencies, np.int64), end], axis=1)
    return both[np.argsort(end, kind="stable")]


def timed(dues: Sequence[int] | Int64s, starts: Sequence[int] | Int64s, ends: Sequence[int] | Int64s) -> Int64s:
    """Samples at a rate, in the order in which they are given."""
    instants = (np.asarray(part, np.int64) for part in (starts, ends, dues))
    return SampleArray.of(*instants).table


def at_rate(agent: AgentRecord, period_s: float, phase: float = 0.0) -> AgentRecord:
    """With a limit of its rate, by a pace; its samples are to be timed."""
    pace = Pace(frame_period_ns=seconds(period_s), phase=phase)
    return replace(agent, job=structs.replace(agent.job, load=structs.replace(agent.job.load, pace=pace)))


def steady(start_ns: int, latency_ns: int, count: int) -> Int64s:
    """Inferences back to back."""
    return pairs(start_ns + latency_ns * np.arange(1, count + 1), np.full(count, latency_ns))


def samples(data: Int64s, request: int = 0, first: int = 0) -> Samples:
    """`data`: rows as `SampleArray` has them."""
    array = SampleArray(data)
    return Samples(request=request, data=array.to_bytes(), first=first, timed=array.timed)


def piece_of(request: int, first: int, data: Int64s) -> Piece:
    """`data`: rows as `SampleArray` has them."""
    return Piece(request, first, SampleArray(data))


def layer(
    name: str = "conv",
    real_us: int = 0,
    cpu_us: int = 0,
    status: LayerStatus = "EXECUTED",
    exec_type: str = "jit_avx2",
) -> Layer:
    return Layer(name=name, type="Convolution", exec_type=exec_type, status=status, real_us=real_us, cpu_us=cpu_us)


def folded(data: Int64s, start_ns: int, request: int = 0, slice_ns: int = NS_PER_S) -> Folded:
    """What a request would deliver of `data`, rows as `SampleArray` has them, as histograms; written with numpy, apart
    from the loops."""
    array = SampleArray(data)
    latencies = array.latencies
    cells, counts = np.unique(
        (array.ends - start_ns) // slice_ns * COARSE.size + COARSE.buckets(latencies), return_counts=True
    )
    whole = folded_times(latencies)
    return Folded(
        request=request,
        count=len(data),
        first_end_ns=int(data[0, 1]),
        last_end_ns=int(data[-1, 1]),
        **structs.asdict(whole),
        slice_ns=slice_ns,
        slice_indices=(cells // COARSE.size).astype("<i4").tobytes(),
        slice_buckets=(cells % COARSE.size).astype("<i4").tobytes(),
        slice_counts=counts.astype("<i8").tobytes(),
        service=folded_times(array.services) if array.timed else None,
        wait=folded_times(array.waits) if array.timed else None,
    )


def folded_times(values: Int64s) -> FoldedTimes:
    """Latencies, services or waits in the order in which they were folded, ns."""
    deviations = (values - values[0]).astype(np.float64)
    fine = FINE.count(values)
    (used,) = fine.nonzero()
    return FoldedTimes(
        least_ns=int(values.min()),
        most_ns=int(values.max()),
        pivot_ns=int(values[0]),
        total_deviation_ns=float(deviations.sum()),
        total_square_ns2=float(np.square(deviations).sum()),
        fine_buckets=used.astype("<i4").tobytes(),
        fine_counts=fine[used].astype("<i8").tobytes(),
    )


def spread(count: int, seed: int = 0) -> Int64s:
    """Ends over ten seconds, latencies of 1 to 100 ms with a long tail."""
    random = np.random.default_rng(seed)
    latencies = np.minimum(random.lognormal(np.log(5e6), 0.8, count), 1e8).astype(np.int64) + 1000
    return pairs(random.integers(0, seconds(10), count), latencies)


def in_part_folded(data: Int64s, keep: int = 500, slice_ns: int = seconds(1)) -> tuple[Int64s, Folded, Int64s]:
    """As an agent delivers it: a head and a tail that are exact, a histogram of what is between."""
    return data[:keep], folded(data[keep:-keep], 0, slice_ns=slice_ns), data[-keep:]


def recording(
    agent: int,
    start_ns: int,
    stop_ns: int,
    *pieces: Int64s | Piece,
    rest: tuple[Folded, ...] = (),
    batches: tuple[int, ...] = (1,),
) -> Recorded:
    """Where it does not matter which inferences of which request they are, pieces may be given by their samples."""
    completed = sum(len(piece) for piece in pieces) + sum(part.count for part in rest)
    whole = tuple(piece if isinstance(piece, Piece) else piece_of(0, 0, piece) for piece in pieces)
    return Recorded(agent, start_ns, stop_ns, completed, whole, rest, batches)


def write_samples(file: Path, loads: Sequence[Recorded], window: Window) -> None:
    """samples.npz, as a run has it."""
    arrays = sample_arrays(loads, window)
    assert arrays is not None
    write_arrays(file, arrays)


def delivered(
    id: int = 0,
    *,
    cpus: tuple[int, ...] | None = None,
    data: Int64s | None = None,
    layers: Sequence[Layer] = (),
    load: Finished | None = None,
    prepared: Ready | None = None,
    order: Job | None = None,
) -> AgentRecord:
    """An agent that has run to the end: by default ten seconds from second 1, an inference each 10 ms, on CPU `id`."""
    own = (id,) if cpus is None else cpus
    done = steady(seconds(1), ms(10), 1000) if data is None else data
    return AgentRecord(
        id=id,
        job=order or job(own),
        pid=1000 + id,
        host="box",
        ready=prepared or ready(mask=own),
        finished=load or finished(completed=len(done), cpus=own),
        samples=tuple(
            samples(done[at : at + SAMPLES_PER_MESSAGE], first=at) for at in range(0, len(done), SAMPLES_PER_MESSAGE)
        ),
        layers=(Layers(request=0, layers=tuple(layers)),) if layers else (),
    )


def environment() -> Environment:
    return Environment(
        hostname="box",
        kernel="6.8",
        cpu_model="A CPU",
        sockets=1,
        nodes=1,
        physical_cores=2,
        logical_cpus=2,
        allowed_cpus=(0, 1),
        governor="performance",
        openvino="2026.4.0",
        python="3.11.7",
        libraries={"numpy": "2.0"},
    )


def cpu_totals(at_s: float, busy: Sequence[float], coordinator_s: float = 0.0) -> CpuTotals:
    """A reading at `at_s` seconds, of CPUs 0, 1, ... that were busy (in user) for so many of them."""
    cpus: dict[int, tuple[float, ...]] = {n: (spent, 0.0, 0.0, 0.0, at_s - spent) for n, spent in enumerate(busy)}
    return CpuTotals(seconds(at_s), cpus, coordinator_s)


def run(
    agents: Sequence[AgentRecord],
    *,
    wanted: Request | None = None,
    readings: Sequence[CpuTotals] | None = None,
    plan: Plan | None = None,
    interrupted: bool = False,
) -> RunRecord:
    count = 1 + max((cpu for agent in agents for cpu in agent.job.placement.cpus), default=0)
    steadily = [cpu_totals(at, [0.8 * at] * count, 0.008 * at) for at in range(13)]
    return RunRecord(
        request=wanted or request("--agents", str(len(agents))),
        plan=plan or Plan(tuple(agent.job for agent in agents), ()),
        agents=tuple(agents),
        hosts=(HostRecord(machine(cores=count), tuple(steadily if readings is None else readings), environment()),),
        started_at="2025-01-02T03:04:05Z",
        command=("ovbench-coord", "--agents", str(len(agents))),
        version="0.1.0",
        interrupted=interrupted,
        dropped_messages=0,
    )


def clock(offset_ms: float = 0.0, error_us: float = 50.0) -> ClockRecord:
    return ClockRecord(
        round(offset_ms * NS_PER_MS), round(error_us * NS_PER_US), 1.5, 640, round(2 * error_us * NS_PER_US)
    )


def over_hosts(
    members: Mapping[str, Sequence[AgentRecord]],
    *,
    wanted: Request | None = None,
    lost: Mapping[str, str] | None = None,
    clocks: Mapping[str, ClockRecord] | None = None,
    readings: Mapping[str, Sequence[CpuTotals]] | None = None,
    environments: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunRecord:
    """Of a run on several hosts: their agents by name, whose ids count through, and whose CPUs are each host's own.

    `lost`: what a host was lost for. `environments`: by name, in what a host's is another.
    """
    parts = {name: run(agents, wanted=wanted) for name, agents in members.items()}
    hosts = tuple(
        replace(
            part.host,
            name=name,
            environment=structs.replace(
                environment(), hostname=f"{name}.example", **(environments or {}).get(name, {})
            ),
            clock=(clocks or {}).get(name, clock()),
            why=(lost or {}).get(name, ""),
            readings=tuple((readings or {}).get(name, part.host.readings)),
        )
        for name, part in parts.items()
    )
    agents = tuple(agent for part in parts.values() for agent in part.agents)
    plan = Plan(
        tuple(agent.job for agent in agents),
        (),
        tuple(HostShare(name, len(part.agents), ()) for name, part in parts.items()),
    )
    whole = run(agents, wanted=wanted or request("--agents", "1"), plan=plan)
    return replace(whole, hosts=hosts)


def with_host(record: RunRecord, **changes: Any) -> RunRecord:
    """Another about its only host."""
    return replace(record, hosts=(replace(record.host, **changes),))


def report(of: RunRecord | None = None, samples_file: str | None = None) -> Report:
    """By default of two agents, each with an inference every 10 ms for ten seconds."""
    record = of or run([delivered(0), delivered(1)])
    return build_report(record, merge_run(record), samples_file)


def evidence(
    agents: Sequence[AgentRecord] | None = None,
    wanted: Request | None = None,
    *,
    merged: Merged | None = None,
    interrupted: bool = False,
    samples_saved: bool = False,
    surroundings: Surroundings | None = None,
    topology: Topology | None = None,
    housekeeping: tuple[int, ...] = (),
) -> Evidence:
    """By default of two agents that did exactly what was asked of them."""
    agents = [delivered(0), delivered(1)] if agents is None else agents
    plan = Plan(tuple(agent.job for agent in agents), housekeeping)
    ended = run(agents, wanted=wanted, plan=plan, interrupted=interrupted)
    return Evidence(
        run=with_host(ended, topology=topology or machine()),
        merged=merged or merge_run(ended),
        samples_saved=samples_saved,
        surroundings=surroundings or Surroundings(),
    )


def evidence_over(record: RunRecord, around: Mapping[str, Surroundings] | None = None) -> Evidence:
    """Of a run on several hosts. `around`: what their CPUs were up to, by name."""
    merged = merge_run(record)
    record = record.on(0) if len(record.hosts) == 1 else record
    parts = [record.on(index) for index, host in enumerate(record.hosts) if not host.why]
    beside = [(around or {}).get(part.host.name, Surroundings()) for part in parts]
    whole = Evidence(record, merged, samples_saved=False)
    if len(record.hosts) == 1:
        return replace(whole, surroundings=beside[0] if beside else Surroundings())
    return replace(
        whole, parts=tuple(Evidence(part, merged, False, one) for part, one in zip(parts, beside, strict=True))
    )
