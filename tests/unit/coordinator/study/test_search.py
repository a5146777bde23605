from collections import Counter
from dataclasses import replace
from random import Random
from typing import Literal

import pytest
from msgspec import structs

from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result.arrivals import ObjectivePart
from ovbench.coordinator.result.study import Outcome
from ovbench.coordinator.study.search import (
    FEWEST,
    LEAST_TRIALS,
    LONGER,
    MOST_CONFIRMING,
    MOST_UNUSABLE,
    Past,
    Search,
    Step,
    Terms,
)
from tests.closedforms import Law
from tests.searches import Machine, at_rate, closed_loop, searched

QUIET = Machine("deterministic", 4, noise=0.0)
LIMIT = QUIET.limit_at(0.85)
TERMS = Terms((LIMIT,), within_percent=3.0, seconds=1e6, most=40)


def machine(seed: object, law: Law = "deterministic", servers: int = 4) -> Machine:
    return Machine(law, servers, draw=Random(str(seed)))


def roles(search: Search) -> list[str]:
    return [one.step.role for one in search.past]


def test_a_search_begins_with_a_closed_loop_and_ends_with_a_longer_run_at_the_lower_end() -> None:
    search = searched(QUIET, TERMS)
    assert roles(search)[0] == "closed loop"
    assert roles(search)[-1] == "confirm"
    assert search.past[-1].step.longer == LONGER
    before = Search(TERMS, search.past[:-1]).rate
    assert before is not None
    assert before.low is not None
    assert search.past[-1].step.rate == pytest.approx(before.low, rel=1e-3)
    assert (search.verdict, search.confirmed) == ("found", True)


def test_without_noise_the_estimate_is_the_closed_form() -> None:
    search = searched(QUIET, TERMS)
    assert search.rate is not None
    assert search.rate.value == pytest.approx(QUIET.capacity(LIMIT), rel=0.01)


@pytest.mark.parametrize(("law", "servers"), [("deterministic", 1), ("deterministic", 4), ("exponential", 4)])
@pytest.mark.parametrize("load", [0.75, 0.9])
def test_with_noise_most_estimates_are_within_the_width_asked_for(law: Law, servers: int, load: float) -> None:
    """All 200 of each: scripts/bench/run capacity_search."""
    limit = machine("", law, servers).limit_at(load)
    truth = machine("", law, servers).capacity(limit)
    found = [searched(machine(seed, law, servers), replace(TERMS, objectives=(limit,))) for seed in range(3)]
    rates = [search.rate for search in found if search.rate is not None]
    assert sum(abs(rate.value / truth - 1) <= 0.03 for rate in rates) >= 2


def test_the_next_trial_follows_from_the_history_alone() -> None:
    """So a search that was cut off goes on as if it had not been."""
    search = searched(machine(1), TERMS)
    for end in range(len(search.past)):
        assert Search(TERMS, search.past[:end]).next() == search.past[end].step
    assert Search(TERMS, search.past).next() is None


def test_trials_are_on_both_sides_of_the_capacity_and_near_it() -> None:
    search = searched(machine(2), TERMS)
    rates = [one.step.rate or 0.0 for one in search.past if one.step.role == "search"]
    truth = QUIET.capacity(LIMIT)
    assert min(rates) < truth < max(rates)
    assert sum(abs(rate / truth - 1) < 0.08 for rate in rates) >= len(rates) - 2


def test_no_interval_is_believed_from_few_trials() -> None:
    assert Counter(roles(searched(QUIET, replace(TERMS, within_percent=50))))["search"] == LEAST_TRIALS


def test_a_noisy_machine_ends_at_the_most_trials_and_says_so() -> None:
    search = searched(replace(machine(3), noise=0.3), replace(TERMS, within_percent=1, most=12))
    assert len(search.past) <= 12
    assert search.verdict in ("too noisy", "not confirmed")


@pytest.mark.parametrize("most", [FEWEST, FEWEST + 1, 12])
def test_the_most_trials_are_the_most_also_where_none_confirms(most: int) -> None:
    terms = replace(TERMS, within_percent=0.5, most=most)
    search = Search(terms)
    while (step := search.next()) is not None:
        bad = step.role == "confirm"
        outcome = at_rate(step.rate or 0.0, (), overloaded=True) if bad else QUIET.answer(step, terms.objectives)
        search = Search(terms, (*search.past, Past(step, outcome)))
    assert len(search.past) == most
    assert roles(search).count("confirm") == min(MOST_CONFIRMING, most - FEWEST + 1)
    assert search.verdict == "not confirmed"


