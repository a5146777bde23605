"""What differs between results, and which conditions come true."""

import json
from typing import Literal

import msgspec
import pytest
from msgspec import structs

from ovbench.coordinator.compare.change import Change, FigurePart, change
from ovbench.coordinator.compare.comparison import (
    Compared,
    Comparison,
    Matched,
    NamedRun,
    NamedStudy,
    Pair,
    compare_runs,
    compare_studies,
)
from ovbench.coordinator.compare.conditions import with_failures
from ovbench.coordinator.request.requirement import Requirement, parse_requirement
from ovbench.coordinator.result.environment import AgentPython
from ovbench.coordinator.result.figures import BY_NAME
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.result.report import FilePart, OutputsPart, Report, Validity
from ovbench.coordinator.result.study import Fingerprint, KindName, Outcome, Study, Trial
from ovbench.coordinator.stats.estimate import Estimate
from ovbench.coordinator.study.outcome import outcome_of
from tests.builders import delivered, report, request, run
from tests.ratereports import at_rate


def around(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half)


def condition(text: str) -> Requirement:
    return parse_requirement("--fail-if", text, relative=True)


def test_which_properties_there_are_is_no_setting_that_differs() -> None:
    def of(**properties: str) -> NamedRun:
        found = report()
        assert found.effective is not None
        return NamedRun("a", structs.replace(found, effective=structs.replace(found.effective, properties=properties)))

    pair = compare_runs(of(SUPPORTED_PROPERTIES="A B", A="1"), [of(SUPPORTED_PROPERTIES="A", A="2")]).others[0]
    assert [one.what for one in pair.settings] == ["property A"]


def test_settings_that_differ_are_shown_and_others_are_not() -> None:
    one = report(run([delivered(0), delivered(1)]))
    two = report(run([delivered(0)], wanted=request("--agents", "1", "-api", "sync", "-nstreams", "2")))
    (pair,) = compare_runs(NamedRun("a", one), [NamedRun("b", two)]).others
    told = {difference.what: (difference.first, difference.other) for difference in pair.settings}
    assert told["api"] == ("async", "sync")
    assert told["nstreams"] == ("", "2")
    assert told["agents in effect"] == ("2", "1")
    assert told["measured CPUs"] == ("0,1", "0")
    assert "model" not in told
    assert "time_s" not in told


def test_limits_that_were_required_are_no_setting() -> None:
    both = (request("--agents", "1"), request("--agents", "1", "--require", "fps > 1"))
    one, two = (report(run([delivered()], wanted=wanted)) for wanted in both)
    (pair,) = compare_runs(NamedRun("a", one), [NamedRun("b", two)]).others
    assert pair.settings == ()


def test_another_environment_is_shown_down_to_the_libraries() -> None:
    one = report()
    libraries = {**one.environment.libraries, "numpy": "2.9"}
    environment = structs.replace(one.environment, governor=None, libraries=libraries)
    (pair,) = compare_runs(NamedRun("a", one), [NamedRun("b", structs.replace(one, environment=environment))]).others
    told = {difference.what: (difference.first, difference.other) for difference in pair.environment}
    assert told == {"governor": ("performance", ""), "numpy": ("2.0", "2.9")}
    assert pair.settings == ()
    assert pair.validity == ()


def test_another_python_of_the_agents_is_shown_by_what_is_in_it() -> None:
    one = report()
    agents = AgentPython("/opt/b/python", "3.12.1", "2026.4.1", "0.2.0", {"numpy": "2.9"})
    environment = structs.replace(one.environment, openvino="2026.4.1", agent_python=agents)
    (pair,) = compare_runs(NamedRun("a", one), [NamedRun("b", structs.replace(one, environment=environment))]).others
    told = {difference.what: (difference.first, difference.other) for difference in pair.environment}
    assert told == {
        "openvino": ("2026.4.0", "2026.4.1"),
        "agents' Python": ("", "3.12.1"),
        "agents' ovbench": ("", "0.2.0"),
        "agents' numpy": ("", "2.9"),
    }


