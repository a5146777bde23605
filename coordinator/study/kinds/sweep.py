"""A sweep: every combination of the values that were given."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any, ClassVar

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ..answer import Basis
from ..axes import Axes
from ..choices import offered, shares_of_variance
from ..design import Design, refuse_too_many
from .cards import DEFAULT, READY_MADE
from .kind import Kind


class SweepStudy(Kind):
    card: ClassVar = DEFAULT
    title: ClassVar = "Sweep"

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        if not axes.varied:
            raise UsageError(
                "study: no setting has several values; give some, as in -nstreams 1,2,4, or name a ready-made study: "
                f"{', '.join(card.name for card in READY_MADE)}"
            )
        refuse_too_many(prod(map(len, axes.varied.values())))
        return Design(self.name, tuple(axes.points()), axes)

    def weighed(self, basis: Basis) -> Basis:
        if offered(basis.settings):
            return basis
        return replace(basis, shares=shares_of_variance(basis.study.axes, basis.settings) or {})

    def lines(self, basis: Basis) -> Iterator[str]:
        yield from super().lines(basis)
        if basis.shares:
            yield _what_matters(basis.shares)


def _what_matters(shares: Mapping[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{axis} {share:.0f} %" for axis, share in ordered)
    rest = max(0.0, 100 - sum(shares.values()))
    first = [axis for axis, share in ordered if round(share) == round(ordered[0][1])]
    most = f"is {first[0]}" if len(first) == 1 else f"are {', '.join(first[:-1])} and {first[-1]} alike"
    return (
        f"What matters most for throughput {most}: of the variance between settings (of its logarithm), "
        f"{parts}; {rest:.0f} % is interaction and noise."
    )
