"""Whether the figures of a run are within the limits that --require gives. Pure."""

from collections.abc import Mapping, Sequence

from ..request.requirement import Requirement
from ..result.report import RequirementPart
from ..stats.estimate import Estimate


def check(requirements: Sequence[Requirement], estimates: Mapping[str, Estimate]) -> tuple[RequirementPart, ...]:
    """Of one run; a figure that it lacks does not meet anything."""
    return tuple(_check(requirement, estimates.get(requirement.figure)) for requirement in requirements)


def _check(requirement: Requirement, estimate: Estimate | None) -> RequirementPart:
    value = None if estimate is None else estimate.value
    met = value is not None and requirement.holds(value)
    missed_by = None if met or value is None else abs(value - requirement.limit(None))
    return RequirementPart(requirement.text, requirement.figure, value, met, missed_by)