def test_each_result_is_held_against_the_first() -> None:
    one = report()
    faster = structs.replace(one, throughput=structs.replace(one.throughput, fps=220.0))
    slower = structs.replace(one, throughput=structs.replace(one.throughput, fps=190.0))
    found = compare_runs(NamedRun("a", one), [NamedRun("b", faster), NamedRun("c", slower)])
    percents = [pair.matched[0].changes[0].change_percent for pair in found.others]
    assert percents == [pytest.approx(10.0), pytest.approx(-5.0)]
    assert [pair.other.name for pair in found.others] == ["b", "c"]


def outcome(streams: str, fps: float | None, repetition: int = 1) -> Outcome:
    return Outcome(
        trial=f"{streams}{repetition:03}", point={"-nstreams": streams}, repetition=repetition, started_at="",
        seconds=1.0, exit_code=0, status="VALID" if fps else "FAILED", fps=fps,
        latency_ms={"p99": 1000 / fps} if fps else {},
    )  # fmt: skip


def study(name: str, *outcomes: Outcome) -> NamedStudy:
    points = tuple(dict.fromkeys(one.point["-nstreams"] for one in outcomes))
    plan = Study(
        ovbench="0.1.0", kind="streams", created_at="2025-01-02T03:04:05Z", command=(), seed=0, repetitions=2,
        axes={"-nstreams": points}, fingerprint=Fingerprint({"a.xml": "1f"}, {"cpu": "A CPU"}),
        trials=tuple(Trial(one.trial, one.point, one.repetition, ("-t", "5")) for one in outcomes),
    )  # fmt: skip
    return NamedStudy(name, plan, outcomes)


def test_studies_are_compared_by_setting_over_repetitions() -> None:
    one = study("a", outcome("1", 100), outcome("1", 104, 2), outcome("2", 180), outcome("4", None))
    two = study("b", outcome("2", 150), outcome("1", 120), outcome("1", 124, 2), outcome("8", 300))
    (pair,) = compare_studies(one, [two]).others
    first, second = pair.matched
    assert (first.point, first.trials) == ({"-nstreams": "1"}, (2, 2))
    fps = first.changes[0]
    assert fps.first is not None
    assert fps.first.value == 102.0
    assert fps.change_percent == pytest.approx(100 * 20 / 102)
    assert fps.difference_ci95 is not None
    assert (second.point, second.trials) == ({"-nstreams": "2"}, (1, 1))
    assert second.changes[0].verdict == "no interval"
    assert pair.only_in_first == ({"-nstreams": "4"},)
    assert pair.only_in_other == ({"-nstreams": "8"},)
    told = {difference.what: (difference.first, difference.other) for difference in pair.settings}
    assert told == {"values of -nstreams": ("1, 2, 4", "2, 1, 8")}
    assert [(one.what, one.first, one.other) for one in pair.validity] == [("FAILED trials", "1", "0")]
    assert pair.environment == ()


def test_only_valid_trials_count_and_of_each_its_last_outcome() -> None:
    one = study("a", outcome("1", 100), outcome("1", 200, 2))
    invalid = structs.replace(outcome("1", 900, 3), status="INVALID")
    partial = structs.replace(outcome("1", 900, 4), status="PARTIAL")
    two = study("b", outcome("1", 500), outcome("1", 200, 2), outcome("1", 100), invalid, partial)
    (pair,) = compare_studies(one, [two]).others
    fps = pair.matched[0].changes[0]
    assert fps.first == fps.other
    assert fps.first is not None
    assert fps.first.value == 150.0
    assert pair.matched[0].trials == (2, 2)
    assert pair.other.status.startswith("2 of ")
    assert [(one.what, one.other) for one in pair.validity] == [("INVALID trials", "1"), ("PARTIAL trials", "1")]


