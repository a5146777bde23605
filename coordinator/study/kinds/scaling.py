"""Scaling: how throughput grows with the number of agents, with the cores of one, or with the number of hosts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ovbench.common.topology import Topology

from ...request.hosts import format_hosts, parse_hosts
from ...result.findings import Code
from ...result.study import Outcome
from ...stats.estimate import Estimate
from ..answer import Answer, Basis
from ..axes import Axes
from ..columns import Column, share
from ..curves import HOSTS, curves_of, size_of
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
from .cards import SCALING
from .kind import ChartName, Kind


class ScalingStudy(Kind):
    card: ClassVar = SCALING
    title: ClassVar = "Scaling"

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """1 to N agents of one core each, unless the user says otherwise: with several sizes, one agent of each; with
        several --hosts, the first one, the first two and so on."""
        if "--cpus-per-agent" in axes.varied:
            return self._of_one_agent(axes)
        if "--agents" not in axes.varied and (hosts := _hosts(axes)):
            return self._of_hosts(axes, hosts)
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

    def _of_hosts(self, axes: Axes, hosts: Sequence[str]) -> Design:
        """`hosts`: values of --hosts. What else is asked for, such as --agents, is the same on each host."""
        refuse_other_axes(self.name, axes, {HOSTS})
        return Design(self.name, tuple({HOSTS: some} for some in hosts), axes.without(HOSTS))

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

        if any(curve.unit == "hosts" for curve in basis.curves) and _unlike(basis.outcomes):
            yield "The hosts are not alike, so efficiency against the first is also about what the others are."

    def own_columns(self, answer: Answer) -> tuple[Column, ...]:
        return (Column("of ideal", lambda setting: share(efficiency(answer, setting))),) if answer.curves else ()

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        if not any(curve.scaling.points for curve in answer.curves):
            return super().charts(answer)
        return "scaling", "efficiency", "p99-by-size", "heat", "trade", "drift"


def efficiency(answer: Answer, setting: Setting) -> Estimate | None:
    """Of a setting on a curve, against the smallest size; a share."""
    for curve in answer.curves:
        size = size_of(setting, curve.unit)
        if curve.point.items() <= setting.point.items():
            return next((point.efficiency for point in curve.scaling.points if point.size == size), None)
    return None


def _agents_that_fit(fixed: Axes, topology: Topology) -> int:
    """By --cpus-per-agent; at least one, which is then refused with what there is."""
    return max(1, len(usable_cpus(fixed, topology)) // cpus_per_agent(fixed))


def _hosts(axes: Axes) -> list[str]:
    """Values of --hosts of which each has more of them: as they were given, or of one list the first 1, 2, 4 and so on,
    and all. None where there are not several. Raises UsageError."""
    given = axes.given(HOSTS)
    if len(given) != 1:
        return list(given)
    hosts = parse_hosts(HOSTS, given[0])
    sizes = sorted({*(1 << shift for shift in range(len(hosts).bit_length())), len(hosts)})
    return [format_hosts(hosts[:size]) for size in sizes] if len(hosts) > 1 else []


def _unlike(outcomes: Sequence[Outcome]) -> bool:
    return any(Code.UNLIKE_HOSTS in outcome.findings for outcome in outcomes)
