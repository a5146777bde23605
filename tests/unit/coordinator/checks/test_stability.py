"""Too few samples, changing throughput, stalls and unequal agents: found where they are, and not in quiet runs."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.stability import find_in_agents_speed, find_in_course, find_in_sample_size
from ovbench.coordinator.result.findings import Code
from ovbench.coordinator.result.report import Finding
from tests.builders import (
    at_rate,
    delivered,
    evidence,
    finished,
    folded,
    ms,
    pairs,
    piece_of,
    recording,
    request,
    samples,
    seconds,
    steady,
    timed,
    with_host,
)
from tests.machines import machine

Int64s = npt.NDArray[np.int64]
STOP = seconds(11)


def found(of: Evidence) -> list[Finding]:
    assert of.merged is not None
    checks = (find_in_sample_size, find_in_course, find_in_agents_speed)
    return [finding for check in checks for finding in check(of, of.merged)]


def codes(of: Evidence) -> list[str]:
    return [finding.code for finding in found(of)]


def counting(count: int, *argv: str) -> Evidence:
    """One agent with so many inferences in ten seconds."""
    return evidence([delivered(0, data=steady(seconds(1), seconds(10) // count, count))], request(*argv))


def going(*rates: float) -> Evidence:
    """One agent, at these rates for equal parts of ten seconds."""
    length = seconds(10) // len(rates)
    parts = [
        steady(seconds(1) + n * length, round(1e9 / rate), round(rate * 10 / len(rates)))
        for n, rate in enumerate(rates)
    ]
    return evidence([delivered(0, data=np.concatenate(parts))])


def drifting(share: float) -> Evidence:
    """One agent, slower by so much at the end than at the start, evenly."""
    return going(*np.linspace(1000, 1000 * (1 - share), 100).tolist())


def stalling(stall_ms: float, latency_ms: float = 5.0) -> Evidence:
    """One agent of which an inference takes longer, after two seconds."""
    latencies = np.full(round(10_000 / latency_ms), ms(latency_ms))
    latencies[len(latencies) // 5] = ms(stall_ms)
    return evidence([delivered(0, data=pairs(seconds(1) + np.cumsum(latencies), latencies))])


def beside(*rates: float) -> Evidence:
    """An agent for each rate."""
    data = [steady(seconds(1), round(1e9 / rate), round(10 * rate)) for rate in rates]
    return evidence([delivered(id, data=one) for id, one in enumerate(data)])


# Samples


def test_too_few_samples_are_reported_with_what_it_takes() -> None:
    (finding,) = found(counting(100))
    assert finding.code == Code.FEW_SAMPLES
    assert "p99 is from 100 inferences; 99 % confidence takes 459" in finding.message
    assert "45.9 s" in finding.message


def test_one_sample_is_one_inference() -> None:
    (finding,) = found(counting(1))
    assert "p99 is from 1 inference; 99 %" in finding.message


@pytest.mark.parametrize(
    ("argv", "count", "enough"),
    [
        (("-latency_percentile", "90"), 44, True),
        (("-latency_percentile", "90"), 43, False),
        (("-latency_percentile", "100"), 458, False),
        (("--percentile-confidence", "90"), 230, True),
        (("--percentile-confidence", "90"), 229, False),
        (("--percentile-confidence", "0"), 1, True),
    ],
)
def test_samples_are_enough_for_what_is_claimed(argv: tuple[str, ...], count: int, enough: bool) -> None:
    assert (Code.FEW_SAMPLES not in codes(counting(count, *argv))) == enough


# Course


def test_windows_that_differ_are_reported_with_their_rates() -> None:
    (finding,) = [f for f in found(going(100, 100, 100, 100, 80)) if f.code == Code.NOT_STEADY]
    assert "last 3 of 5 windows of 2 s differ by 25 %: 100.0, 100.0, 80.00 FPS" in finding.message


def test_a_trend_is_reported_with_its_size_and_direction() -> None:
    (finding,) = found(drifting(0.08))
    assert finding.code == Code.TREND
    assert "fell steadily, by 8." in finding.message
    (finding,) = found(drifting(-0.08))
    assert "rose steadily" in finding.message


def test_a_stall_is_found_wherever_it_is() -> None:
    """Before the last windows, which know nothing of it."""
    (finding,) = found(stalling(1000))
    assert finding.code == Code.STALLED
    assert "1,000 ms" in finding.message


@pytest.mark.parametrize(("stall_ms", "stalled"), [(530, True), (490, False)])
def test_an_inference_that_takes_long_anyway_may_take_ten_times_as_long(stall_ms: float, stalled: bool) -> None:
    assert (Code.STALLED in codes(stalling(stall_ms, latency_ms=50))) == stalled


def test_a_stall_of_one_request_is_none_of_its_agent() -> None:
    slow = stalling(1000).run.agents[0]
    both = (*slow.samples, samples(steady(seconds(1), ms(5), 2000), request=1))
    assert Code.STALLED not in codes(evidence([replace(delivered(0), samples=both)]))


def test_a_stall_among_folded_samples_is_found_where_an_agent_has_one_request() -> None:
    latencies = np.full(2000, ms(5))
    latencies[800] = ms(1000)
    data = pairs(seconds(1) + np.cumsum(latencies), latencies)
    load = recording(0, seconds(1), STOP, data[:500], data[1500:], rest=(folded(data[500:1500], seconds(1)),))
    assert Code.STALLED in codes(evidence([delivered(0)], merged=merge([load])))


def test_an_agent_that_never_comes_back_is_stalled_till_the_end() -> None:
    """Its last inference ends after the other has stopped, so it does not count."""
    gone = pairs([*(seconds(1) + ms(10) * np.arange(1, 800)), seconds(12)], [ms(10)] * 799 + [seconds(3.01)])
    load = finished(seconds(1), seconds(12), completed=800, cpus=(1,))
    (finding,) = [
        f for f in found(evidence([delivered(0), delivered(1, data=gone, load=load)])) if f.code == Code.STALLED
    ]
    assert "2,010 ms (agent 1)" in finding.message


def test_an_agent_that_ended_nothing_in_the_window_is_stalled() -> None:
    idle = delivered(1, data=steady(seconds(11), ms(100), 1), load=finished(stop_ns=seconds(11.1), cpus=(1,)))
    assert Code.STALLED in codes(evidence([delivered(0), idle]))


def test_an_agent_whose_inferences_take_longer_than_the_window_is_not_stalled() -> None:
    slow = delivered(1, data=steady(seconds(1), ms(12_000), 1))
    assert Code.STALLED not in codes(evidence([delivered(0), slow]))


def test_a_paced_agent_that_waits_between_its_inferences_is_not_stalled() -> None:
    """One inference of 110 ms each second; then each has 1 s without an end, as asked."""
    ends = seconds(1) + np.arange(1, 11) * seconds(1) - ms(10)
    assert Code.STALLED not in codes(evidence([delivered(0, data=pairs(ends, np.full(10, ms(110))))]))


@pytest.mark.parametrize(("period_s", "stall_ms", "stalled"), [(1.0, 0, False), (0.5, 200, True)])
def test_an_agent_at_a_rate_is_stalled_only_where_something_is_due(
    period_s: float, stall_ms: float, stalled: bool
) -> None:
    """Inferences of 1 ms, further apart than is looked for; the last may have taken longer."""
    dues = seconds(1) + np.arange(round(10 / period_s)) * seconds(period_s)
    ends = dues + ms(1)
    ends[-1] += ms(stall_ms)
    paced = at_rate(delivered(0, data=timed(dues, dues, ends)), period_s)
    assert (Code.STALLED in codes(evidence([paced]))) == stalled


# Agents


def test_an_agent_that_is_slower_is_named() -> None:
    (finding,) = found(beside(100, 100, 60, 100))
    assert finding.code == Code.UNFAIR
    assert "Agent 2 is 40 % slower" in finding.message


def test_the_slower_of_two_is_found() -> None:
    assert codes(beside(100, 85)) == [Code.UNFAIR]


def test_agents_of_few_inferences_differ_by_one_of_them() -> None:
    """Three and four inferences are the same rate where one more was nearly done."""
    assert Code.UNFAIR not in codes(beside(0.4, 0.3))


def test_an_agent_of_more_cpus_is_not_compared_with_those_of_one() -> None:
    members = [delivered(0), delivered(1), delivered(2, cpus=(2, 3), data=steady(seconds(1), ms(7), 1428))]
    assert codes(evidence(members)) == []


def test_cores_of_another_kind_are_named_as_the_cause() -> None:
    of = beside(100, 100, 100, 60)
    (finding,) = found(replace(of, run=with_host(of.run, topology=machine(cores=4, efficient=1))))
    assert "another kind" in finding.advice


def test_a_shared_core_is_named_as_the_cause() -> None:
    """Of three cores with two threads each, 0 and 3 are on one."""
    of = beside(70, 100, 100, 70)
    (finding,) = found(replace(of, run=with_host(of.run, topology=machine(cores=3, threads=2))))
    assert "Agents 0,3" in finding.message
    assert "--smt skip" in finding.advice


# Quiet runs


def quiet(
    random: np.random.Generator, agents: int, requests: int, mean_ms: float, slow: float, fast: float
) -> Evidence:
    """Closed loops of ten seconds: a disturbance of all that changes in about a second, and one of each inference."""
    steps = 40
    common = np.zeros(steps)
    for at in range(1, steps):
        common[at] = 0.8 * common[at - 1] + 0.6 * random.normal(0, slow)
    count = round(12_000 / mean_ms)
    drift = np.interp(np.arange(count) / count, np.arange(steps) / steps, common)
    loads = []
    for agent in range(agents):
        own = random.normal(0, slow)
        pieces = []
        for number in range(requests):
            times = ms(mean_ms) * np.exp(drift + own + random.normal(0, fast, count))
            ends = (seconds(1) + np.cumsum(times)).astype(np.int64)
            pieces.append(piece_of(number, 0, pairs(ends, times.astype(np.int64))))
        loads.append(recording(agent, seconds(1), STOP, *pieces))
    return evidence([delivered(agent) for agent in range(agents)], merged=merge(loads))


@pytest.mark.parametrize(
    ("agents", "requests", "mean_ms", "slow", "fast"),
    [
        (1, 1, 3.0, 0.01, 0.03),
        (1, 4, 6.0, 0.01, 0.10),
        (8, 1, 10.0, 0.01, 0.03),
        (2, 1, 5.0, 0.02, 0.05),
        (1, 1, 130.0, 0.01, 0.03),
        (4, 2, 400.0, 0.01, 0.03),
    ],
    ids=["one agent", "async", "eight agents", "noisy", "long", "long async"],
)
def test_quiet_runs_have_no_findings_but_of_their_length(
    agents: int, requests: int, mean_ms: float, slow: float, fast: float
) -> None:
    """At most one in fifty runs with noise of 1 to 3 % has any."""
    random = np.random.default_rng(7)
    runs = [codes(quiet(random, agents, requests, mean_ms, slow, fast)) for _ in range(50)]
    false = [run for run in runs if set(run) - {Code.FEW_SAMPLES}]
    assert len(false) <= 1, false


def test_a_paced_run_is_as_steady_as_its_pace() -> None:
    """One inference of 2 ms each 50 ms, whatever it takes."""
    random = np.random.default_rng(8)
    ends = seconds(1) + np.arange(200) * ms(50) + random.integers(ms(1), ms(3), 200)
    assert codes(evidence([delivered(0, data=pairs(ends, np.full(200, ms(2))))])) == [Code.FEW_SAMPLES]


def test_a_counted_run_is_not_unsteady_for_the_requests_that_end_first() -> None:
    """Of four requests with 25 inferences each, three wait a little for the slowest."""
    pieces = [piece_of(n, 0, steady(seconds(1), ms(100 - n), 25)) for n in range(4)]
    merged = merge([recording(0, seconds(1), seconds(3.5), *pieces)])
    load = finished(seconds(1), seconds(3.5), completed=100)
    assert codes(evidence([delivered(0, load=load)], request("-niter", "100"), merged=merged)) == [Code.FEW_SAMPLES]
