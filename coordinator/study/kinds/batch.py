"""Batches: what a larger batch gains in throughput and costs in latency."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from ovbench.common.topology import Topology

from ...result.numbers import milliseconds
from ..answer import Basis
from ..axes import Axes
from ..design import Design, refuse_other_axes
from .cards import BATCH
from .kind import Kind

_BATCHES: Final = ("1", "2", "4", "8", "16", "32")


class BatchStudy(Kind):
    card: ClassVar = BATCH
    title: ClassVar = "Batch sizes"

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        refuse_other_axes(self.name, axes, {"-b"})
        batches = axes.given("-b") or _BATCHES
        return Design(self.name, tuple({"-b": size} for size in batches), axes.without("-b"))

    def lines(self, basis: Basis) -> Iterator[str]:
        yield from super().lines(basis)
        frames = [(s.median_ms.value / s.batch, s) for s in basis.settings if s.median_ms is not None and s.batch]
        if frames:
            shortest, setting = min(frames, key=lambda pair: pair[0])
            yield f"Least time per frame: {milliseconds(shortest)} (median latency / batch) with {setting.name}."
