"""Partitions: the same cores as one agent with all streams, as two with half of them each, and so on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ovbench.common.topology import Topology

from ...result.study import KindName, Point
from ..axes import Axes
from ..choices import Choice, by_throughput, shortest
from ..design import Design, is_count, refuse_other_axes, usable_cpus
from ..summary import Setting
from .kind import Kind


class PartitionStudy(Kind):
    name: ClassVar[KindName] = "partition"
    title: ClassVar = "Partitions of the same cores"
    about: ClassVar = "the same cores as 1 x N streams, 2 x N/2, ... N x 1"
    repetitions: ClassVar = 5

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """Up to one agent per core."""
        refuse_other_axes(self.name, axes, {"--agents"})
        fixed = axes.without("--agents")
        cpus = usable_cpus(fixed, topology)
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
        return Design(self.name, tuple(points), fixed)

    def also_best(self, among: Sequence[Setting]) -> Iterator[Choice]:
        yield from shortest(among)

    def listed(self, settings: Sequence[Setting]) -> tuple[Setting, ...]:
        """By throughput."""
        return (*by_throughput(settings), *(setting for setting in settings if setting.fps is None))
