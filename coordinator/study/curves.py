"""The curves of a scaling study: which of its settings make one, and what is their size. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final

from msgspec import Meta, Struct

from ..result.study import Study
from ..stats.estimate import Estimate
from ..stats.lawfit import scaling
from ..stats.scaling import Scaling
from .summary import Setting

HOSTS: Final = "--hosts"


class Edge(Struct, frozen=True):
    """Between two sizes that were measured next to each other: what the larger is the first to have, such as `2 nodes`,
    or `SMT`, which is more CPUs than cores."""

    what: str
    before: int
    size: int


class Curve(Struct, frozen=True):
    """How throughput grows with `unit` (agents, cores or hosts), the other settings being those of `point`."""

    unit: str
    point: dict[str, str]
    scaling: Scaling
    p99_ms: Annotated[dict[str, Estimate], Meta(description="by size")]
    cpus: Annotated[dict[str, int], Meta(description="measured logical CPUs, by size")]
    edges: Annotated[tuple[Edge, ...], Meta(description="of sockets, NUMA nodes and SMT, as far as known")] = ()


def size_of(setting: Setting, unit: str) -> int | None:
    """None where it is not known. Hosts are counted as they were named: a trial that lost one is not used."""
    if unit == "hosts":
        named = setting.point.get(HOSTS, "")
        return named.count(",") + 1 if named else None
    return setting.agents if unit == "agents" else setting.cores


def curves_of(study: Study, settings: Sequence[Setting]) -> Iterator[Curve]:
    """One for each combination of the settings other than the size; one for all where those change with the size."""
    flags = {axis.lstrip("-").replace("_", "-"): axis for axis in study.axes}
    agents = len({setting.agents for setting in settings if setting.agents is not None}) > 1
    unit = "agents" if "agents" in flags or (agents and "cpus-per-agent" not in flags) else "cores"
    unit = "hosts" if HOSTS in study.axes else unit
    sizes = ("hosts", "agents", "cpus-per-agent", "cores", "cpus")
    size_axis = next((flags[name] for name in sizes if name in flags), None)
    groups: dict[tuple[tuple[str, str], ...], dict[int, list[Setting]]] = {}
    for setting in settings:
        size = size_of(setting, unit)
        if size:
            rest = tuple((flag, value) for flag, value in setting.point.items() if flag != size_axis)
            groups.setdefault(rest, {}).setdefault(size, []).append(setting)
    if len(groups) > 1 and all(len(group) == 1 for group in groups.values()):
        together: dict[int, list[Setting]] = {}
        for group in groups.values():
            for size, some in group.items():
                together.setdefault(size, []).extend(some)
        groups = {(): together}
    shared = set.intersection(*(set(rest) for rest in groups)) if groups else set()
    for rest, group in groups.items():
        trials = {size: [fps for s in some for fps in s.fps_of_trials] for size, some in group.items()}
        p99 = {str(size): some[0].p99_ms for size, some in sorted(group.items()) if some[0].p99_ms is not None}
        cpus = {str(size): some[0].cores for size, some in sorted(group.items()) if some[0].cores is not None}
        point = {flag: value for flag, value in rest if (flag, value) not in shared}
        edges = tuple(_edges({size: some[0] for size, some in sorted(group.items())}))
        yield Curve(unit, point, scaling(trials), p99, cpus, edges)


def _edges(by_size: Mapping[int, Setting]) -> Iterator[Edge]:
    """A further socket has further nodes, which go without saying."""
    for (before, smaller), (size, larger) in pairwise(by_size.items()):
        more = [what for what in ("sockets", "nodes") if larger.covers.get(what, 0) > smaller.covers.get(what, 0) > 0]
        if more:
            yield Edge(f"{larger.covers[more[0]]} {more[0]}", before, size)
        if _shares_cores(larger) and not _shares_cores(smaller):
            yield Edge("SMT", before, size)


def _shares_cores(setting: Setting) -> bool:
    return 0 < setting.covers.get("cores", 0) < (setting.cores or 0)
