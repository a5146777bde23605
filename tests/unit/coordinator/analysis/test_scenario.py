"""What LoadGen would report: which figure is the result, and what makes a run valid."""

from dataclasses import replace

import numpy as np
import pytest

from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.merge import merge_run
from ovbench.coordinator.analysis.scenario import NEVER, Issued, judge, judge_run
from ovbench.coordinator.request.scenario import Scenario, rules_of
from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result.scenario import Performance, ScenarioPart
from ovbench.coordinator.session.record import RunRecord
from tests.builders import delivered, in_part_folded, request, run, samples, seconds, steady

MS = 1_000_000
SINGLE, SERVER, OFFLINE = Scenario("single-stream"), Scenario("server"), Scenario("offline")


def in_turn(latencies_ms: list[int], gap_ms: int = 0) -> Issued:
    """One begins when the one before has ended, after a gap."""
    latencies = np.asarray(latencies_ms, np.int64) * MS
    end = np.cumsum(latencies + gap_ms * MS) - gap_ms * MS
    return Issued(end - latencies, end - latencies, end)


def arriving(latencies_ms: list[int], every_ms: int = 1) -> Issued:
    """NEVER stays what it is."""
    due = np.arange(len(latencies_ms), dtype=np.int64) * every_ms * MS
    end = [NEVER if ms == NEVER else int(at) + ms * MS for at, ms in zip(due, latencies_ms, strict=True)]
    return Issued(due, due, np.asarray(end, np.int64))


def test_the_result_of_single_stream_is_the_latency_that_nine_of_ten_are_below() -> None:
    part = judge(SINGLE, rules_of(SINGLE, 1.0), in_turn(list(range(100, 0, -1))))
    assert part.result.name == "90.0th percentile latency (ns)"
    assert part.result.value == 91 * MS
    assert (part.scenario, part.queries, part.samples, part.samples_per_query) == ("SingleStream", 100, 100, 1)


def test_the_estimate_of_early_stopping_is_above_the_percentile_and_says_what_it_discards() -> None:
    stopping = judge(SINGLE, rules_of(SINGLE, 1.0), in_turn(list(range(1, 101)))).early_stopping
    assert stopping is not None
    assert (stopping.satisfied, stopping.needed, stopping.discarded) == (True, 64, 2)
    assert stopping.estimates_ns == {"90.0": 98 * MS, "99.0": None}


def test_with_too_few_queries_early_stopping_is_not_satisfied_and_there_is_no_estimate() -> None:
    part = judge(SINGLE, rules_of(SINGLE, 0.001), in_turn([1] * 63))
    stopping = part.early_stopping
    assert stopping is not None
    assert (stopping.satisfied, stopping.discarded, stopping.estimates_ns["90.0"]) == (False, None, None)
    assert not part.valid


@pytest.mark.parametrize(("least_s", "valid"), [(0.990, True), (0.991, False)])
def test_a_stream_lasts_until_its_last_query_begins(least_s: float, valid: bool) -> None:
    part = judge(SINGLE, rules_of(SINGLE, least_s), in_turn([10] * 100))
    assert part.min_duration_s.reached == 0.99
    assert (part.min_duration_s.satisfied, part.valid) == (valid, valid)


@pytest.mark.parametrize("issued", [in_turn([10] * 100), arriving([10] * 100, every_ms=10)])
@pytest.mark.parametrize("scenario", [SINGLE, SERVER])
def test_where_issuing_ends_at_a_set_time_the_last_query_may_begin_sooner(scenario: Scenario, issued: Issued) -> None:
    rules = rules_of(scenario, 1.0, Objective(10))
    assert not judge(scenario, rules, issued).min_duration_s.satisfied
    assert judge(scenario, rules, issued, issuing_ns=1000 * MS).min_duration_s.satisfied


@pytest.mark.parametrize(("count", "valid"), [(100, True), (99, False)])
def test_a_stream_takes_its_least_number_of_queries(count: int, valid: bool) -> None:
    part = judge(SINGLE, rules_of(SINGLE, 0.1), in_turn([10] * count))
    assert (part.min_queries.satisfied, part.valid) == (valid, valid)