def test_a_setting_without_a_valid_trial_fails_every_condition() -> None:
    one = study("a", outcome("1", 100))
    two = study("b", structs.replace(outcome("1", 100), status="INVALID"))
    (failure,) = with_failures(compare_studies(one, [two]), [condition("fps < 1")], significant=True).failures
    assert (failure.point, failure.value) == ({"-nstreams": "1"}, None)


def test_a_setting_that_the_other_study_lacks_fails_every_condition() -> None:
    both = outcome("1", 100), outcome("1", 100, 2)
    one, two = study("a", *both, outcome("2", 180)), study("b", *both)
    conditions = [condition("fps < -3%"), condition("p99 > 100")]
    for significant in (False, True):
        found = with_failures(compare_studies(one, [two]), conditions, significant=significant).failures
        assert [(f.condition, f.result, f.point, f.value, f.limit) for f in found] == [
            (condition.text, "b", {"-nstreams": "2"}, None, None) for condition in conditions
        ]


def planned(kind: KindName, axis: str, **argvs: str) -> NamedStudy:
    """A trial of each value of the axis, with its command line."""
    trials = [Trial(f"{n:04}", {axis: value}, 0, tuple(argv.split())) for n, (value, argv) in enumerate(argvs.items())]
    plan = structs.replace(study("a").study, kind=kind, axes={axis: tuple(argvs)}, trials=tuple(trials))
    return NamedStudy("a", plan, [])


def test_plans_differ_by_flag_and_not_by_word() -> None:
    one = planned("sweep", "-api", sync="-t 2 -nireq 2 -api sync", async_="-t 2 -nireq 2 -api async")
    two = planned("sweep", "-api", sync="-t 2 -nireq 4 --strict -api sync", async_="-t 2 -nireq 4 --strict -api async")
    (pair,) = compare_studies(one, [two]).others
    assert [(d.what, d.first, d.other) for d in pair.settings] == [("-nireq", "2", "4"), ("--strict", "", "yes")]


def test_a_flag_of_one_value_that_is_varied_in_name_only_is_shown_once() -> None:
    one, two = (planned("batch", "-b", **{size: f"-b {size} -t 1"}) for size in ("1", "2"))
    (pair,) = compare_studies(one, [two]).others
    assert [(d.what, d.first, d.other) for d in pair.settings] == [("values of -b", "1", "2")]


def test_of_a_against_b_each_sides_own_flags_are_shown() -> None:
    one = planned("ab", "side", A="-t 2 -nstreams 1", B="-t 2 -nstreams 2")
    two = planned("ab", "side", A="-t 2 -nstreams 1", B="-t 2 -nstreams 4 -nireq 8")
    (pair,) = compare_studies(one, [two]).others
    assert [(d.what, d.first, d.other) for d in pair.settings] == [
        ("flags of B", "-nstreams 2", "-nstreams 4 -nireq 8")
    ]


def test_studies_of_another_model_or_machine_say_so() -> None:
    one, two = study("a", outcome("1", 100)), study("b", outcome("1", 100))
    other = structs.replace(two.study, fingerprint=Fingerprint({"a.xml": "2e"}, {"cpu": "Another CPU"}))
    (pair,) = compare_studies(one, [NamedStudy("b", other, two.outcomes)]).others
    assert [difference.what for difference in pair.environment] == ["cpu"]
    assert pair.contents is not None
    assert [(one.what, one.first, one.other) for one in pair.contents] == [("file a.xml", "1f", "2e")]


def comparison(**figures: tuple[Estimate | None, Estimate | None]) -> Comparison:
    found: tuple[Change, ...] = tuple(change(BY_NAME[name], *both) for name, both in figures.items())
    b = Compared("b", "", "VALID")
    return Comparison(Compared("a", "", "VALID"), (Pair(b, (), (), (), (Matched({}, (1, 1), found),)),))


