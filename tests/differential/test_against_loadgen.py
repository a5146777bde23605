"""The same samples, two judges: what MLPerf's LoadGen reports of a run and what ovbench makes of its trace."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest

from ovbench.coordinator.analysis.scenario import Issued, judge
from ovbench.coordinator.request.scenario import Rules, Scenario
from ovbench.coordinator.result.scenario import ScenarioPart
from tests.differential import loadgen
from tests.differential.loadgen import Outcome

MS: Final = 1_000_000


class Slow:
    """A service that leaves every so many'th sample for later."""

    def __init__(self, every: int) -> None:
        self._every, self._seen = every, 0

    def __call__(self, samples: Sequence[Any]) -> Iterable[Any]:
        done = []
        for sample in samples:
            self._seen += 1
            if self._seen % self._every:
                done.append(sample)
        return done


def judged(scenario: Scenario, rules: Rules, outcome: Outcome) -> ScenarioPart:
    return judge(scenario, rules, Issued(outcome.due, outcome.start, outcome.end))


def assert_same_verdict(part: ScenarioPart, outcome: Outcome) -> None:
    assert part.scenario == outcome.said("effective_scenario")
    assert part.valid == (outcome.said("result_validity") == "VALID")
    assert part.min_duration_s.satisfied == outcome.said("result_min_duration_met")
    assert part.min_queries.satisfied == outcome.said("result_min_queries_met")
    assert (part.early_stopping is None or part.early_stopping.satisfied) == outcome.said("early_stopping_met")
    assert part.queries == outcome.said("result_query_count")


def figure(outcome: Outcome, name: str) -> float:
    """From the summary, by the name of its line."""
    found = re.search(rf"^{re.escape(name)} *: *(\S+)$", outcome.summary, re.MULTILINE)
    assert found is not None, outcome.summary
    return float(found[1])


@pytest.mark.parametrize("queries", [50, 64, 99, 700, 3000])
def test_single_stream_has_the_same_result_estimates_and_verdict(queries: int) -> None:
    outcome = loadgen.run("SingleStream", min_query_count=queries, min_duration_ms=0)
    part = judged(Scenario("single-stream"), Rules(0.9, 0.0, queries), outcome)
    assert_same_verdict(part, outcome)
    assert part.result.value == figure(outcome, part.result.name)
    assert part.early_stopping is not None
    estimates = part.early_stopping.estimates_ns
    assert (estimates["90.0"] or 0) == outcome.said("early_stopping_latency_ss")
    assert (estimates["99.0"] or 0) == outcome.said("early_stopping_latency_ms")


@pytest.mark.parametrize("queries", [661, 662, 2000])
def test_multi_stream_has_the_same_result_estimate_and_verdict(queries: int) -> None:
    outcome = loadgen.run("MultiStream", multi_stream_samples_per_query=3, min_query_count=queries, min_duration_ms=0)
    part = judged(Scenario("multi-stream", 3), Rules(0.99, 0.0, queries), outcome)
    assert_same_verdict(part, outcome)
    assert part.result.value == figure(outcome, part.result.name)
    assert part.early_stopping is not None
    assert (part.early_stopping.estimates_ns["99.0"] or 0) == outcome.said("early_stopping_latency_ms")


@pytest.mark.parametrize(
    ("every", "min_queries", "seconds"), [(10**9, 2000, 0.1), (400, 2000, 0.1), (50, 2000, 0.1), (10**9, 300, 0.0)]
)
def test_a_server_has_the_same_rate_verdict_and_number_over_its_target(
    every: int, min_queries: int, seconds: float
) -> None:
    target = 50 * MS
    outcome = loadgen.run(
        "Server",
        Slow(every),
        server_target_qps=10_000,
        server_target_latency_ns=target,
        server_target_latency_percentile=0.99,
        min_query_count=min_queries,
        min_duration_ms=int(seconds * 1000),
    )
    part = judged(Scenario("server"), Rules(0.99, seconds, min_queries, target), outcome)
    assert_same_verdict(part, outcome)
    assert part.performance is not None
    assert part.performance.satisfied == outcome.said("result_perf_constraints_met")
    assert part.performance.overlatency_queries == outcome.said("result_overlatency_query_count")
    assert part.result.value == pytest.approx(figure(outcome, part.result.name), abs=0.01)
    if not outcome.said("early_stopping_met"):
        processed, more = outcome.early_stopping
        assert part.early_stopping is not None
        assert part.early_stopping.needed == processed + more


@pytest.mark.parametrize("least_s", [0.0, 600.0])
def test_offline_has_the_same_result_and_verdict(least_s: float) -> None:
    outcome = loadgen.run(
        "Offline", Slow(7), offline_expected_qps=3000 / 660, min_duration_ms=600_000 if least_s else 0
    )
    samples = outcome.said("effective_samples_per_query")
    part = judged(Scenario("offline"), Rules(0.99, least_s, samples), outcome)
    assert_same_verdict(part, outcome)
    assert part.samples == samples
    assert part.result.value == pytest.approx(figure(outcome, part.result.name), rel=1e-5)  # printed with 6 digits
