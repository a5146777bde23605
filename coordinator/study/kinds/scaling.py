"""Scaling: how throughput grows with the number of agents, or with the cores of one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ovbench.common.topology import Topology

from ...result.study import KindName
from ...stats.estimate import Estimate
from ..answer import Answer, Basis
from ..axes import Axes
from ..columns import Column, share
from ..curves import curves_of
from ..design import (
    Design,
    counts_to,
    cpus_per_agent,
    refuse_other_axes,
    refuse_too_many,
    usable_cpus,
)
from ..laws import curve_lines
from ..summary import Setting
from .kind import ChartName, Kind


class ScalingStudy(Kind):
    name: ClassVar[KindName] = "scaling"
    title: ClassVar = "Scaling"
    about: ClassVar = "1 to N agents of a core each: efficiency, fits, the knee"
    repetitions: ClassVar = 5

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """1 to N agents of one core each, unless the user says otherwise: with several sizes, one agent of each."""
        if "--cpus-per-agent" in axes.varied:
            return self._of_one_agent(axes)
        refuse_other_axes(self.name, axes, {"--agents"})
        fixed = axes.without("--agents")
        if not axes.given("--cpus-per-agent"):
            fixed = fixed.with_value("--cpus-per-agent", "1")
        agents = axes.given("--agents") or [str(number) for number in counts_to(_agents_that_fit(fixed, topology))]
        refuse_too_many(len(agents))
        return Design(self.name, tuple({"--agents": number} for number in agents), fixed)

    def _of_one_agent(self, axes: Axes) -> Design:
        refuse_other_axes(self.name, axes, {"--cpus-per-agent"})
        fixed = axes.without("--cpus-per-agent")
        if not axes.given("--agents"):
            fixed = fixed.with_value("--agents", "1")
        sizes = axes.given("--cpus-per-agent")
        refuse_too_many(len(sizes))
        return Design(self.name, tuple({"--cpus-per-agent": size} for size in sizes), fixed)

    def weighed(self, basis: Basis) -> Basis:
        return replace(basis, curves=tuple(curves_of(basis.study, basis.settings)))

    def lines(self, basis: Basis) -> Iterator[str]:
        for curve in basis.curves:
            yield from curve_lines(curve, basis.study)
        yield from super().lines(basis)

    def undecided(self, basis: Basis) -> Iterator[str]:
        yield from super().undecided(basis)
        if any(curve.scaling.fit is not None and curve.scaling.believed != "linear" for curve in basis.curves):
            yield "Only hardware counters show what is contended for (memory bandwidth, caches, clock rate, locks)."

    def own_columns(self, answer: Answer) -> tuple[Column, ...]:
        return (Column("of ideal", lambda setting: share(efficiency(answer, setting))),) if answer.curves else ()

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        if not any(curve.scaling.points for curve in answer.curves):
            return super().charts(answer)
        return "scaling", "efficiency", "p99-by-size", "heat", "trade", "drift"


def efficiency(answer: Answer, setting: Setting) -> Estimate | None:
    """Of a setting on a curve, against the smallest size; a share."""
    for curve in answer.curves:
        size = setting.agents if curve.unit == "agents" else setting.cores
        if curve.point.items() <= setting.point.items():
            return next((point.efficiency for point in curve.scaling.points if point.size == size), None)
    return None


def _agents_that_fit(fixed: Axes, topology: Topology) -> int:
    """By --cpus-per-agent; at least one, which is then refused with what there is."""
    return max(1, len(usable_cpus(fixed, topology)) // cpus_per_agent(fixed))