@pytest.mark.parametrize(
    ("text", "first", "other", "fails"),
    [
        ("p99 > +5%", 10.0, 10.6, True),
        ("p99 > +5%", 10.0, 10.4, False),
        ("p99 > +0.5", 10.0, 10.6, True),
        ("p99 > +0.5", 10.0, 10.4, False),
        ("p99 < -5%", 10.0, 9.0, True),
        ("p99 > 10.5", 10.0, 10.6, True),
        ("p99 > 10.5", 99.0, 10.4, False),
    ],
)
def test_the_plain_value_decides_about_a_condition(text: str, first: float, other: float, fails: bool) -> None:
    found = with_failures(
        comparison(p99_ms=(Estimate(first), Estimate(other))), [condition(text)], significant=False
    ).failures
    assert bool(found) is fails
    if fails:
        assert (found[0].result, found[0].figure, found[0].value) == ("b", "p99_ms", other)


@pytest.mark.parametrize(
    ("text", "first", "other", "fails"),
    [
        ("p99 > +5%", around(10, 0.1), around(10.6, 0.1), True),
        ("p99 > +5%", around(10, 1.0), around(10.6, 1.0), False),
        ("p99 > +5%", Estimate(10), Estimate(20), False),
        ("p99 > 10.5", around(10, 0.1), around(10.7, 0.1), True),
        ("p99 > 10.5", around(10, 0.1), around(10.7, 0.3), False),
        ("p99 < 10.5", around(10, 0.1), around(10.3, 0.1), True),
        ("p99 < 10.5", around(10, 0.1), around(10.3, 0.3), False),
    ],
)
def test_with_significant_only_what_is_beyond_doubt_counts(
    text: str, first: Estimate, other: Estimate, fails: bool
) -> None:
    found = with_failures(comparison(p99_ms=(first, other)), [condition(text)], significant=True)
    assert bool(found.failures) is fails
    assert len(found.failures) + len(found.doubtful) == 1


def test_a_figure_that_is_not_known_fails_its_condition() -> None:
    for text, known in (("memory > 5", {}), ("fps < -3%", {"fps": (None, Estimate(5.0))})):
        (failure,) = with_failures(comparison(**known), [condition(text)], significant=False).failures
        assert (failure.value, failure.limit) == (None, None)
    assert (
        with_failures(comparison(fps=(None, Estimate(5.0))), [condition("fps < 3")], significant=False).failures == ()
    )


def test_a_condition_is_checked_at_every_setting_of_a_study() -> None:
    one = study("a", outcome("1", 100), outcome("2", 180))
    two = study("b", outcome("1", 99), outcome("2", 150))
    (failure,) = with_failures(compare_studies(one, [two]), [condition("fps < -3%")], significant=False).failures
    assert failure.point == {"-nstreams": "2"}
    assert failure.value == 150.0
    assert failure.limit == pytest.approx(174.6)


def test_the_keys_that_programs_rely_on_are_there() -> None:
    judged = with_failures(comparison(fps=(around(9, 1), around(5, 1))), [condition("fps < 6")], significant=False)
    found = json.loads(msgspec.json.encode(judged))
    assert set(found) == {"schema", "first", "others", "failures", "doubtful", "forced"}
    assert set(found["first"]) == {"name", "started_at", "status"}
    (pair,) = found["others"]
    assert set(pair) == {
        "other", "validity", "settings", "environment", "matched", "only_in_first", "only_in_other", "contents",
        "hosts",
    }  # fmt: skip
    (matched,) = pair["matched"]
    assert set(matched) == {"point", "trials", "changes", "noise", "doubts", "unseen"}
    assert set(matched["changes"][0]) == {
        "figure", "first", "other", "change_percent", "difference_ci95", "verdict", "first_at_least", "other_at_least",
            "freedom",
    }  # fmt: skip
    assert set(found["failures"][0]) == {"condition", "result", "point", "figure", "value", "limit", "why", "by"}