def with_confirming(search: Search, latency_ms: float | None) -> Search:
    """Whose next trial, which is to confirm, has that percentile."""
    step = search.next()
    assert step is not None
    assert step.role == "confirm"
    assert step.rate is not None
    part = ObjectivePart(LIMIT.limit_ms, LIMIT.percent, 0.9, 1.0, None, latency_ms)
    return Search(TERMS, (*search.past, Past(step, at_rate(step.rate, (part,), overloaded=latency_ms is None))))


@pytest.mark.parametrize("latency_ms", [1.3 * LIMIT.limit_ms, None])
def test_what_is_not_confirmed_is_lowered_and_tried_again(latency_ms: float | None) -> None:
    unconfirmed = Search(TERMS, searched(QUIET, TERMS).past[:-1])
    search = with_confirming(unconfirmed, latency_ms)
    assert search.confirmed is False
    assert unconfirmed.rate is not None
    assert search.rate is not None
    assert unconfirmed.rate.low is not None
    assert search.rate.low is not None
    assert search.rate.low <= (search.past[-1].step.rate or 0.0)
    assert search.rate.value < unconfirmed.rate.value
    again = search.next()
    assert again is not None
    assert again.role == "confirm"


def test_after_several_runs_that_do_not_confirm_it_the_search_says_so() -> None:
    search = Search(TERMS, searched(QUIET, TERMS).past[:-1])
    for _ in range(MOST_CONFIRMING):
        search = with_confirming(search, None)
    assert search.next() is None
    assert search.verdict == "not confirmed"
    assert search.confirmed_rate is None


def test_a_limit_below_the_fastest_inference_ends_the_search_after_the_first_trial() -> None:
    search = searched(QUIET, replace(TERMS, objectives=(Objective(5.0, 99.0),)))
    assert (len(search.past), search.verdict, search.rate) == (1, "unreachable", None)


def test_a_limit_between_the_fastest_and_the_slow_inferences_is_looked_at_next_to_no_load() -> None:
    limit = Objective(20.0, 99.0)  # exponential services of 10 ms have a p99 of 46 ms
    search = searched(machine(1, "exponential"), replace(TERMS, objectives=(limit,)))
    assert roles(search) == ["closed loop", "idle", "idle"]
    assert search.verdict == "unreachable"


def test_where_inferences_are_faster_when_others_do_not_run_the_limit_may_hold_after_all() -> None:
    """By the closed loop alone it would not."""
    slow = closed_loop("deterministic", 4, 200.0)
    loop = Past(Search(TERMS).next(), structs.replace(slow, latency_ms={**slow.latency_ms, "min": 9.0}))  # type: ignore[arg-type]
    terms = replace(TERMS, objectives=(Objective(15.0, 99.0),))
    step = Search(terms, (loop,)).next()
    assert step is not None
    assert step.role == "idle"
    assert step.rate is not None
    part = ObjectivePart(15.0, 99.0, 1.0, 1.0, None, 11.0)
    fast = at_rate(step.rate, (part,), services=closed_loop("deterministic", 4, 400.0).latency_ms)
    after = Search(terms, (loop, Past(step, fast))).next()
    assert after is not None
    assert after.role == "search"


def test_of_several_limits_the_one_that_ends_first_decides() -> None:
    strict, loose = QUIET.limit_at(0.7), QUIET.limit_at(0.9, percent=90)
    search = searched(QUIET, replace(TERMS, objectives=(loose, strict)))
    assert search.binding == strict
    assert search.rate is not None
    assert search.rate.value == pytest.approx(QUIET.capacity(strict), rel=0.02)


def test_a_limit_that_holds_up_to_saturation_is_said_to() -> None:
    search = searched(QUIET, replace(TERMS, objectives=(Objective(10_000.0, 99.0),)))
    assert search.verdict == "saturated"
    assert search.rate is not None
    assert search.rate.value == pytest.approx(400, rel=0.07)


