"""Findings of loads at a rate: more than can be served, late starts, what was dropped or never completed."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from msgspec import structs

from ovbench.common.clock import NS_PER_S
from ovbench.common.job import Job, Schedule, ScheduleAddress
from ovbench.common.messages import Dropped
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.merge import merge_run
from ovbench.coordinator.analysis.punctuality import shift_of
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.verdict import find
from ovbench.coordinator.result.findings import Code, verdict_of
from ovbench.coordinator.result.numbers import milliseconds
from ovbench.coordinator.result.report import Finding
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import (
    at_rate,
    delivered,
    effective,
    evidence,
    finished,
    folded,
    job,
    ms,
    ready,
    request,
    samples,
    seconds,
    timed,
)
from tests.contending import Machine, contend
from tests.queueing import LENGTH_NS, Served, Setting, record_of, serve

Int64s = npt.NDArray[np.int64]

RATE: Final = 200
START: Final = seconds(1)
"""Of the window, which lasts for ten seconds."""


def scheduled(count: int) -> Job:
    """Of so many arrivals, for one agent."""
    order, address = job((0,)), ScheduleAddress(pid=1, descriptor=3, count=count, nonce="0f" * 16)
    return structs.replace(order, load=structs.replace(order.load, schedule=Schedule(address, 0, count, shared=True)))


def arriving(
    service_ms: float, *, late_ms: float = 0.0, dropped: int = 0, unfinished: int = 0, argv: tuple[str, ...] = ()
) -> Evidence:
    """Of one agent with one request, that every 5 ms gets an inference of `service_ms`, and starts each so much late.
    The first of all are dropped, and the last never complete."""
    dues = np.arange(10 * RATE, dtype=np.int64) * (seconds(1) // RATE)
    served = dues[dropped : len(dues) - unfinished]
    each = ms(service_ms) + ms(late_ms)
    ends = np.arange(1, len(served) + 1) * each + np.maximum.accumulate(served - np.arange(len(served)) * each)
    table = SampleArray.of(ends - ms(service_ms), ends, served).table + START
    agent = delivered(0, data=table, order=scheduled(len(dues)), load=finished(completed=len(table)))
    if dropped:
        agent = replace(agent, dropped=(Dropped(dues[:dropped].tobytes()),))
    wanted = request("--agents", "1", "--rate", str(RATE), "--arrivals", "constant", "--timeout-ms", "50", *argv)
    base = evidence([agent], wanted)
    run = replace(base.run, schedule_ns=dues)
    return replace(base, run=run, merged=merge_run(run))


def contending(slower: float, *argv: str) -> Evidence:
    """Of two agents that slow each other down, with 800 Poisson arrivals in a second that take 1 ms each alone."""
    dues = np.cumsum(np.random.default_rng(8).exponential(1.25, 800))
    served = contend(Machine(2, slower), dues.tolist(), [1.0] * len(dues))
    scale = LENGTH_NS / dues[-1] * 0.999
    setting = Setting(agents=2)
    outcomes = [
        Served(int(due * scale), "done", one.server, 0, int(one.start * scale), int(one.end * scale))
        for due, one in zip(dues.tolist(), served, strict=True)
    ]
    record = record_of(setting, outcomes)
    wanted = request(*setting.argv, *argv)
    return replace(evidence(record.agents, wanted), run=replace(record, request=wanted), merged=merge_run(record))


OVERLOADED: Final = (lambda: arriving(5.5), lambda: arriving(4.9))
UNFINISHED: Final = (lambda: arriving(2.0, unfinished=1), lambda: arriving(2.0))
DROPPED: Final = (lambda: arriving(2.0, dropped=1), lambda: arriving(2.0))
LATE_STARTS: Final = (lambda: arriving(2.0, late_ms=0.03), lambda: arriving(2.0, late_ms=0.015))

HIDDEN_CONTENTION: Final = (lambda: contending(0.6), lambda: contending(0.3))


def only(code: Code, of: Evidence) -> Finding:
    (finding,) = [finding for finding in find(of) if finding.code == code]
    return finding


def codes(of: Evidence) -> set[str]:
    return {finding.code for finding in find(of)}


def test_a_load_at_a_rate_that_is_served_has_no_findings() -> None:
    assert codes(arriving(4.9)) == set()


def test_a_run_at_a_rate_is_made_longer_by_its_time_alone() -> None:
    assert arriving(2.0).longer == "-t"


def test_an_overload_is_an_error_with_what_came_of_the_arrivals_and_how_fast_the_backlog_grew() -> None:
    finding = only(Code.OVERLOADED, arriving(8.0, unfinished=100))
    assert finding.severity == "error"
    assert re.search(r"200\.0 inferences a second, of which 12[45]\.\d were done", finding.message)
    assert "Of 2,000 that were due, 1,900 completed, 100 were not done within 5 s after the end." in finding.message
    assert "in the last 10 s the backlog grew by 75" in finding.message


def test_an_overload_of_which_all_was_done_in_the_end_has_no_zeros_in_its_message() -> None:
    message = only(Code.OVERLOADED, arriving(8.0)).message
    assert message.endswith("Of 2,000 that were due, 2,000 completed.")


def staged(*parts: tuple[float, float], service_ms: float = 10.0) -> Evidence:
    """Stages of equal gaps, each of so many seconds at a rate, all served one by one."""
    edges = np.cumsum([0.0, *(length for length, _ in parts)])
    gaps = [start + np.arange(round(length * rate)) / rate for start, (length, rate) in zip(edges, parts, strict=False)]
    dues = (np.concatenate(gaps) * NS_PER_S).astype(np.int64)
    each = ms(service_ms)
    ends = np.arange(1, len(dues) + 1) * each + np.maximum.accumulate(dues - np.arange(len(dues)) * each)
    load = finished(stop_ns=START + seconds(float(edges[-1])), completed=len(dues))
    agent = delivered(0, data=timed(dues, ends - each, ends) + START, order=scheduled(len(dues)), load=load)
    stages = ",".join(f"{length:g}s:{rate:g}" for length, rate in parts)
    base = evidence([agent], request("--agents", "1", "--stages", stages, "--arrivals", "constant"))
    run = replace(base.run, schedule_ns=dues)
    return replace(base, run=run, merged=merge_run(run))


def test_a_short_last_stage_far_beyond_the_capacity_is_an_error_that_names_it() -> None:
    finding = only(Code.OVERLOADED, staged((9, 30), (1, 1300)))
    assert finding.severity == "error"
    assert "More arrived in stage 2 (from 9 s to 10 s) than could be served: 1,300.0 inferences" in finding.message
    assert "the backlog grew by 1,2" in finding.message


def test_a_stage_that_was_too_much_and_was_worked_off_makes_its_own_figures_doubtful() -> None:
    finding = only(Code.OVERLOADED, staged((2, 30), (2, 200), (6, 30)))
    assert finding.severity == "warning"
    assert "in stage 2 (from 2 s to 4 s)" in finding.message
    assert "length of the stage" in finding.advice


def test_an_overload_of_the_whole_run_names_the_stages_that_it_was_in() -> None:
    finding = only(Code.OVERLOADED, staged((4, 30), (3, 150), (3, 200)))
    assert finding.severity == "error"
    assert "served, in stage 2 (from 4 s to 7 s) and stage 3 (from 7 s to 10 s): 117.0 inferences" in finding.message


def test_stages_that_are_all_served_are_no_overload() -> None:
    assert Code.OVERLOADED not in codes(staged((2, 30), (2, 95), (1, 90), (5, 50)))


def test_too_few_arrivals_to_tell_whether_they_were_too_many_make_latencies_doubtful() -> None:
    """Of one stage, five a second, of which half can be served."""
    few = staged((3, 5), service_ms=400.0)
    finding = only(Code.OVERLOADED, few)
    assert finding.severity == "warning"
    assert "More may have arrived than could be served: 5.000 inferences a second" in finding.message
    assert verdict_of([finding], strict=False) == "SUSPECT"


@pytest.mark.parametrize(("streams", "found"), [(1, True), (1000, False)])
def test_requests_that_wait_for_a_stream_are_a_backlog(streams: int, found: bool) -> None:
    """A request for every inference, of which one after the other is done."""
    base = staged((10, 22), service_ms=50.0)
    (agent,) = base.run.agents
    starts = SampleArray(agent.samples[0].array.table)
    at_once = tuple(
        samples(np.stack([row.dues, row.ends, row.dues], axis=1), request)
        for request, row in enumerate(starts[at : at + 1] for at in range(len(starts)))
    )
    prepared = ready(effective(streams=streams, requests=len(starts)), mask=(0,))
    run = replace(base.run, agents=(replace(agent, samples=at_once, ready=prepared),))
    assert (Code.OVERLOADED in codes(replace(base, run=run, merged=merge_run(run)))) == found


def paced(rate: float, count: int, *, service_ms: float, asked: bool) -> tuple[AgentRecord, Int64s]:
    """With -max_irate and, where a number was `asked` for, until it was done; else for ten seconds."""
    dues = (np.arange(count) * (NS_PER_S / rate)).astype(np.int64)
    each = ms(service_ms)
    ends = np.arange(1, count + 1) * each + np.maximum.accumulate(dues - np.arange(count) * each)
    done = count if asked else int(np.searchsorted(ends, seconds(10)))
    stop_ns = START + (int(ends[-1]) if asked else seconds(10))
    table = timed(dues, ends - each, ends)[:done] + START
    prepared = ready(effective(iterations=count if asked else None), mask=(0,))
    load = finished(stop_ns=stop_ns, completed=done)
    return at_rate(delivered(0, data=table, load=load, prepared=prepared), 1 / rate), table


@pytest.mark.parametrize(("service_ms", "found"), [(10.0, True), (4.0, False)])
def test_a_number_of_inferences_that_came_faster_than_they_were_done_is_an_overload(
    service_ms: float, found: bool
) -> None:
    """All of them are done in the end: it is judged while they come."""
    agent, _ = paced(200, 600, service_ms=service_ms, asked=True)
    wanted = request("--agents", "1", "-max_irate", "200", "-niter", "600")
    of = evidence([agent], wanted)
    assert (Code.OVERLOADED in codes(of)) == found
    if found:
        assert "200.3 inferences a second, of which 99.83 were done" in only(Code.OVERLOADED, of).message


@pytest.mark.parametrize(("service_ms", "found"), [(10.0, True), (4.0, False)])
def test_where_samples_were_folded_counts_tell_an_overload(service_ms: float, found: bool) -> None:
    agent, table = paced(200, 2000, service_ms=service_ms, asked=False)
    agent = replace(agent, samples=(), folded=(folded(table, START),))
    of = evidence([agent], request("--agents", "1", "-max_irate", "200"))
    assert (Code.OVERLOADED in codes(of)) == found


def test_what_a_lost_agent_took_is_no_overload() -> None:
    """Half of all arrivals stay in the backlog, and what stalls the agents is known."""
    whole = arriving(2.0, unfinished=1000)
    assert Code.OVERLOADED in codes(whole)
    lost = replace(whole, run=replace(whole.run, agents=(*whole.run.agents, AgentRecord(1, job(), why="was killed"))))
    assert codes(lost) == {Code.AGENT_LOST, Code.UNFINISHED}
    assert only(Code.UNFINISHED, lost).advice == ""


def test_a_load_of_which_all_completed_after_the_window_was_measured() -> None:
    setting = Setting(agents=1, drain_ns=seconds(2))
    record = record_of(setting, serve(setting, [ms(900)], [ms(500)]))
    late = Evidence(record, merge_run(record), samples_saved=False)
    assert late.merged is not None
    assert late.merged.count == 0
    assert Code.NOTHING_COUNTED not in codes(late)


def test_where_nothing_that_was_due_completed_a_longer_run_is_no_advice() -> None:
    finding = only(Code.NOTHING_COUNTED, arriving(2.0, unfinished=10 * RATE))
    assert finding.message == "None of the 2,000 inferences that were due in the measured window completed."
    assert finding.advice == "Lower the rate, or raise --drain."


def test_what_an_overload_left_unfinished_is_no_finding_of_its_own() -> None:
    assert Code.UNFINISHED not in codes(arriving(8.0, unfinished=100))


@pytest.mark.parametrize(
    ("code", "make", "share"),
    [
        (Code.DROPPED, lambda: arriving(2.0, dropped=30), "30 of 2,000 arrivals (1.5 %) waited for 50 ms"),
        (Code.UNFINISHED, lambda: arriving(2.0, unfinished=3), "3 of 2,000 arrivals (0.15 %) had not completed 5 s"),
    ],
)
def test_what_did_not_complete_is_a_warning_with_its_share(
    code: Code, make: Callable[[], Evidence], share: str
) -> None:
    finding = only(code, make())
    assert finding.severity == "warning"
    assert share in finding.message


def test_late_starts_are_found_by_what_they_make_of_the_percentile_that_is_claimed() -> None:
    finding = only(Code.LATE_STARTS, arriving(2.0, late_ms=0.5))
    assert "p99 could be 2 ms and not 2.5 ms" in finding.message
    assert (
        "p95 could be" in only(Code.LATE_STARTS, arriving(2.0, late_ms=0.5, argv=("-latency_percentile", "95"))).message
    )


def test_a_percentile_that_is_not_known_is_not_moved() -> None:
    assert Code.LATE_STARTS not in codes(arriving(2.0, late_ms=0.5, unfinished=21))


@pytest.mark.parametrize(
    ("latencies", "late", "offered", "percent", "shift"),
    [
        ([10, 20, 30, 40], [0, 0, 0, 20], 4, 100.0, 25.0),  # 40 less 20 is no longer the longest
        ([10, 20, 30, 40], [0, 10, 0, 0], 4, 50.0, 50.0),
        ([10, 20, 30, 40], [0, 0, 0, 0], 4, 99.0, 0.0),
        ([0, 0], [0, 0], 2, 99.0, 0.0),
        ([10, 20], [1, 1], 4, 99.0, None),
        ([], [], 0, 99.0, None),
    ],
)
def test_a_percentile_is_compared_with_that_of_latencies_less_their_lateness(
    latencies: list[int], late: list[int], offered: int, percent: float, shift: float | None
) -> None:
    found = shift_of(np.asarray(latencies, np.int64), np.asarray(late, np.int64), offered, percent)
    assert (None if found is None else found.percent) == shift


def test_contention_says_what_inferences_take_together_and_alone_and_what_waits_would_be() -> None:
    of = contending(0.6)
    message, found = only(Code.HIDDEN_CONTENTION, of).message, of.contention
    assert found is not None
    assert found.slowdown is not None
    slower = found.slowdown
    for words in (
        f"{milliseconds(found.service_ns / 1e6)} on average",
        f"{milliseconds(slower.alone_ns / 1e6)} alone ({slower.percent:.0f} % longer",
        f"waited for {milliseconds(found.measured_wait_ns / 1e6)}",
        f"{milliseconds(found.shuffled_ns / 1e6)} with these services in any order",
        f"{milliseconds(slower.wait_ns / 1e6)} with services as short as alone",
    ):
        assert words in message
    assert slower.wait_ns < found.shuffled_ns < found.measured_wait_ns


def test_how_much_contention_is_too_much_is_the_users() -> None:
    assert Code.HIDDEN_CONTENTION not in codes(contending(0.6, "--max-contention", "60"))
    assert Code.HIDDEN_CONTENTION in codes(contending(0.3, "--max-contention", "10"))
