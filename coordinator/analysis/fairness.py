"""How evenly agents were served: each one's throughput per CPU that it had, beside that of the others. Pure.

Of a CPU that several agents were given, each had an equal part.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import fmean

from msgspec.structs import replace

from ..result.report import FairnessPart
from ..session.record import RunRecord
from .hosts import classes_of
from .merge import Merged


def cpus_had(given: Mapping[int, Sequence[Hashable]]) -> dict[int, float]:
    """How many CPUs each agent had, by those that it was given: less than that where agents share some. A CPU is a
    number, or a host and a number."""
    agents = Counter(cpu for cpus in given.values() for cpu in cpus)
    return {id: sum(1 / agents[cpu] for cpu in cpus) for id, cpus in given.items()}


def cpus_of_each(record: RunRecord, merged: Merged) -> dict[int, float]:
    """How many CPUs each agent that measured had, on its host."""
    homes, measured = record.homes, [agent for agent in record.agents if agent.id in merged.agent_work]
    return cpus_had({one.id: [(homes[one.id], cpu) for cpu in one.job.placement.cpus] for one in measured})


def fps_per_cpu(record: RunRecord, merged: Merged) -> dict[int, float]:
    """Of every agent that measured, by its number; none in an empty window."""
    seconds = merged.window.duration_s
    if seconds <= 0:
        return {}
    return {id: merged.agent_work[id].frames / seconds / size for id, size in cpus_of_each(record, merged).items()}


def fairness(record: RunRecord, merged: Merged) -> FairnessPart | None:
    """None with fewer than two agents, or where none of them did anything. With a schedule agents do what falls to
    them, so what each did says nothing of how it was served.

    Agents of unlike hosts are not compared: it is of the class of hosts in which they are furthest apart.
    """
    if any(agent.job.load.schedule is not None for agent in record.agents):
        return None
    rates = fps_per_cpu(record, merged)
    parts = [part for group in _alike(record, rates) if (part := _among(group)) is not None]
    if not parts:
        return None
    widest = max(parts, key=lambda part: part.spread_percent)
    if len(record.hosts) > 1:
        return _over_hosts(record, widest, rates)
    homes = {agent.id: record.host.topology.home(agent.job.placement.cpus) for agent in record.agents}
    return replace(
        widest,
        by_node=_means((homes[id][1], rate) for id, rate in rates.items()),
        by_socket=_means((homes[id][0], rate) for id, rate in rates.items()),
    )


def _alike(record: RunRecord, rates: Mapping[int, float]) -> Iterable[dict[int, float]]:
    """The rates of the agents on hosts of each class."""
    if len(record.hosts) == 1:
        return [dict(rates)]
    homes, kinds, found = record.homes, classes_of(record), dict[int, dict[int, float]]()
    for id, rate in rates.items():
        found.setdefault(kinds[homes[id]], {})[id] = rate
    return found.values()


def _among(rates: Mapping[int, float]) -> FairnessPart | None:
    if len(rates) < 2 or not any(rates.values()):
        return None
    slowest, fastest = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    return FairnessPart(
        min_fps_per_cpu=rates[slowest],
        max_fps_per_cpu=rates[fastest],
        spread_percent=100 * (rates[fastest] - rates[slowest]) / fmean(rates.values()),
        slowest_agent=slowest,
        fastest_agent=fastest,
    )


def _over_hosts(record: RunRecord, part: FairnessPart, rates: Mapping[int, float]) -> FairnessPart:
    """Node 0 of one host is not that of another, so means are by host."""
    homes, kinds, names = record.homes, classes_of(record), [host.name for host in record.hosts]
    kind = kinds[homes[part.slowest_agent]]
    by_host: dict[str, list[float]] = {}
    for id, rate in rates.items():
        by_host.setdefault(names[homes[id]], []).append(rate)
    return replace(
        part,
        by_host={name: fmean(by_host[name]) for name in names if name in by_host},
        among=tuple(name for name, one in zip(names, kinds, strict=True) if one == kind and name in by_host),
    )


def _means(rates: Iterable[tuple[int | None, float]]) -> dict[str, float]:
    """By place; agents that are in several are left out."""
    by_place: dict[int, list[float]] = {}
    for place, rate in rates:
        if place is not None:
            by_place.setdefault(place, []).append(rate)
    return {str(place): fmean(by_place[place]) for place in sorted(by_place)}