def test_a_query_of_multi_stream_lasts_from_its_due_to_the_end_of_its_slowest_sample() -> None:
    scenario = Scenario("multi-stream", 3)
    queries = in_turn(list(range(1, 701)))
    due = np.repeat(queries.due, 3)
    start = due + np.tile(np.asarray([0, 5, 9]), 700)
    end = np.repeat(queries.end, 3) - np.tile(np.asarray([7, 0, 3]), 700)
    unfinished_query = np.asarray([due[-1] + MS])
    parts = (np.concatenate([part, unfinished_query]) for part in (due, start, end))
    part = judge(scenario, rules_of(scenario, 1.0), Issued(*parts))
    assert (part.scenario, part.queries, part.samples_per_query) == ("MultiStream", 700, 3)
    assert part.result.name == "99.0th percentile latency (ns)"
    assert part.result.value == 694 * MS
    assert part.early_stopping is not None
    assert part.early_stopping.estimates_ns == {"99.0": 700 * MS}


def test_the_result_of_a_server_is_its_rate_up_to_the_end_of_the_last_to_arrive() -> None:
    part = judge(SERVER, rules_of(SERVER, 0.5, Objective(15)), arriving([3000] + [1] * 1000))
    assert part.result.name == "Completed samples per second"
    assert part.result.value == pytest.approx(1000 / 1.001)
    assert part.min_duration_s.reached == 1.0
    assert part.valid


def test_a_server_is_judged_by_how_many_are_over_its_target() -> None:
    within, over = [1] * 990, [16] * 10
    part = judge(SERVER, rules_of(SERVER, 0.5, Objective(15)), arriving(within + over))
    assert part.performance == Performance(False, 99.0, 15 * MS, 10)
    assert part.early_stopping is not None
    assert (part.early_stopping.satisfied, part.early_stopping.needed) == (False, 2010)
    assert not part.valid


def test_exactly_the_target_is_within_it() -> None:
    part = judge(SERVER, rules_of(SERVER, 0.5, Objective(16)), arriving([16] * 1000))
    assert part.performance == Performance(True, 99.0, 16 * MS, 0)
    assert part.valid


def test_early_stopping_fails_where_the_percentile_alone_would_pass() -> None:
    part = judge(SERVER, rules_of(SERVER, 0.5, Objective(15)), arriving([1] * 995 + [16] * 5))
    assert part.performance is not None
    assert part.performance.satisfied
    assert part.early_stopping is not None
    assert not part.early_stopping.satisfied
    assert not part.valid


def test_what_never_completed_is_over_every_target() -> None:
    part = judge(SERVER, rules_of(SERVER, 0.5, Objective(3_600_000)), arriving([NEVER] * 20 + [1] * 980))
    assert (part.queries, part.samples) == (1000, 980)
    assert part.performance == Performance(False, 99.0, 3_600_000 * MS, 20)
    assert not part.valid


def test_a_result_that_depends_on_what_never_completed_is_not_known() -> None:
    assert judge(SERVER, rules_of(SERVER, 0.5, Objective(1)), arriving([1] * 999 + [NEVER])).result.value is None
    assert judge(SINGLE, rules_of(SINGLE, 0.5), arriving([1] * 80 + [NEVER] * 20)).result.value is None
    assert judge(OFFLINE, rules_of(OFFLINE, 0.5), arriving([1] * 80 + [NEVER])).result.value is None


@pytest.mark.parametrize(("least_s", "valid"), [(2.0, True), (2.1, False)])
def test_offline_is_one_query_that_lasts_until_all_samples_are_done(least_s: float, valid: bool) -> None:
    end = np.append(np.arange(1, 200) * MS, 2000 * MS).astype(np.int64)[::-1]
    begin = np.zeros(200, np.int64)
    part = judge(OFFLINE, rules_of(OFFLINE, least_s), Issued(begin, begin, end))
    assert (part.scenario, part.queries, part.samples_per_query) == ("Offline", 1, 200)
    assert (part.result.name, part.result.value) == ("Samples per second", 100.0)
    assert (part.early_stopping, part.performance) == (None, None)
    assert part.valid == valid


@pytest.mark.parametrize("scenario", [SINGLE, SERVER, OFFLINE, Scenario("multi-stream", 2)])
def test_a_run_without_samples_is_not_valid_and_has_no_result(scenario: Scenario) -> None:
    none = np.empty(0, np.int64)
    part = judge(scenario, rules_of(scenario, 1.0, Objective(1)), Issued(none, none, none))
    assert (part.valid, part.result.value, part.samples) == (False, None, 0)


