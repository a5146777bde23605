"""Up to which rate a limit of the latency is kept, from trials at many rates. Pure."""

from collections.abc import Mapping, Sequence

from ..request.slo import Objective
from ..result.study import Outcome
from .loadcurve import LoadLimit


def limit_of(number: int, objective: Objective, known: Mapping[float, Sequence[Outcome]]) -> LoadLimit:
    """`number`: of the limit among those of a trial. `known`: the trials that count, by the rate asked for."""
    return LoadLimit(str(objective), "unknown")
