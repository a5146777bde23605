"""How evenly agents were served: each one's throughput per CPU that it had, beside that of the others. Pure.

Of a CPU that several agents were given, each had an equal part.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from ovbench.common.topology import Topology

from ..result.report import FairnessPart
from ..session.record import AgentRecord
from .merge import Merged


def cpus_had(given: Mapping[int, Sequence[int]]) -> dict[int, float]:
    """How many CPUs each agent had, by those that it was given: less than that where agents share some."""
    agents = Counter(cpu for cpus in given.values() for cpu in cpus)
    return {id: sum(1 / agents[cpu] for cpu in cpus) for id, cpus in given.items()}


def fps_per_cpu(agents: Sequence[AgentRecord], merged: Merged) -> dict[int, float]:
    """Of every agent that measured, by its number; none in an empty window."""
    seconds = merged.window.duration_s
    if seconds <= 0:
        return {}
    had = cpus_had({agent.id: agent.job.placement.cpus for agent in agents if agent.id in merged.agent_work})
    return {id: merged.agent_work[id].frames / seconds / size for id, size in had.items()}


def fairness(agents: Sequence[AgentRecord], merged: Merged, topology: Topology) -> FairnessPart | None:
    """None with fewer than two agents, or where none of them did anything. With a schedule agents do what falls to
    them, so what each did says nothing of how it was served."""
    if any(agent.job.load.schedule is not None for agent in agents):
        return None
    rates = fps_per_cpu(agents, merged)
    if len(rates) < 2 or not any(rates.values()):
        return None
    homes = {agent.id: topology.home(agent.job.placement.cpus) for agent in agents}
    slowest, fastest = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    return FairnessPart(
        min_fps_per_cpu=rates[slowest],
        max_fps_per_cpu=rates[fastest],
        spread_percent=100 * (rates[fastest] - rates[slowest]) / fmean(rates.values()),
        slowest_agent=slowest,
        fastest_agent=fastest,
        by_node=_means((homes[id][1], rate) for id, rate in rates.items()),
        by_socket=_means((homes[id][0], rate) for id, rate in rates.items()),
    )


def _means(rates: Iterable[tuple[int | None, float]]) -> dict[str, float]:
    """By place; agents that are in several are left out."""
    by_place: dict[int, list[float]] = {}
    for place, rate in rates:
        if place is not None:
            by_place.setdefault(place, []).append(rate)
    return {str(place): fmean(by_place[place]) for place in sorted(by_place)}
