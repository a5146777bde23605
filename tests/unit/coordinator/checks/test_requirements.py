"""Whether the figures of a run keep to limits, and what is said where that is not known."""

import pytest

from ovbench.coordinator.checks.requirements import check
from ovbench.coordinator.request.requirement import parse_requirement
from ovbench.coordinator.result.report import RequirementPart
from ovbench.coordinator.stats.estimate import Estimate


def checked(text: str, known: dict[str, float], bounds: dict[str, float] | None = None) -> RequirementPart:
    requirement = parse_requirement("--require", text, relative=False)
    (found,) = check([requirement], {name: Estimate(value) for name, value in known.items()}, bounds or {})
    return found


def test_a_miss_is_reported_with_its_distance() -> None:
    figures = {"fps": 950.0, "p99_ms": 5.25}
    met, missed, edge = (checked(text, figures) for text in ("fps >= 900", "p99 < 5", "fps > 950"))
    assert (met.met, met.value, met.missed_by) == (True, 950.0, None)
    assert (missed.met, missed.figure, missed.value, missed.missed_by) == (False, "p99_ms", 5.25, 0.25)
    assert (edge.met, edge.missed_by) == (False, 0.0)


def test_what_a_run_has_no_value_of_is_not_met() -> None:
    assert checked("memory < 1", {}) == RequirementPart("memory < 1", "memory_mb", None, False, None)


@pytest.mark.parametrize("text", ["wait_p99 < 5", "wait_p99 >= 5", "wait_p99 < 50"])
def test_a_percentile_that_is_not_known_meets_nothing_whatever_its_bound(text: str) -> None:
    found = checked(text, {}, {"wait_p99_ms": 12.0})
    assert (found.met, found.value, found.at_least) == (False, None, 12.0)


def test_a_bound_beyond_the_limit_is_said_to_be() -> None:
    assert checked("p99 < 5", {}, {"p99_ms": 12.0}).why == "it is > 12.0 ms, beyond the limit"
    short = checked("p99 < 50", {}, {"p99_ms": 12.0}).why
    assert short == "it is > 12.0 ms, and too many arrivals never completed to say more"
