"""Partitions: the same cores as one agent with all streams, as two with half of them each, and so on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ovbench.common.topology import Topology

from ..axes import Axes
from ..choices import Choice, by_throughput, shortest
from ..cuts import cuts_of
from ..design import Design, refuse_other_axes
from ..summary import Setting
from .cards import PARTITION
from .kind import Kind


class PartitionStudy(Kind):
    card: ClassVar = PARTITION
    title: ClassVar = "Partitions of the same cores"

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        refuse_other_axes(self.name, axes, {"--agents"})
        return Design(self.name, cuts_of(axes, topology), axes.without("--agents"))

    def also_best(self, among: Sequence[Setting]) -> Iterator[Choice]:
        yield from shortest(among)

    def listed(self, settings: Sequence[Setting]) -> tuple[Setting, ...]:
        """By throughput."""
        return (*by_throughput(settings), *(setting for setting in settings if setting.fps is None))
