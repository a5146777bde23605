"""The hosts of a run beside each other: which are alike, and what the agents of each did. Pure.

The window is that of all hosts. Figures of one are made of the same samples as those of all, so that counts and rates
add up; percentiles do not, and are of the host's own samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..result.latency import Interval
from ..session.record import AgentRecord, RunRecord
from .latency import Latency
from .merge import Merged
from .population import Missing
from .progress import Work
from .rates import Rates
from .recording import recorded
from .times import LATENCY, SERVICE, WAIT


@dataclass(frozen=True)
class Inference:
    """How the agents of a host infer. `precision`: in effect; empty where it is not known, or differs between them, as
    is the `build` of OpenVINO. `isa`, `capabilities`: as agents report them."""

    build: str
    precision: str
    isa: str
    capabilities: tuple[str, ...]


@dataclass(frozen=True)
class HostFigures:
    """What the agents of a host did in the window. At a rate alone: `service` and `wait`."""

    count: int
    frames: int
    work: Work
    completed: int
    latency: Latency | None
    service: Latency | None
    wait: Latency | None
    fps_ci95: Interval | None


def inference_of(agents: Sequence[AgentRecord]) -> Inference:
    ready = [agent.ready for agent in agents if agent.ready is not None]

    def common(values: Iterator[str]) -> str:
        found = set(values)
        return found.pop() if len(found) == 1 else ""

    return Inference(
        build=common(one.openvino for one in ready),
        precision=common(one.effective.precision for one in ready),
        isa=common(one.effective.isa for one in ready),
        capabilities=next((one.effective.capabilities for one in ready), ()),
    )


def classes_of(record: RunRecord) -> tuple[int, ...]:
    """Of each host its class, from 1 in their order: those of one have the same CPUs and the same build of OpenVINO, so
    their agents can be compared."""
    numbers: dict[tuple[str, int, int, str], int] = {}
    found = []
    for index, host in enumerate(record.hosts):
        here = host.environment
        build = inference_of(record.on(index).agents).build or here.openvino
        kind = (here.cpu_model, here.physical_cores, here.logical_cpus, build)
        found.append(numbers.setdefault(kind, len(numbers) + 1))
    return tuple(found)


def edge_error_ns(record: RunRecord) -> int | None:
    """What an instant of one host may be wrong by, by the coordinator's clock. None where all are the coordinator's."""
    errors = _clock_errors_ns(record)
    return errors[-1] if errors else None


def skew_error_ns(record: RunRecord) -> int | None:
    """The same of how far instants on two hosts are apart."""
    errors = _clock_errors_ns(record)
    return sum(errors[-2:]) if errors else None


def _clock_errors_ns(record: RunRecord) -> list[int]:
    """Of the hosts that have another clock and were not lost, ascending."""
    return sorted(host.clock.error_ns for host in record.hosts if host.clock is not None and not host.why)


def figures_by_host(record: RunRecord, merged: Merged, chosen: float) -> tuple[HostFigures | None, ...]:
    """None for a host of which no agent delivered. `chosen`: as in `merge`."""
    loads = recorded(record.agents)
    rates = None if merged.cells is None else Rates(loads, merged.window, merged.cells, merged.agent_work)
    found: list[HostFigures | None] = []
    for index in range(len(record.hosts)):
        ids = [agent.id for agent in record.on(index).agents if agent.id in merged.agent_counts]
        mine = [load for load in loads if load.agent in ids]
        if not mine:
            found.append(None)
            continue
        queues = [queue for queue in merged.queues if set(queue.agents) <= set(record.plan.agents_on(index))]
        population = replace(
            merged.population,
            loads=[load for load in merged.population.loads if load.agent in ids],
            missing=Missing.of(mine, merged.window, queues),
        )
        at_rate = bool(merged.queues)
        work = [merged.agent_work[id] for id in ids]
        found.append(
            HostFigures(
                count=sum(merged.agent_counts[id] for id in ids),
                frames=sum(merged.agent_frames[id] for id in ids),
                work=Work(sum(one.inferences for one in work), sum(one.frames for one in work)),
                completed=sum(load.completed for load in mine),
                latency=population.times(LATENCY, chosen),
                service=population.times(SERVICE, chosen) if at_rate else None,
                wait=population.times(WAIT, chosen) if at_rate else None,
                fps_ci95=None if rates is None else rates.of(mine),
            )
        )
    return tuple(found)
