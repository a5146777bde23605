"""Every way to cut the same cores into agents: one with all streams, two with half of them each, and so on."""

from ovbench.common.topology import Topology

from ..result.study import Point
from .axes import Axes
from .design import is_count, usable_cpus


def cuts_of(axes: Axes, topology: Topology) -> tuple[Point, ...]:
    """Up to one agent per core, or those that were asked for with --agents; streams, unless they are given, so that all
    have as many in all. Raises UsageError where no CPU can be measured."""
    cpus = usable_cpus(axes.without("--agents"), topology)
    cores = len({cpu.physical_core for cpu in cpus})
    asked = axes.given("--agents")
    counts = [number for number in range(1, cores + 1) if cores % number == 0]
    points: list[Point] = []
    for agents in asked or map(str, counts):
        if is_count(agents) and not axes.given("-nstreams"):
            points.append({"--agents": agents, "-nstreams": str(max(1, cores // int(agents)))})
        else:
            points.append({"--agents": agents})
    if not asked:
        parts = (("per-socket", len({cpu.socket for cpu in cpus})), ("per-node", len({cpu.node for cpu in cpus})))
        # One agent for each part, with streams by OpenVINO; a single part is what one agent has already.
        points += [{"--agents": name} for name, number in parts if number > 1]
    return tuple(points)