def suspect(of: Report, *codes: str) -> Report:
    return structs.replace(of, validity=structs.replace(of.validity, status="SUSPECT", because=codes))


def test_runs_of_which_one_is_suspect_are_not_compared_unless_forced() -> None:
    a, b = report(), suspect(report(), "other_load", "trend")
    for one, two, doubts in ((a, b, ("", "SUSPECT (other_load, trend)")), (b, a, ("SUSPECT (other_load, trend)", ""))):
        (pair,) = compare_runs(NamedRun("a", one), [NamedRun("b", two)]).others
        (matched,) = pair.matched
        assert {change.verdict for change in matched.changes} == {"not comparable"}
        assert (matched.doubts, matched.noise) == (doubts, "within-run noise only")
    forced = compare_runs(NamedRun("a", a), [NamedRun("b", b)], force=True)
    assert "not comparable" not in {change.verdict for change in forced.others[0].matched[0].changes}
    assert forced.forced


@pytest.mark.parametrize("status", ["INVALID", "PARTIAL"])
def test_what_is_worse_than_suspect_is_not_compared_either(status: Literal["INVALID", "PARTIAL"]) -> None:
    worse = structs.replace(report(), validity=Validity(status, ()))
    (pair,) = compare_runs(NamedRun("a", report()), [NamedRun("b", worse)]).others
    assert pair.matched[0].doubts == ("", status)


def test_settings_of_studies_with_suspect_trials_are_not_compared() -> None:
    one = study("a", outcome("1", 100), outcome("1", 104, 2), outcome("2", 180), outcome("2", 182, 2))
    odd = [structs.replace(outcome("1", 120, n), status="SUSPECT") for n in (1, 2)]
    left_out = structs.replace(outcome("2", 900, 3), status="SUSPECT")
    two = study("b", *odd, outcome("2", 150), outcome("2", 152, 2), left_out)
    (pair,) = compare_studies(one, [two]).others
    first, second = pair.matched
    assert (first.doubts, first.changes[0].verdict) == (("", "SUSPECT in 2 of 2 trials"), "not comparable")
    assert (second.doubts, second.noise, second.changes[0].verdict) == (("", ""), "repetitions", "worse")


@pytest.mark.parametrize("significant", [False, True])
def test_a_gate_does_not_pass_where_results_are_not_comparable(significant: bool) -> None:
    """An absolute condition is on the other result alone."""
    a, b = NamedRun("a", suspect(report(), "steal")), NamedRun("b", report())
    conditions = [condition("fps < -50%"), condition("fps < 1")]
    found = with_failures(compare_runs(a, [b]), conditions, significant=significant)
    assert [(one.condition, one.value, one.why) for one in found.failures] == [
        ("fps < -50%", None, "not comparable: a is SUSPECT (steal)")
    ]
    assert len(with_failures(compare_runs(b, [a]), conditions, significant=significant).failures) == 2
    assert with_failures(compare_runs(a, [b], force=True), conditions, significant=significant).failures == ()


def test_without_repetitions_nothing_of_a_study_is_significant_and_the_gate_does_not_pass() -> None:
    one, two = study("a", outcome("1", 100)), study("b", outcome("1", 50))
    (failure,) = with_failures(compare_studies(one, [two]), [condition("fps < -90%")], significant=True).failures
    assert failure.why == "there are no repetitions, so significance is unknown"
    assert with_failures(compare_studies(one, [two]), [condition("fps < -90%")], significant=False).failures == ()


def with_files(*contents: str, outputs: dict[str, str] | None = None, backend: str = "openvino") -> Report:
    """A report of a model with so many files, each of one content."""
    found = report()
    assert found.effective is not None
    files = tuple(FilePart("model", f"/some/where/m.{at}", content * 64, 8) for at, content in enumerate(contents))
    return structs.replace(
        found,
        effective=structs.replace(found.effective, files=files, backend=backend),
        outputs=OutputsPart(1, True, True, digests=outputs or {}),
    )


