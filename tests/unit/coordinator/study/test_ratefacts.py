"""What trials say to a search."""

import pytest
from msgspec import structs

from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result.arrivals import ObjectivePart
from ovbench.coordinator.study.ratefacts import (
    inferences_per_s,
    is_disturbed,
    is_usable,
    needed_arrivals,
    part_of,
    servers_of,
    service_ms,
    times_of,
)
from tests.searches import at_rate, closed_loop

LOOP = closed_loop("exponential", 4, 400.0)


@pytest.mark.parametrize(("percent", "arrivals"), [(50.0, 6), (90.0, 30), (99.0, 300), (99.9, 3_000)])
def test_a_percentile_takes_three_arrivals_beyond_it(percent: float, arrivals: int) -> None:
    assert needed_arrivals(Objective(20.0, percent)) == arrivals


def test_streams_serve_as_many_at_a_time_as_have_a_request() -> None:
    assert [servers_of(structs.replace(LOOP, requests=requests)) for requests in (None, 1, 4, 9)] == [4, 1, 4, 4]
    assert service_ms(LOOP) == 10.0
    assert service_ms(structs.replace(LOOP, requests=1)) == 2.5
    assert inferences_per_s(LOOP) == 400


def test_services_are_a_closed_loop_s_latencies_and_at_a_rate_its_services() -> None:
    known, mean = times_of(LOOP)
    assert (dict(known)[99.0], mean) == (LOOP.latency_ms["p99"], 10.0)
    assert times_of(at_rate(100.0, (), services=LOOP.latency_ms)) == (known, mean)


def test_what_a_trial_says_of_a_limit_is_found_by_limit_and_percentile() -> None:
    parts = (ObjectivePart(20.0, 99.0, 1.0, 1.0, True, 18.0), ObjectivePart(20.0, 50.0, 1.0, 1.0, True, 5.0))
    one = at_rate(100.0, parts)
    assert part_of(one, Objective(20.0, 50.0)) == parts[1]
    assert part_of(one, Objective(5.0, 50.0)) is None


def test_what_has_failed_says_nothing_and_what_was_overloaded_does() -> None:
    over = at_rate(100.0, (), overloaded=True)
    assert is_usable(over)
    assert not is_usable(structs.replace(over, findings=("overloaded", "wrong_cpus")))
    assert not is_usable(structs.replace(LOOP, status="FAILED", fps=None))


def test_disturbed_is_what_was_so_by_more_than_the_rate() -> None:
    assert is_disturbed(structs.replace(LOOP, status="SUSPECT", findings=("steal",)))
    assert not is_disturbed(structs.replace(LOOP, status="SUSPECT", findings=("overloaded", "trend")))
    assert not is_disturbed(structs.replace(LOOP, findings=("steal",)))
