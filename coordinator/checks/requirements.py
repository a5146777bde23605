"""Whether the figures of a run are within the limits that --require gives. Pure."""

from collections.abc import Mapping, Sequence

from ..request.requirement import Requirement
from ..result.numbers import beyond, figure_value
from ..result.report import RequirementPart
from ..stats.estimate import Estimate


def check(
    requirements: Sequence[Requirement], estimates: Mapping[str, Estimate], bounds: Mapping[str, float]
) -> tuple[RequirementPart, ...]:
    """Of one run; a figure that is not known does not meet anything. `bounds`: what such figures cannot be below. A
    figure that the run was not given what it takes for was refused before it."""
    return tuple(
        _of_value(one, estimates[one.figure].value)
        if one.figure in estimates
        else _of_unknown(one, bounds.get(one.figure))
        for one in requirements
    )


def _of_value(requirement: Requirement, value: float) -> RequirementPart:
    met = requirement.holds(value)
    missed_by = None if met else abs(value - requirement.limit(None))
    return RequirementPart(requirement.text, requirement.figure, value, met, missed_by)


def _of_unknown(requirement: Requirement, bound: float | None) -> RequirementPart:
    figure = requirement.figure
    why = "" if bound is None else _at_least(requirement, bound)
    return RequirementPart(requirement.text, figure, None, met=False, missed_by=None, at_least=bound, why=why)


def _at_least(requirement: Requirement, bound: float) -> str:
    """Where arrivals that never completed count as the longest."""
    missed = requirement.operator in ("<", "<=") and not requirement.holds(bound)
    least = f"it is {beyond(figure_value(requirement.figure, bound))}"
    return f"{least}, beyond the limit" if missed else f"{least}, and too many arrivals never completed to say more"