def recorded_run(*data: Int64s, argv: tuple[str, ...], schedule_ns: list[int] | None = None) -> RunRecord:
    """`data`: of each agent, from second 1 on."""
    record = run([delivered(index, data=part) for index, part in enumerate(data)], wanted=request(*argv))
    return replace(record, schedule_ns=None if schedule_ns is None else np.asarray(schedule_ns, np.int64))


def judged(record: RunRecord) -> ScenarioPart | None:
    merged = merge_run(record)
    assert merged is not None
    return judge_run(record, merged.offered)


def test_a_run_without_a_scenario_is_not_judged() -> None:
    assert judged(recorded_run(steady(seconds(1), MS, 1000), argv=())) is None


def test_a_run_of_one_stream_is_judged_by_its_samples() -> None:
    part = judged(recorded_run(steady(seconds(1), 10 * MS, 1000), argv=("--scenario", "single-stream", "-t", "10")))
    assert part is not None
    assert (part.valid, part.queries, part.result.value) == (True, 1000, 10 * MS)
    assert (part.min_duration_s.reached, part.min_duration_s.least) == (10.0, 10.0)


def test_samples_of_queries_are_put_together_by_when_they_were_due() -> None:
    """Two requests, whose samples lie one after the other."""
    due = seconds(1) + 10 * MS * np.arange(700)
    first = SampleArray.of(due, due + 4 * MS, due).table
    second = SampleArray.of(due + 1000, due + 10 * MS, due).table
    member = replace(delivered(0, data=first), samples=(samples(first, 0), samples(second, 1)))
    record = run([member], wanted=request("--scenario", "multi-stream:2", "-t", "7"))
    part = judged(record)
    assert part is not None
    assert (part.valid, part.queries, part.samples, part.result.value) == (True, 700, 1400, 10 * MS)


def test_offline_the_samples_of_all_agents_are_one_query_from_the_first_start_to_the_last_end() -> None:
    one, other = steady(seconds(1), 10 * MS, 1000), steady(seconds(1) + 5 * MS, 20 * MS, 501)
    part = judged(recorded_run(one, other, argv=("--scenario", "offline", "-t", "10")))
    assert part is not None
    assert (part.valid, part.samples) == (True, 1501)
    assert part.result.value == pytest.approx(1501 / 10.025)


def test_a_server_is_judged_by_all_that_was_due_in_its_window() -> None:
    """One arrival of the lead-in, 1000 in the window, of which the last two did not complete, due at one instant."""
    offsets = [-5 * MS, *(10 * MS * k for k in range(999)), 9980 * MS]
    due = seconds(1) + np.asarray(offsets[:-2])
    data = SampleArray.of(due, due + 8 * MS, due).table
    argv = ("--scenario", "server", "--rate", "100", "--slo-ms", "15", "-t", "10")
    part = judged(recorded_run(data, argv=argv, schedule_ns=offsets))
    assert part is not None
    assert part.performance is not None
    assert (part.queries, part.samples, part.performance.overlatency_queries) == (1000, 998, 2)
    assert part.result.value is None  # LoadGen's is a rate up to the end of the last one


def test_an_agent_that_claims_an_arrival_twice_or_one_that_never_was_is_judged_all_the_same() -> None:
    offsets = [10 * MS * k for k in range(1000)]
    due = seconds(1) + np.asarray([offsets[0], *offsets[:-1], 20_000 * MS])
    data = SampleArray.of(due, due + 8 * MS, due).table
    argv = ("--scenario", "server", "--rate", "100", "--slo-ms", "15", "-t", "10")
    part = judged(recorded_run(data, argv=argv, schedule_ns=offsets))
    assert part is not None
    assert part.performance is not None
    assert part.performance.overlatency_queries == 1  # the last one of the schedule, which nobody delivered


def test_what_was_folded_is_not_judged() -> None:
    head, folded, tail = in_part_folded(steady(seconds(1), 10 * MS, 2000))
    member = replace(delivered(0, data=np.concatenate([head, tail])), folded=(folded,))
    assert judged(run([member], wanted=request("--scenario", "offline"))) is None