def test_a_percentile_that_trials_are_too_short_for_ends_it_and_the_time_it_takes_is_known() -> None:
    search = searched(QUIET, replace(TERMS, objectives=(Objective(40.0, 99.9),), seconds=5.0))
    assert (len(search.past), search.verdict) == (1, "too short")
    assert search.needed_seconds == pytest.approx(3_000 / 400)


def test_trials_have_arrivals_enough_to_show_the_percentile() -> None:
    limit = machine("", "exponential").limit_at(0.55)
    search = searched(machine(1, "exponential"), replace(TERMS, objectives=(limit,), seconds=1.0))
    assert min(one.step.rate * one.step.longer for one in search.past if one.step.rate) >= 299


def test_trials_that_fail_end_the_search() -> None:
    failed = Outcome("0001", {}, 0, "", 1.0, 2, "FAILED", why="no model")
    search = Search(TERMS)
    for _ in range(MOST_UNUSABLE):
        step = search.next()
        assert step is not None
        assert step.role == "closed loop"
        search = Search(TERMS, (*search.past, Past(step, failed)))
    assert (search.next(), search.verdict) == (None, "not measured")


def test_trials_that_fail_in_the_midst_leave_a_rate_that_is_no_finding() -> None:
    search = searched(QUIET, TERMS)
    failed = Outcome("0009", {}, 0, "", 1.0, 2, "FAILED", why="an agent was killed")
    past = (*search.past[:-1], *(Past(search.past[-1].step, failed) for _ in range(MOST_UNUSABLE)))
    cut_short = Search(TERMS, past)
    assert (cut_short.next(), cut_short.verdict) == (None, "not measured")
    assert cut_short.rate is not None


# The closed loop


def loop(per_s: float, *findings: str) -> Past:
    outcome = closed_loop("deterministic", 4, per_s)
    status: Literal["SUSPECT", "VALID"] = "SUSPECT" if findings else "VALID"
    return Past(Step("closed loop"), structs.replace(outcome, status=status, findings=findings))


def test_a_closed_loop_that_was_disturbed_is_run_once_more() -> None:
    assert Search(TERMS, (loop(250.0, "steal"),)).next() == Step("closed loop")
    for again in (loop(400.0), loop(400.0, "steal")):
        both = Search(TERMS, (loop(250.0, "steal"), again))
        assert both.saturation == 400
        step = both.next()
        assert step is not None
        assert step.role == "search"


def test_of_closed_loops_one_that_was_disturbed_does_not_count_beside_another() -> None:
    assert Search(TERMS, (loop(400.0, "steal"), loop(390.0))).saturation == 390
    assert Search(TERMS, (loop(380.0), loop(400.0), loop(390.0))).saturation == 390


def test_a_closed_loop_that_was_slow_unnoticed_does_not_end_the_search_below_what_is_served() -> None:
    search = searched(QUIET, TERMS, (loop(240.0),))
    assert roles(search).count("closed loop") == 2
    assert search.saturation == 400
    assert search.rate is not None
    assert search.rate.value == pytest.approx(QUIET.capacity(LIMIT), rel=0.03)
    assert search.verdict == "found"


def test_the_rate_is_of_inferences_where_each_is_a_batch_of_frames() -> None:
    from ovbench.coordinator.result.effective import InEffect

    effect = InEffect("", "async", 1, 4, 4, 4, 4, "", "", batch=8)
    outcome = structs.replace(closed_loop("deterministic", 4, 3_200.0), in_effect=effect)
    step = Search(TERMS).next()
    assert step is not None
    assert Search(TERMS, (Past(step, outcome),)).saturation == 400


def test_dealt_arrivals_are_as_many_queues_as_agents() -> None:
    shared, separate = (
        Search(replace(TERMS, separate=separate), searched(QUIET, TERMS).past[:1]).shapes[LIMIT].servers
        for separate in (False, True)
    )
    assert (shared, separate) == (4, 1)


@pytest.mark.parametrize(("in_turn", "variation"), [(True, 1.0), (False, 1.75)])
def test_how_irregular_the_arrivals_of_each_queue_are_follows_from_how_they_are_dealt(
    in_turn: bool, variation: float
) -> None:
    terms = replace(TERMS, arrivals_squared_variation=4.0, separate=True, in_turn=in_turn)
    assert Search(terms, (loop(400.0),)).shapes[LIMIT].arrivals_squared_variation == variation
