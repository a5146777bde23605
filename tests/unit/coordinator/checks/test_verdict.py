"""Every finding of the closed list: what makes it appear, what keeps it away, and the verdict they add up to."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Literal

import pytest
from msgspec import structs

from ovbench.common.messages import Failed
from ovbench.common.sensors import Governor
from ovbench.coordinator.checks.evidence import Evidence
from ovbench.coordinator.checks.run import find_in_agents
from ovbench.coordinator.checks.verdict import find, judge
from ovbench.coordinator.result.findings import EFFECTS, Code, because_of, verdict_of
from ovbench.coordinator.result.report import Finding, Validity
from ovbench.coordinator.session.record import AgentRecord
from ovbench.coordinator.session.watch import LookTaken
from ovbench.coordinator.stats.estimate import Estimate
from tests.builders import delivered, effective, evidence, finished, job, made, ms, ready, request, seconds, steady
from tests.unit.coordinator.analysis.test_consistency import making
from tests.unit.coordinator.checks import test_scenario as scenario
from tests.unit.coordinator.checks import test_stability as stability
from tests.unit.coordinator.checks.test_arrivals import DROPPED, HIDDEN_CONTENTION, LATE_STARTS, OVERLOADED, UNFINISHED
from tests.unit.coordinator.checks.test_hosts import CLOCK_ERROR, HOST_LOST, HOST_UNSEEN, UNLIKE_HOSTS
from tests.unit.coordinator.checks.test_machine import around, clock, use
from tests.unit.coordinator.checks.test_placement import (
    COLLISION,
    MASK_CHANGED,
    REMOTE_MEMORY,
    SMT_SHARING,
    SPANS_NODES,
)

SEVERITIES: Final[tuple[Literal["info", "warning", "error"], ...]] = ("info", "warning", "error")


def lost(id: int = 1) -> AgentRecord:
    return AgentRecord(id, job((id,)), pid=1001, why="was killed by SIGKILL")


def failed(id: int = 1) -> AgentRecord:
    failure = Failed(kind="runtime", message="out of memory")
    return AgentRecord(id, job((id,)), why=failure.message, failure=failure)


def strayed(seen: tuple[int, ...] = (0,), mask: tuple[int, ...] = (0,)) -> AgentRecord:
    member = delivered(0)
    load = finished(completed=1000)
    return replace(member, finished=structs.replace(load, seen=seen, mask=mask))


def running(streams: int, requests: int) -> AgentRecord:
    """With a thread and a CPU for each stream."""
    made = effective(streams=streams, requests=requests, threads=streams)
    return delivered(0, cpus=tuple(range(streams)), prepared=ready(made))


def apart(start_ns: int = 0, stop_ns: int = 0) -> list[AgentRecord]:
    """Two agents, the second of which starts or stops so much earlier than the first."""
    early = finished(seconds(1) - start_ns, seconds(11) - stop_ns, completed=1000, cpus=(1,))
    return [delivered(0), delivered(1, load=early)]


def counted(iterations: int, agents: list[AgentRecord]) -> Evidence:
    return evidence(agents, request("-niter", str(iterations), "--agents", str(len(agents))))


def with_edges(exact: bool) -> Evidence:
    sound = evidence()
    assert sound.merged is not None
    return replace(sound, merged=replace(sound.merged, edges_exact=exact))


def saving(saved: bool) -> Evidence:
    return evidence(wanted=request("--agents", "2", "--save-samples"), samples_saved=saved)


def at_most(rate: float, members: Sequence[AgentRecord] | None = None) -> Evidence:
    """By default of two agents that together did 200 frames per second for ten seconds."""
    members = [delivered(0), delivered(1)] if members is None else members
    return evidence(members, request("--agents", str(len(members)), "-max_irate", str(rate)))


def compiled_only() -> Evidence:
    order = job((0,), duration_s=None, iterations=0)
    member = AgentRecord(0, order, ready=ready())
    return evidence([member], request("-niter", "0", "--agents", "1"))


def lasting(length_s: float, *argv: str) -> Evidence:
    wanted = request("--agents", "1", *argv)
    return evidence([delivered(0, load=finished(seconds(1), seconds(1 + length_s), completed=1000))], wanted)


def waiting(reached: bool) -> Evidence:
    found = evidence(wanted=request("--agents", "2", "--until", "fps +-1%", "-t", "10"))
    look = LookTaken(seconds(2), 0.99, Estimate(200.0, 197.0, 202.0, 400), reached)
    return replace(found, run=replace(found.run, looks=(look,)))


CASES: dict[Code, tuple[Callable[[], Evidence], Callable[[], Evidence]]] = {
    Code.INTERRUPTED: (lambda: evidence(interrupted=True), evidence),
    Code.AGENT_LOST: (lambda: evidence([delivered(0), lost()]), evidence),
    Code.HOST_LOST: HOST_LOST,
    Code.CLOCK_ERROR: CLOCK_ERROR,
    Code.HOST_UNSEEN: HOST_UNSEEN,
    Code.UNLIKE_HOSTS: UNLIKE_HOSTS,
    Code.INFERENCE_FAILED: (lambda: evidence([delivered(0), failed()]), lambda: evidence([delivered(0), lost()])),
    Code.NOTHING_COUNTED: (lambda: evidence([lost(0)]), compiled_only),
    Code.OVERSUBSCRIBED: (lambda: evidence([delivered(0), delivered(1, cpus=(0,))]), evidence),
    Code.WRONG_CPUS: (lambda: evidence([strayed(seen=(0, 5))]), lambda: evidence([strayed(seen=())])),
    Code.CPU_COLLISION: COLLISION,
    Code.MASK_CHANGED: MASK_CHANGED,
    Code.REMOTE_MEMORY: REMOTE_MEMORY,
    Code.SMT_SHARING: SMT_SHARING,
    Code.SPANS_NODES: SPANS_NODES,
    Code.SETTINGS_CHANGED: (
        lambda: evidence([running(2, 2)], request("-nstreams", "3", "--agents", "1")),
        lambda: evidence([running(3, 3)], request("-nstreams", "3", "--agents", "1")),
    ),
    Code.REQUESTS_BELOW_STREAMS: (lambda: evidence([running(4, 3)]), lambda: evidence([running(4, 4)])),
    Code.START_SKEW: (
        lambda: evidence(apart(start_ns=ms(10) + 1)),
        lambda: evidence(apart(start_ns=ms(10))),
    ),
    Code.STOP_SKEW: (lambda: evidence(apart(stop_ns=seconds(2))), lambda: evidence(apart(stop_ns=seconds(0.5)))),
    Code.OUTSIDE_WINDOW: (
        lambda: counted(2000, apart(stop_ns=seconds(0.5))),
        lambda: counted(2000, [delivered(0), delivered(1)]),
    ),
    Code.WINDOW_EDGES: (lambda: with_edges(exact=False), lambda: with_edges(exact=True)),
    Code.SAMPLES_NOT_SAVED: (lambda: saving(False), lambda: saving(True)),
    Code.OVERLOADED: OVERLOADED,
    Code.UNFINISHED: UNFINISHED,
    Code.DROPPED: DROPPED,
    Code.LATE_STARTS: LATE_STARTS,
    Code.HIDDEN_CONTENTION: HIDDEN_CONTENTION,
    Code.RATE_NOT_REACHED: (lambda: at_most(205.0), lambda: at_most(200.0)),
    Code.UNTIL_NOT_REACHED: (lambda: waiting(reached=False), lambda: waiting(reached=True)),
    Code.SCENARIO_NOT_VALID: (lambda: scenario.single_stream(99), lambda: scenario.single_stream(100)),
    Code.TOO_SHORT: (lambda: lasting(1.9), lambda: lasting(2.1)),
    Code.OUTPUTS_DIFFER: (
        lambda: evidence([making(0, made(1.0)), making(1, made(0.99))]),
        lambda: evidence([making(0, made(1.0)), making(1, made(0.9999), threads=2)]),
    ),
    Code.OTHER_LOAD: (lambda: around(use(others=5.5)), lambda: around(use(others=5.0))),
    Code.STEAL: (lambda: around(use(steal=1.1)), lambda: around(use(steal=1.0))),
    Code.HARNESS_LOAD: (lambda: around(use(harness=1.1)), lambda: around(use(harness=1.0))),
    Code.FREQUENCY_DROP: (
        lambda: around(use(), frequency=clock(3000.0, 2840.0)),
        lambda: around(use(), frequency=clock(3000.0, 2860.0)),
    ),
    Code.GOVERNOR: (
        lambda: around(governors=[Governor("schedutil", "")]),
        lambda: around(governors=[Governor("performance", "")]),
    ),
    Code.THERMAL_THROTTLE: (lambda: around(throttles={"core 0": 1}), around),
    Code.CPU_QUOTA: (lambda: around(quota={0: (1, 0.05)}), around),
    Code.FEW_SAMPLES: (lambda: stability.counting(458), lambda: stability.counting(459)),
    Code.NOT_STEADY: (lambda: stability.going(100, 100, 100, 100, 88), lambda: stability.going(80, 80, 100, 100, 92)),
    Code.TREND: (lambda: stability.drifting(0.06), lambda: stability.drifting(0.04)),
    Code.STALLED: (lambda: stability.stalling(150), lambda: stability.stalling(95)),
    Code.UNFAIR: (lambda: stability.beside(100, 100, 88), lambda: stability.beside(100, 100, 92)),
}
"""By finding: evidence that makes it appear, and evidence close to it that does not."""


def codes(of: Evidence) -> set[str]:
    return {finding.code for finding in find(of)}


def test_every_finding_of_the_closed_list_has_its_case() -> None:
    assert set(CASES) == set(Code)


@pytest.mark.parametrize("code", CASES)
def test_a_finding_appears_where_its_cause_is(code: Code) -> None:
    assert code in codes(CASES[code][0]())


@pytest.mark.parametrize("code", CASES)
def test_a_finding_stays_away_where_its_cause_is_not(code: Code) -> None:
    assert code not in codes(CASES[code][1]())


def test_a_run_as_it_was_asked_for_has_no_findings_and_is_valid() -> None:
    verdict = judge(evidence())
    assert (verdict.status, verdict.findings) == ("VALID", ())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.INTERRUPTED, "PARTIAL"),
        (Code.AGENT_LOST, "PARTIAL"),
        (Code.HOST_LOST, "PARTIAL"),
        (Code.CLOCK_ERROR, "VALID"),
        (Code.HOST_UNSEEN, "SUSPECT"),
        (Code.UNLIKE_HOSTS, "VALID"),
        (Code.INFERENCE_FAILED, "PARTIAL"),
        (Code.WRONG_CPUS, "INVALID"),
        (Code.CPU_COLLISION, "INVALID"),
        (Code.MASK_CHANGED, "INVALID"),
        (Code.REMOTE_MEMORY, "SUSPECT"),
        (Code.SMT_SHARING, "VALID"),
        (Code.SPANS_NODES, "VALID"),
        (Code.OVERSUBSCRIBED, "SUSPECT"),
        (Code.SETTINGS_CHANGED, "VALID"),
        (Code.REQUESTS_BELOW_STREAMS, "VALID"),
        (Code.START_SKEW, "VALID"),
        (Code.STOP_SKEW, "VALID"),
        (Code.OUTSIDE_WINDOW, "VALID"),
        (Code.WINDOW_EDGES, "SUSPECT"),
        (Code.SAMPLES_NOT_SAVED, "VALID"),
        (Code.OVERLOADED, "INVALID"),
        (Code.UNFINISHED, "VALID"),
        (Code.DROPPED, "VALID"),
        (Code.LATE_STARTS, "SUSPECT"),
        (Code.HIDDEN_CONTENTION, "VALID"),
        (Code.RATE_NOT_REACHED, "VALID"),
        (Code.SCENARIO_NOT_VALID, "INVALID"),
        (Code.TOO_SHORT, "VALID"),
        (Code.OUTPUTS_DIFFER, "INVALID"),
        (Code.OTHER_LOAD, "SUSPECT"),
        (Code.STEAL, "SUSPECT"),
        (Code.HARNESS_LOAD, "SUSPECT"),
        (Code.FREQUENCY_DROP, "SUSPECT"),
        (Code.GOVERNOR, "VALID"),
        (Code.THERMAL_THROTTLE, "SUSPECT"),
        (Code.CPU_QUOTA, "INVALID"),
        (Code.FEW_SAMPLES, "VALID"),
        (Code.NOT_STEADY, "SUSPECT"),
        (Code.TREND, "SUSPECT"),
        (Code.STALLED, "SUSPECT"),
        (Code.UNFAIR, "SUSPECT"),
    ],
)
def test_a_verdict_is_that_of_the_worst_finding(code: Code, status: str) -> None:
    assert judge(CASES[code][0]()).status == status


def test_the_table_knows_what_every_finding_of_the_closed_list_makes_of_a_verdict() -> None:
    assert list(EFFECTS) == list(Code)


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("strict", [False, True])
def test_a_verdict_follows_from_codes_and_severities_alone(code: Code, strict: bool) -> None:
    """The whole table: a loss is PARTIAL, an error INVALID, a warning SUSPECT or nothing, with --strict INVALID."""
    loss, doubt = EFFECTS[code] == "loss", EFFECTS[code] == "doubt"
    expected = {
        "error": "INVALID",
        "warning": "INVALID" if strict else "SUSPECT" if doubt else "VALID",
        "info": "VALID",
    }
    found = {severity: verdict_of((Finding(code, severity, "So it is."),), strict) for severity in SEVERITIES}
    assert found == (dict.fromkeys(SEVERITIES, "PARTIAL") if loss else expected)


def test_the_worst_of_several_findings_decides() -> None:
    few, other, wrong = (
        Finding(Code.FEW_SAMPLES, "warning", ""),
        Finding(Code.OTHER_LOAD, "warning", ""),
        Finding(Code.WRONG_CPUS, "error", ""),
    )
    assert verdict_of((few, other), False) == verdict_of((other, few), False) == "SUSPECT"
    assert verdict_of((few, other, wrong), False) == verdict_of((wrong, other), False) == "INVALID"


@pytest.mark.parametrize(
    ("found", "strict", "because"),
    [
        ([(Code.FEW_SAMPLES, "warning"), (Code.STEAL, "warning"), (Code.TREND, "warning")], False, ["steal", "trend"]),
        ([(Code.FEW_SAMPLES, "warning"), (Code.STEAL, "warning")], True, ["few_samples", "steal"]),
        ([(Code.STEAL, "warning"), (Code.WRONG_CPUS, "error"), (Code.WRONG_CPUS, "error")], False, ["wrong_cpus"]),
        ([(Code.WRONG_CPUS, "error"), (Code.AGENT_LOST, "error")], True, ["agent_lost"]),
        ([(Code.FEW_SAMPLES, "warning"), (Code.GOVERNOR, "info")], False, []),
    ],
)
def test_a_verdict_says_what_it_is_due_to(
    found: list[tuple[Code, Literal["warning", "error", "info"]]], strict: bool, because: list[str]
) -> None:
    findings = [Finding(code, severity, "So it is.") for code, severity in found]
    assert list(because_of(findings, strict)) == because


def test_the_reasons_of_a_report_are_the_worst_finding_of_each_code() -> None:
    verdict = judge(evidence([delivered(0), delivered(1, cpus=(0,))]))
    assert verdict.because == ("oversubscribed",)
    assert [reason.message for reason in verdict.reasons] == [verdict.findings[0].message]
    old = structs.replace(verdict, because=())
    assert old.reasons == ()
    same = (Finding("outputs_differ", "warning", "a"), Finding("outputs_differ", "error", "b"))
    assert [one.message for one in Validity("INVALID", same, because=("outputs_differ",)).reasons] == ["b"]


def test_nothing_counted_without_any_loss_is_invalid() -> None:
    idle = delivered(0, data=steady(seconds(20), ms(10), 5), load=finished(completed=5))
    verdict = judge(evidence([idle]))
    assert verdict.status == "INVALID"
    assert [finding.code for finding in verdict.findings] == [Code.NOTHING_COUNTED]
    assert verdict.findings[0].advice.startswith("Measure for longer")


@pytest.mark.parametrize("agent", [lost(), delivered(0, load=finished(completed=0, error="division by zero"))])
def test_where_something_broke_measuring_longer_is_no_advice(agent: AgentRecord) -> None:
    found = {finding.code: finding.advice for finding in judge(evidence([agent])).findings}
    assert found[Code.NOTHING_COUNTED] == ""


def test_a_loss_outweighs_a_finding_that_is_an_error() -> None:
    assert judge(evidence([strayed(seen=(0, 5)), lost()])).status == "PARTIAL"


def test_a_run_that_only_compiled_is_valid_without_a_count() -> None:
    assert judge(compiled_only()).status == "VALID"


@pytest.mark.parametrize("argv", [[], ["-nireq", "4"]], ids=["by OpenVINO", "-nireq 4"])
def test_requests_are_no_matter_where_the_model_is_only_compiled(argv: list[str]) -> None:
    only = compiled_only()
    prepared = ready(effective(streams=2, requests=1))
    members = [AgentRecord(0, only.run.agents[0].job, ready=prepared)]
    asked = replace(only.run, agents=tuple(members), request=request("-niter", "0", *argv))
    assert codes(replace(only, run=asked)) == set()


def test_an_inference_that_failed_under_way_is_reported_with_openvino_s_words() -> None:
    load = finished(completed=12, error="primitive failed", cpus=(0,))
    (finding, *_) = find(evidence([delivered(0, load=load), delivered(1)]))
    assert finding.code == Code.INFERENCE_FAILED
    assert "primitive failed" in finding.message
    assert "12" in finding.message


def test_agents_that_are_gone_for_one_reason_are_one_finding() -> None:
    members = [delivered(0), *(AgentRecord(id, job((id,)), pid=id, why="its fork server ended") for id in (1, 2, 4))]
    members.insert(3, AgentRecord(3, job((3,)), pid=1003, why="was killed by SIGKILL"))
    messages = [one.message for one in find(evidence(members)) if one.code == Code.AGENT_LOST]
    assert messages == [
        "agents 1-2,4 were lost: its fork server ended.", "agent 3 (pid 1003) was lost: was killed by SIGKILL.",
    ]  # fmt: skip


def test_inferences_that_failed_with_the_same_words_are_one_finding_with_how_many_there_were_before() -> None:
    members = [delivered(id, load=finished(completed=7 + id, error="no memory")) for id in (0, 1)]
    (message,) = (one.message for one in find(evidence(members)) if one.code == Code.INFERENCE_FAILED)
    assert message == "all agents: an inference failed after 7 to 8 successful ones on each: no memory"


def test_a_mask_that_is_too_wide_is_wrong_even_if_nothing_strayed() -> None:
    assert Code.WRONG_CPUS in codes(evidence([strayed(seen=(0,), mask=(0, 1))]))


def test_the_cpus_that_threads_strayed_to_are_named() -> None:
    (finding,) = find(evidence([strayed(seen=(0, 5, 6, 7))]))
    assert "5-7" in finding.message


@pytest.mark.parametrize(
    ("argv", "member", "told"),
    [
        (["-nstreams", "3"], running(2, 2), "-nstreams 3 became 2"),
        (["-nthreads", "3"], running(2, 2), "-nthreads 3 became 2"),
        (["-nireq", "3"], running(2, 2), "-nireq 3 became 2"),
        (["-nireq", "3", "-api", "sync"], running(1, 1), "-api sync"),
        (["-infer_precision", "f16"], running(2, 2), "-infer_precision f16 became f32"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_setting_that_changed_is_named_as_it_was_written(argv: list[str], member: AgentRecord, told: str) -> None:
    (finding,) = [f for f in find(evidence([member], request(*argv))) if f.code == Code.SETTINGS_CHANGED]
    assert told in finding.message


def test_a_setting_that_changed_everywhere_is_reported_once() -> None:
    members = [delivered(i, prepared=ready(effective(streams=2, requests=2))) for i in range(3)]
    findings = list(find(evidence(members, request("-nstreams", "3"))))
    assert [finding.code for finding in findings] == [Code.SETTINGS_CHANGED]
    assert "all agents" in findings[0].message


def test_a_setting_that_changed_in_places_is_reported_with_the_agents() -> None:
    members = [delivered(i, prepared=ready(effective(streams=3 if i else 2, requests=3))) for i in range(3)]
    (finding,) = find(evidence(members, request("-nstreams", "3")))
    assert "agent 0" in finding.message


def test_one_request_in_flight_is_no_lack_of_requests_in_sync() -> None:
    assert codes(evidence([running(4, 1)], request("-api", "sync", "--agents", "1"))) == set()


def test_a_precision_left_to_openvino_cannot_have_changed() -> None:
    assert codes(evidence([running(2, 2)], request("-infer_precision", "undefined"))) == set()


def test_a_setting_left_to_openvino_cannot_have_changed() -> None:
    assert codes(evidence([running(7, 9)])) == set()


def test_inferences_beyond_the_window_are_no_matter_where_time_was_asked_for() -> None:
    assert Code.OUTSIDE_WINDOW not in codes(evidence(apart(stop_ns=seconds(0.5))))


def test_a_rate_that_was_not_reached_is_reported_with_both_figures() -> None:
    (finding,) = find(at_most(1000.0))
    assert "-max_irate 1000 " in finding.message
    assert "200.0 frames per second" in finding.message


def test_the_rate_is_of_frames_and_not_of_inferences() -> None:
    prepared = ready(effective(batch=8))
    assert Code.RATE_NOT_REACHED not in codes(at_most(800.0, [delivered(0, prepared=prepared)]))
    assert Code.RATE_NOT_REACHED in codes(at_most(820.0, [delivered(0, prepared=prepared)]))


@pytest.mark.parametrize(("count", "reached"), [(29, True), (28, False)])
def test_one_inference_of_each_agent_may_be_under_way_when_the_window_ends(count: int, reached: bool) -> None:
    """3 per second for ten seconds are 30; of 29 the last may have begun in time, of 28 it cannot."""
    member = delivered(0, data=steady(seconds(1), ms(300), count))
    assert (Code.RATE_NOT_REACHED not in codes(at_most(3.0, [member]))) == reached


@pytest.mark.parametrize("members", [[lost(0)], apart(stop_ns=seconds(20))], ids=["no agent", "an empty window"])
def test_a_rate_without_any_figure_is_no_finding_of_its_own(members: list[AgentRecord]) -> None:
    assert Code.RATE_NOT_REACHED not in codes(at_most(1000.0, members))


@pytest.mark.parametrize(("argv", "status"), [([], "SUSPECT"), (["--strict"], "INVALID")])
def test_a_warning_makes_a_run_invalid_only_where_that_was_asked_for(argv: list[str], status: str) -> None:
    shared = [delivered(0), delivered(1, cpus=(0,))]
    verdict = judge(evidence(shared, request("--agents", "2", *argv)))
    assert (verdict.status, verdict.strict) == (status, bool(argv))


def test_a_verdict_says_what_it_was_judged_by() -> None:
    verdict = judge(evidence(wanted=request("--agents", "2", "--min-window", "11")))
    assert verdict.thresholds["min_window_s"] == 11
    assert [finding.code for finding in verdict.findings] == [Code.TOO_SHORT]


@pytest.mark.parametrize(
    ("argv", "length_s", "found"),
    [
        (("-t", "2"), 1.997, False),
        (("-t", "2"), 1.98, True),
        (("-t", "2", "--max-start-skew", "30"), 1.98, False),
        (("-t", "1.9"), 1.9, True),
        (("-t", "1.995"), 1.995, True),
        (("-niter", "1000"), 1.997, True),
        (("-t", "3", "--min-window", "3"), 2.997, False),
    ],
)
def test_a_window_of_the_time_that_was_asked_for_is_not_too_short(
    argv: tuple[str, ...], length_s: float, found: bool
) -> None:
    """Agents begin a little late, by up to what --max-start-skew allows."""
    assert (Code.TOO_SHORT in {finding.code for finding in find(lasting(length_s, *argv))}) == found


def test_a_window_of_less_than_a_millisecond_is_not_shown_as_none() -> None:
    found = [finding for finding in find(lasting(0.00025)) if finding.code == Code.TOO_SHORT]
    assert [finding.message.startswith("The window is 0.00025 s long") for finding in found] == [True]


def test_an_interrupted_run_does_not_speak_of_figures_that_it_has_not() -> None:
    texts = [
        next(one.message for one in find_in_agents(found) if one.code == Code.INTERRUPTED)
        for found in (evidence(interrupted=True), replace(evidence(interrupted=True), merged=None))
    ]
    assert texts == [
        "The run was interrupted; the figures cover the time before.",
        "The run was interrupted before anything was measured.",
    ]
