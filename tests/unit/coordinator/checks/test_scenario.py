"""Which of LoadGen's conditions a run with --scenario failed, and what its message says to do."""

from dataclasses import replace

import numpy as np
import pytest

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.merge import merge_run
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.scenario import find_in_scenario
from tests.builders import delivered, evidence, in_part_folded, ms, request, seconds, steady


def single_stream(queries: int, *argv: str, interrupted: bool = False) -> Evidence:
    """Of 10 ms each, from second 1 on."""
    member = delivered(0, data=steady(seconds(1), ms(10), queries))
    return evidence([member], request("--scenario", "single-stream", "-t", "10", *argv), interrupted=interrupted)


def server(queries: int, slow: int) -> Evidence:
    """One each 10 ms, the last ones of them over the target of 15 ms."""
    due = ms(10) * np.arange(queries)
    start = seconds(1) + due
    latency = np.where(np.arange(queries) < queries - slow, ms(5), ms(20))
    member = delivered(0, data=SampleArray.of(start, start + latency, start).table)
    found = evidence([member], request("--scenario", "server", "--rate", "100", "--slo-ms", "15", "-t", "10"))
    run = replace(found.run, schedule_ns=due)
    return replace(found, run=run, merged=merge_run(run))


def said(of: Evidence) -> list[tuple[str, str]]:
    found = list(find_in_scenario(of))
    assert {one.severity for one in found} <= {"error"}
    return [(one.message.removeprefix("By LoadGen's rules "), one.advice) for one in found]


def test_a_run_that_loadgen_takes_has_no_finding() -> None:
    assert said(single_stream(1000)) == []
    assert said(server(1000, slow=0)) == []


def test_without_a_scenario_loadgens_rules_do_not_count() -> None:
    assert said(evidence([delivered(0, data=steady(seconds(1), ms(10), 5))])) == []


def test_too_few_queries_are_said_with_those_that_an_estimate_takes() -> None:
    assert said(single_stream(50)) == [
        ("there were too few queries: 50 of 100.", "Measure for longer, -t."),
        ("an estimate of the percentile takes 64 queries, and there were 50.", "Measure for longer, -t."),
    ]


def test_an_interrupted_run_was_too_short() -> None:
    assert said(single_stream(301, interrupted=True)) == [("it was too short: 3 s of 10 s.", "Let it run to its end.")]


def test_a_server_over_its_target_is_to_have_a_lower_rate() -> None:
    slow, few = said(server(1000, slow=20))
    assert slow == ("p99 is not within 15.0 ms: 20 of 1,000 queries took longer, or never completed.", "Lower --rate.")
    assert few[0].startswith("with 20 over its latency 99 % confidence takes ")
    assert few[1] == "Lower --rate. Measure for longer, -t."


def test_a_fast_server_with_few_queries_only_has_to_run_for_longer() -> None:
    assert said(server(200, slow=0)) == [
        ("with 0 over its latency 99 % confidence takes 459 queries, and there were 200.", "Measure for longer, -t.")
    ]


def test_folded_samples_cannot_be_judged() -> None:
    whole = single_stream(1000)
    head, folded, tail = in_part_folded(steady(seconds(1), ms(10), 2000))
    member = replace(delivered(0, data=np.concatenate([head, tail])), folded=(folded,))
    found = replace(whole, run=replace(whole.run, agents=(member,)))
    ((message, advice),) = said(found)
    assert message.startswith("LoadGen's rules take the latency of every sample")
    assert advice.startswith("Raise --sample-memory")


@pytest.mark.parametrize("scenario", ["single-stream", "offline"])
def test_where_nothing_was_measured_that_is_said_elsewhere(scenario: str) -> None:
    assert said(evidence([], request("--scenario", scenario))) == []
