"""Objectives of the latency as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.slo import Objective, form_objectives, parse_objectives

limits = some.floats(min_value=0, max_value=1e9, exclude_min=True, allow_subnormal=False)
objectives = some.builds(
    Objective, limits.map(lambda ms: float(f"{ms:.15g}")), some.none() | some.sampled_from([50.0, 90.0, 99.0, 99.9])
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20", (Objective(20.0),)),
        ("0.5", (Objective(0.5),)),
        ("1e3", (Objective(1000.0),)),
        ("p99:20", (Objective(20.0, 99.0),)),
        ("p99.9:20", (Objective(20.0, 99.9),)),
        ("p100:20", (Objective(20.0, 100.0),)),
        ("p99:20,p50:5", (Objective(20.0, 99.0), Objective(5.0, 50.0))),
        ("20, 5, p50:5", (Objective(20.0), Objective(5.0), Objective(5.0, 50.0))),
    ],
)
def test_an_objective_is_a_limit_for_all_or_for_a_percentile(text: str, found: tuple[Objective, ...]) -> None:
    assert parse_objectives(text) == found


@given(some.lists(objectives, min_size=1, max_size=5, unique_by=lambda one: one.percent))
def test_objectives_are_reported_as_they_can_be_given_again(found: list[Objective]) -> None:
    assert parse_objectives(str(form_objectives(found))) == tuple(found)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is not a number of milliseconds"),
        ("fast", "'fast' is not a number of milliseconds"),
        ("nan", "'nan' is not"),
        ("inf", "'inf' is not"),
        ("0", "'0' is not"),
        ("-5", "'-5' is not"),
        ("1e10", "'1e10' is not"),
        ("20,", "'' is not"),
        ("20kg", "'20kg' is not"),
        ("p99", "or a time as in 20ms, alone or for a percentile, as in p99:20"),
        ("p99:", "'p99:' is not"),
        ("p99:fast", "'p99:fast' is not"),
        ("p:20", "'p:20' is not"),
        ("p0:20", "'p0:20': a percentile is above 0 and at most 100"),
        ("p101:20", "'p101:20': a percentile is above 0 and at most 100"),
        ("20,20.0", "'20,20.0' has 20 twice; leave one out"),
        ("p99:20,p99:20", "has p99:20 twice"),
        ("p99:20,p99.0:30", "has two limits for p99, p99:20 and p99:30; leave one out"),
        (",".join(map(str, range(1, 18))), "has 17 limits, more than 16"),
    ],
)
def test_what_is_no_objective_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_run(["--slo-ms", text])
    assert str(refused.value).startswith("--slo-ms: ")
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("load", [[], ["--rate", "100"], ["-max_irate", "100"]])
def test_objectives_are_of_any_load(load: list[str]) -> None:
    asked = parse_run([*load, "--slo-ms", "p99:20,5"])
    assert asked.criteria.objectives == (Objective(20.0, 99.0), Objective(5.0))
    assert asked.requested()["slo_ms"] == "p99:20,5"