def told_of(one: Report, two: Report) -> list[tuple[str, str, str]] | None:
    (pair,) = compare_runs(NamedRun("a", one), [NamedRun("b", two)]).others
    return None if pair.contents is None else [(found.what, found.first, found.other) for found in pair.contents]


def test_files_and_outputs_of_another_content_are_shown() -> None:
    one, two = with_files("a", "b", outputs={"prob": "1" * 32}), with_files("a", "c", outputs={"prob": "2" * 32})
    assert told_of(one, one) == []
    assert told_of(one, two) == [
        ("model file", "m.1 bbbbbbbbbbbb", "m.1 cccccccccccc"),
        ("output 'prob'", "111111111111", "222222222222"),
    ]
    assert told_of(with_files("a"), with_files("a", "b")) == [("model file", "", "m.1 bbbbbbbbbbbb")]


def test_outputs_that_only_one_run_looked_at_are_no_difference() -> None:
    assert told_of(with_files("a", outputs={"prob": "1" * 32}), with_files("a")) == []


def test_of_a_report_from_before_digests_nothing_is_claimed() -> None:
    assert told_of(with_files(), with_files("a")) is None
    assert told_of(with_files(backend="null:1000"), with_files(backend="null:1000")) == []


def test_a_comparison_saved_before_inconclusive_had_its_name_is_read_as_one_of_today() -> None:
    found = comparison(fps=(around(100, 4), around(105, 4)))
    saved = msgspec.json.encode(found).replace(b'"inconclusive"', b'"cannot be told apart"')
    assert saved != msgspec.json.encode(found)
    assert msgspec.json.decode(saved, type=Comparison) == found


def compared(one: Report, two: Report, *, force: bool = False) -> tuple[Pair, dict[str, Change]]:
    (pair,) = compare_runs(NamedRun("a", one), [NamedRun("b", two)], force=force).others
    return pair, {change.figure: change for change in pair.matched[0].changes}


def test_of_runs_at_a_rate_service_wait_goodput_and_arrivals_are_compared() -> None:
    one = at_rate(10.0, goodput=0.99, ci95=Interval(9.0, 11.0))
    _, found = compared(one, at_rate(20.0, goodput=0.9, ci95=Interval(18.0, 22.0)))
    assert found["p99_ms"].verdict == "worse"
    for figure, value in (("service_p99_ms", 10.0), ("wait_p99_ms", 10.0), ("goodput", 0.9), ("offered_per_s", 100.0)):
        assert found[figure].other == FigurePart(value, None)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_figure_that_is_not_known_is_shown_with_its_bound_and_never_called_better(swapped: bool) -> None:
    one, two = at_rate(10.0, ci95=Interval(9.0, 11.0)), at_rate(None, at_least_ms=12.0, unfinished=50)
    _, found = compared(two, one) if swapped else compared(one, two)
    change = found["p99_ms"]
    values = [change.first, change.other]
    assert sorted(values, key=lambda value: value is None) == [FigurePart(10.0, Interval(9.0, 11.0)), None]
    assert [change.first_at_least, change.other_at_least] == ([12.0, None] if swapped else [None, 12.0])
    assert (change.verdict, change.change_percent) == ("no interval", None)


def test_latency_from_the_start_is_not_comparable_with_latency_from_due() -> None:
    pair, found = compared(report(), at_rate())
    assert ("latency from", "start", "due") in [(one.what, one.first, one.other) for one in pair.settings]
    latencies = {"min_ms", "mean_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms"}
    assert {name for name, change in found.items() if change.verdict == "not comparable"} == latencies
    pair, found = compared(report(), at_rate(), force=True)
    assert "not comparable" not in {change.verdict for change in found.values()}


@pytest.mark.parametrize(
    ("flag", "argv", "other"),
    [
        ("rate", ("--rate", "100"), ("--rate", "200")),
        ("arrivals", ("--rate", "100"), ("--rate", "100", "--arrivals", "constant")),
        ("stages", ("--stages", "5s:100,5s:200"), ("--stages", "5s:100,5s:300")),
        ("arrival_seed", ("--rate", "100"), ("--rate", "100", "--arrival-seed", "1")),
        ("dispatch", ("--rate", "100"), ("--rate", "100", "--dispatch", "random")),
        ("drain_s", ("--rate", "100", "--drain", "1"), ("--rate", "100", "--drain", "2")),
        ("timeout_ms", ("--rate", "100"), ("--rate", "100", "--timeout-ms", "50")),
        ("spin_us", ("--rate", "100", "--spin", "0"), ("--rate", "100", "--spin", "10")),
    ],
)
def test_how_the_load_arrives_is_a_setting_that_may_differ(
    flag: str, argv: tuple[str, ...], other: tuple[str, ...]
) -> None:
    def of(*words: str) -> Report:
        return structs.replace(at_rate(), requested=request(*words).requested())

    pair, _ = compared(of(*argv), of(*other))
    assert [one.what for one in pair.settings] == [flag]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p99 > 20", "p99_ms is not known, but > 12.0 ms in b"),
        ("p99 > +5%", "p99_ms is not known, but > 12.0 ms in b"),
        ("goodput < 0.9", ""),
    ],
)
def test_a_condition_on_a_figure_that_is_not_known_fails_with_what_is_known(text: str, why: str) -> None:
    runs = NamedRun("a", at_rate()), [NamedRun("b", at_rate(None, at_least_ms=12.0, unfinished=50))]
    (failure,) = with_failures(compare_runs(*runs), [condition(text)], significant=False).failures
    assert (failure.value, failure.why) == (None, why)


def test_a_relative_condition_on_latencies_of_two_meanings_fails() -> None:
    runs = compare_runs(NamedRun("a", report()), [NamedRun("b", at_rate())])
    (failure,) = with_failures(runs, [condition("p99 > +5%")], significant=False).failures
    assert failure.why == "latency is from due in one result, and from the start in the other"
    assert with_failures(runs, [condition("p99 > 50")], significant=False).failures == ()


def named_study(name: str, *reports: Report) -> NamedStudy:
    """A setting, repeated."""
    trials = [Trial(f"{number:04}", {"-b": "1"}, number, ("-b", "1")) for number in range(1, len(reports) + 1)]
    outcomes = [outcome_of(trial, found, 10.0, 0) for trial, found in zip(trials, reports, strict=True)]
    axes: dict[str, tuple[str, ...]] = {"-b": ("1",)}
    study = Study("0.1.0", "sweep", "2025-01-01T00:00:00Z", (), 1, 1, axes, tuple(trials), Fingerprint({}, {}))
    return NamedStudy(name, study, outcomes)


def test_a_mean_over_trials_is_not_known_where_one_of_them_does_not_know_it() -> None:
    """Else what is known would be the mean of the trials that did well."""
    well = named_study("a", at_rate(10.0), at_rate(11.0))
    badly = named_study("b", at_rate(10.0), at_rate(None, at_least_ms=12.0, unfinished=50))
    (pair,) = compare_studies(well, [badly]).others
    found = {change.figure: change for change in pair.matched[0].changes}
    assert found["p99_ms"].first is not None
    assert (found["p99_ms"].other, found["wait_p99_ms"].other) == (None, None)
    assert found["unfinished"].other is not None
    assert found["unfinished"].other.value == 25.0


def test_trials_at_a_rate_have_no_latency_to_compare_with_those_of_a_closed_loop() -> None:
    (pair,) = compare_studies(named_study("a", report(), report()), [named_study("b", at_rate(), at_rate())]).others
    verdicts = {change.figure: change.verdict for change in pair.matched[0].changes}
    assert verdicts["p99_ms"] == "not comparable"
    assert verdicts["fps"] != "not comparable"
