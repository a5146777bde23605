"""Study load from its first trials to its answer, on queues in closed form: what it runs, finds and says."""

import re
from collections import Counter
from itertools import groupby, pairwise

import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.coordinator.result.study import KindName, Outcome, Trial
from ovbench.coordinator.study.answer import Answer
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.kinds.registry import KINDS
from ovbench.coordinator.study.loadcurve import LoadCurve
from tests.closedforms import Law, mean_wait_s, p_of_latency, rate_at
from tests.loadstudies import LOAD, NOWHERE, Queue, Run, begun, conducted
from tests.studies import Status, outcome

LONG = ("-m", "a.xml", "-t", "1000")
"""Trials so long that their percentiles are those of the closed form."""


def answer(run: Run, *words: str, slo: tuple[str, ...] = (), at: str = "10..90,95,105,110") -> Answer:
    study, done = conducted(begun(*words, slo=slo, at=at), run)
    return LOAD.conclude(study, done)


def curve_of(run: Run, *words: str, slo: tuple[str, ...] = ()) -> LoadCurve:
    (found,) = answer(run, *words, slo=slo).loads
    return found


# Which trials


def test_closed_loops_come_first_and_rates_are_shares_of_them() -> None:
    study = begun("-m", "a.xml", at="50,100")
    (first,) = study.trials
    assert (first.point, first.argv) == ({}, ("-m", "a.xml"))
    study, _ = conducted(study, Queue(service_ms=2.0))
    rates = Counter(trial.point.get("--rate") for trial in study.trials)
    assert rates == {None: 3, "250": 3, "500": 3}


def test_what_is_foreseen_is_what_it_comes_to() -> None:
    for words in ((), ("--agents", "1,2")):
        study = begun(*words)
        foreseen = len(study.trials) + LOAD.foreseen(study)
        study, _ = conducted(study, Queue())
        assert len(study.trials) == foreseen
        assert LOAD.foreseen(study) == 0


def test_each_repetition_has_every_rate_and_the_closed_loop_in_an_order_of_its_own() -> None:
    study, _ = conducted(begun(), Queue())
    blocks = [list(block) for _, block in groupby(study.trials[1:], key=lambda trial: trial.repetition)]
    orders = [[trial.point.get("--rate") for trial in block if "--rate" in trial.point] for block in blocks]
    assert len(orders) == 3
    assert sorted(map(str, orders[0])) == sorted(map(str, orders[1])) == sorted(map(str, orders[2]))
    assert orders[0] != orders[1] != orders[2]
    assert [sum("--rate" not in trial.point for trial in block) for block in blocks] == [0, 1, 1]


def test_each_repetition_starts_its_agents_anew() -> None:
    study, _ = conducted(begun(), Queue())
    starts = [LOAD.anew(before, after) for before, after in pairwise(study.trials)]
    assert sum(starts) == 2


def test_every_trial_at_a_rate_has_arrivals_of_its_own_from_the_seed_that_was_given() -> None:
    study, _ = conducted(begun("--arrival-seed", "100"), Queue())
    seeds = [int(t.argv[t.argv.index("--arrival-seed") + 1]) for t in study.trials if "--rate" in t.point]
    assert sorted(seeds) == list(range(100, 100 + len(seeds)))
    assert len(seeds) == 36
    assert all(trial.argv.count("--arrival-seed") == ("--rate" in trial.point) for trial in study.trials)


def test_flags_of_a_rate_are_not_the_closed_loop_s() -> None:
    study, _ = conducted(begun("--arrivals", "gamma:2", "--dispatch", "shared,random", at="50"), Queue())
    for trial in study.trials:
        at_rate = "--rate" in trial.point
        assert ("--arrivals" in trial.argv) is at_rate
        assert ("--dispatch" in trial.argv) is at_rate
        if at_rate:
            assert trial.argv[trial.argv.index("--dispatch") + 1] == trial.point["--dispatch"]


def test_a_closed_loop_that_was_disturbed_is_run_again_before_rates_follow_from_it() -> None:
    quiet = Queue(service_ms=2.0)
    seen: list[str] = []

    def run(trial: Trial) -> Outcome:
        seen.append(trial.id)
        if len(seen) == 1:
            return structs.replace(outcome(trial, 250.0, 4.0), status="SUSPECT", findings=("steal",))
        return quiet(trial)

    study, _ = conducted(begun(at="50"), run)
    assert seen[:2] == ["0001", "0001"]
    assert {trial.point["--rate"] for trial in study.trials if "--rate" in trial.point} == {"250"}


def test_a_closed_loop_that_fails_has_no_rates() -> None:
    study, done = conducted(begun(), lambda trial: outcome(trial, None, status="FAILED", why="no such model"))
    assert len(study.trials) == 1
    found = LOAD.conclude(study, done)
    assert found.headline == "Inconclusive: the closed loop could not be measured: no such model."


def test_of_several_settings_one_that_fails_leaves_the_others() -> None:
    queue = Queue()

    def run(trial: Trial) -> Outcome:
        return outcome(trial, None, status="FAILED", why="no") if trial.point["--agents"] == "1" else queue(trial)

    study, done = conducted(begun("--agents", "1,2", at="50,110"), run)
    found = LOAD.conclude(study, done)
    assert [len(curve.points) for curve in sorted(found.loads, key=lambda one: one.point["--agents"])] == [0, 2]
    assert any("left out: 1 FAILED; no" in line for line in found.unsaid)


def test_rates_do_not_change_when_a_closed_loop_is_run_again_later() -> None:
    study, done = conducted(begun(at="50"), Queue(noise=0.05))
    later = [*done, structs.replace(done[0], attempt=1, fps=1.0)]
    assert LOAD.next(study, later) is None


def test_trials_that_may_be_overloaded_are_not_run_again() -> None:
    queue = Queue()

    def run(trial: Trial) -> Outcome:
        found = queue(trial)
        doubt = {"status": "SUSPECT", "findings": ("overloaded",)}
        return structs.replace(found, **doubt) if trial.point.get("--rate") == "475" else found

    study, done = conducted(begun(at="50,95"), run)
    assert all(one.attempt == 0 for one in done)
    (curve,) = LOAD.conclude(study, done).loads
    assert [(one.served, one.overloaded, one.trials) for one in curve.points] == [(3, 0, 3), (0, 0, 3)]
    assert curve.served_to == 250.0


def test_a_study_is_the_same_however_often_it_was_cut_off() -> None:
    study, done = conducted(begun(), Queue(noise=0.03))
    by_trial = {one.trial: one for one in done}
    again, ended = begun(), list[Outcome]()
    while (now := LOAD.next(again, ended)) is not None:
        known = {trial.id for trial in again.trials}
        again = structs.replace(again, trials=(*again.trials, *(t for t in now.trials if t.id not in known)))
        ended.append(by_trial[now.trials[0].id])  # one trial, then it is cut off
    assert again.trials == study.trials


@pytest.mark.parametrize(
    ("words", "own", "sentence"),
    [
        (("--rate", "3"), {}, "study load: --rate is set by the study itself; --at says at which rates it measures"),
        (("--stages", "1s:3"), {}, "study load: --stages is set by the study itself"),
        (("-max_irate", "3"), {}, "study load: -max_irate is set by the study itself"),
        (("-niter", "3"), {}, "study load: its trials last for a time; give -t and leave -niter out"),
        (("--until", "fps +-1%"), {}, "study load: its trials last for a time; give -t and leave --until out"),
        (("--arrivals", "trace:a.csv"), {}, "study load: a trace has its own rate"),
        (("--arrival-seed", "1,2"), {}, "study load: every trial has arrivals of its own"),
        (("--slo-ms", "30"), {"slo": ["p99:20"]}, "study load: --slo and --slo-ms are two spellings"),
        ((), {"slo": ["p99:20", "p99:30"]}, "--slo 'p99:20,p99:30' has two limits for p99"),
        ((), {"slo": ["p100:20"]}, "--slo p100:20: no run is long enough to show p100; give a lower percentile"),
    ],
)
def test_what_the_study_sets_itself_is_refused(words: tuple[str, ...], own: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        LOAD.design(parse_axes(words), NOWHERE, own)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("kind", ["load", "capacity"])
def test_a_limit_for_the_best_setting_is_none_for_a_rate(kind: KindName) -> None:
    asked = structs.replace(begun(), kind=kind, p99_limit_ms=20.0)
    with pytest.raises(UsageError) as refused:
        KINDS[kind].planned(asked, {"slo": ["p99:20"]})
    assert str(refused.value) == (
        f"study {kind}: --p99-limit-ms is for the best of several settings; the limit that a rate is to keep is --slo "
        "p99:20"
    )


def test_a_rate_at_which_nothing_is_to_be_expected_is_left_out_and_that_is_said() -> None:
    found = answer(Queue(service_ms=2000.0), "-t", "10", at="10,15,50,110")  # half an inference a second
    (curve,) = found.loads
    assert [(one.percent, one.rate) for one in curve.points] == [(50.0, 0.25), (110.0, 0.55)]
    assert (
        "The 2 lowest rates were left out: less than one arrival is to be expected in a trial; -t makes trials longer."
    ) in found.unsaid


def test_absurdly_many_trials_are_refused() -> None:
    with pytest.raises(UsageError, match="these are 10,100 trials, more than 2,000; give fewer rates"):
        begun("--agents", "1,2", at="1..100+1", repetitions=50)


# What follows


@pytest.mark.parametrize("law", ["exponential", "deterministic"])
@pytest.mark.parametrize("servers", [1, 2])
def test_the_curve_is_the_closed_form_s(law: str, servers: int) -> None:
    queue = Queue(law=law, servers=servers, service_ms=2.0)  # type: ignore[arg-type]
    curve = curve_of(queue)
    capacity = servers / 0.002
    assert curve.closed_per_s is not None
    assert curve.closed_per_s.value == pytest.approx(capacity)
    for one in curve.points[:10]:
        assert one.rate == pytest.approx(one.percent / 100 * capacity)
        assert (one.trials, one.served, one.overloaded) == (3, 3, 0)
        for figure, percent in ((one.p50_ms, 50), (one.p99_ms, 99)):
            assert figure is not None
            assert figure.value == pytest.approx(1000 * p_of_latency(queue.law, servers, 0.002, one.rate, percent))
        assert one.wait_mean_ms is not None
        assert one.wait_mean_ms.value == pytest.approx(1000 * mean_wait_s(queue.law, servers, 0.002, one.rate))
        assert one.service_mean_ms is not None
        assert one.service_mean_ms.value == pytest.approx(2.0)
        assert one.delivered_per_s is not None
        assert one.delivered_per_s.value == pytest.approx(one.rate)


def test_where_it_breaks_is_between_two_rates() -> None:
    curve = curve_of(Queue(service_ms=2.0))
    assert (curve.served_to, curve.overloaded_from) == (475.0, 525.0)
    assert [one.overloaded for one in curve.points] == [0] * 10 + [3, 3]


def test_the_knee_of_one_exponential_server_is_half_of_what_it_serves() -> None:
    exact = curve_of(Queue(service_ms=2.0))
    assert exact.knee is not None
    assert exact.knee.value == pytest.approx(250, rel=0.01)
    noisy = [curve_of(Queue(service_ms=2.0, noise=0.03, seed=seed)) for seed in range(20)]
    knees = [one.knee for one in noisy if one.knee is not None]
    assert len(knees) == 20
    assert sum((one.low or 0) <= 250 * 1.01 and (one.high or 1e9) >= 250 * 0.99 for one in knees) >= 18


def test_a_rate_that_is_sometimes_overloaded_counts_with_those_trials() -> None:
    """Without them it would look as if it were served."""
    queue = Queue()

    def run(trial: Trial) -> Outcome:
        found = queue(trial)
        over = trial.point.get("--rate") == "450" and trial.repetition == 1
        return (
            structs.replace(found, status="INVALID", findings=("overloaded",), latency_ms={"p99": 900.0})
            if over
            else found
        )

    curve = curve_of(run)
    at = next(one for one in curve.points if one.rate == 450)
    assert (at.trials, at.served, at.overloaded) == (3, 2, 1)
    assert max(at.p99_of_trials) == 900.0
    assert curve.served_to == 400.0
    assert curve.overloaded_from == 525.0


def test_a_trial_that_is_invalid_for_another_reason_is_left_out() -> None:
    queue = Queue()

    def run(trial: Trial) -> Outcome:
        found = queue(trial)
        wrong = trial.point.get("--rate") == "450" and trial.repetition == 1
        return structs.replace(found, status="INVALID", findings=("overloaded", "wrong_cpus")) if wrong else found

    found = answer(run)
    (curve,) = found.loads
    assert next(one for one in curve.points if one.rate == 450).trials == 2
    assert "1 of 39 trials is left out: 1 INVALID; wrong_cpus (1)." in found.unsaid


def test_an_overload_that_was_intended_fails_nothing() -> None:
    _, done = conducted(begun(), Queue())
    over = [one for one in done if one.status == "INVALID"]
    assert len(over) == 6
    assert all(map(LOAD.intended, over))
    assert not LOAD.intended(structs.replace(over[0], findings=("overloaded", "cpu_quota")))
    assert not LOAD.intended(structs.replace(over[0], status="PARTIAL"))


def test_what_is_served_and_the_knee_are_said_first() -> None:
    found = answer(Queue(service_ms=2.0))
    assert found.headline == (
        "All that arrives is served up to 475.0/s (95 %), with p99 of 184 ms; from 525.0/s (105 %) on it is overloaded."
    )
    assert found.lines[0].startswith("The knee is at 250.0/s")
    assert found.lines[1] == (
        "From 10 to 95 % the mean wait grows from 222 us to 38.0 ms; the service hardly does: 2.00 ms to 2.00 ms."
    )
    assert not any("overloaded" in line for line in found.unsaid)


def test_a_service_that_grows_with_the_rate_is_said() -> None:
    """As of services that slow each other down: at most by half."""

    def run(trial: Trial) -> Outcome:
        load = float(trial.point.get("--rate", "400")) / 400
        return Queue(service_ms=1.667 * (1 + 0.5 * load))(trial)

    found = answer(run, at="10,50,90")
    assert found.lines[-1].endswith("the mean service from 1.75 ms to 2.42 ms.")


def test_the_commands_run_the_highest_rates_that_were_served() -> None:
    served = answer(Queue(service_ms=2.0)).choices
    assert [one.what for one in served] == ["the highest rate served"]
    assert "--rate 475" in served[0].setting.command
    kept = answer(Queue(service_ms=2.0), slo=("p99:40",)).choices
    assert [one.what for one in kept] == ["the highest rate measured that keeps p99:40", "the highest rate served"]
    # p99 = 4.605 x 2 ms / (1 - load) is 40 ms at a load of 0.77.
    assert "--rate 350" in kept[0].setting.command
    assert "--slo-ms p99:40" in kept[0].setting.command


def test_no_rate_that_is_served_is_said() -> None:
    found = answer(Queue(), at="110,120")
    assert found.headline == "Not even 550.0/s (110 %) was served in all trials; from there on it is overloaded."


def test_settings_have_a_curve_each_and_their_names() -> None:
    def run(trial: Trial) -> Outcome:
        return Queue(service_ms=2.0, servers=int(trial.point["--agents"]))(trial)

    found = answer(run, "--agents", "1,2")
    by = {curve.point["--agents"]: curve for curve in found.loads}
    assert by["2"].served_to == 950.0
    assert by["1"].served_to == 475.0
    assert found.headline.startswith("With --agents 2: all that arrives is served up to 950.0/s")
    assert any(line.startswith("With --agents 1: all that arrives is served up to 475.0/s") for line in found.lines)


def test_the_table_has_the_closed_loop_and_every_rate() -> None:
    found = answer(Queue(service_ms=2.0), at="50,110")
    titles = [column.title for column in LOAD.columns(found)]
    rows = [
        dict(zip(titles, (column.cell(one) for column in LOAD.columns(found)), strict=True)) for one in found.settings
    ]
    assert [row["share"] for row in rows] == ["closed loop", "50 %", "110 %"]
    assert [row["served"] for row in rows] == ["500.0", "250.0", "500.0"]
    assert [row["trials"] for row in rows] == ["3", "3", "3 overloaded"]
    assert rows[1]["p50"] == "2.77 ms"
    assert rows[1]["p99"] == "18.4 ms"
    assert rows[1]["wait"] == rows[1]["service"] == "2.00 ms"


@pytest.mark.parametrize(
    ("statuses", "cell"),
    [
        (("VALID", "VALID", "VALID"), "3"),
        (("INVALID", "VALID", "VALID"), "3, 1 overloaded"),
        (("INVALID", "SUSPECT", "VALID"), "3, 2 overloaded?"),
        (("INVALID", "INVALID", "INVALID"), "3 overloaded"),
        (("SUSPECT", "SUSPECT", "SUSPECT"), "3 overloaded?"),
    ],
)
def test_the_table_says_how_many_trials_were_overloaded(statuses: tuple[Status, ...], cell: str) -> None:
    queue = Queue()

    def run(trial: Trial) -> Outcome:
        status = statuses[trial.repetition] if "--rate" in trial.point else "VALID"
        return structs.replace(queue(trial), status=status, findings=() if status == "VALID" else ("overloaded",))

    found = answer(run, at="50")
    (column,) = [one for one in LOAD.columns(found) if one.title == "trials"]
    assert column.cell(found.settings[1]) == cell


def test_a_p99_that_a_trial_does_not_know_is_more_than_its_bound() -> None:
    queue = Queue(service_ms=2.0)

    def run(trial: Trial) -> Outcome:
        found = queue(trial)
        if "--rate" in trial.point and found.status == "INVALID":
            return structs.replace(found, latency_ms={"median": 50.0}, at_least={"p99_ms": 700.0})
        return found

    found = answer(run, at="50,110")
    assert [column.cell(found.settings[2]) for column in LOAD.columns(found) if column.title == "p99"] == ["> 700 ms"]


# Limits of the latency


@pytest.mark.parametrize(("law", "servers"), [("exponential", 1), ("deterministic", 1), ("deterministic", 4)])
@pytest.mark.parametrize("load", [0.65, 0.9])
def test_the_rate_at_which_a_limit_is_crossed_is_the_closed_form_s(law: Law, servers: int, load: float) -> None:
    saturation = servers / 0.002
    limit_ms = round(1000 * p_of_latency(law, servers, 0.002, load * saturation, 99), 4)
    true = rate_at(law, servers, 0.002, limit_ms / 1000, 99)
    held, off = 0, []
    for seed in range(3):
        queue = Queue(law=law, servers=servers, noise=0.03, seed=seed)
        (limit,) = curve_of(queue, *LONG, slo=(f"p99:{limit_ms}",)).limits
        assert limit.rate is not None
        held += (limit.rate.low or 0) <= true <= (limit.rate.high or 1e9)
        off.append(limit.rate.value / true - 1)
    assert held >= 2
    assert abs(sum(off) / len(off)) < 0.03
    assert max(map(abs, off)) < 0.08


def test_a_limit_leads_the_answer_with_its_interval() -> None:
    found = answer(Queue(service_ms=2.0, noise=0.02), *LONG, slo=("p99:40",))
    # 4.605 x 2 ms / (1 - load) is 40 ms at a load of 0.77, which is 385 a second.
    form = r"p99 stays within 40 ms up to (\d+\.\d)/s \((.*) to (.*)\), \d+ % of the \d+\.\d/s back to back\."
    words = re.fullmatch(form, found.headline)
    assert words is not None
    assert float(words[2]) < float(words[1]) < float(words[3])
    assert float(words[1]) == pytest.approx(385, rel=0.05)
    assert found.lines[0].startswith("All that arrives is served up to ")


def test_of_several_limits_the_one_that_is_exceeded_first_ends_it() -> None:
    found = answer(Queue(service_ms=2.0), *LONG, slo=("p99:40", "p50:4"))
    # The median is 0.693 x 2 ms / (1 - load): 4 ms at a load of 0.653.
    assert re.match(
        r"p99 stays within 40 ms and p50 stays within 4 ms up to 32\d\.\d/s .*, where p50:4 is exceeded first\.",
        found.headline,
    )
    assert found.lines[0].startswith("p99 stays within 40 ms up to 38")
    assert found.lines[1].startswith("p50 stays within 4 ms up to 32")


def test_a_limit_that_no_rate_keeps_or_every_rate_keeps_is_said() -> None:
    below = answer(Queue(service_ms=2.0), slo=("p99:3",))
    assert below.headline == "p99 is above its limit of 3 ms at every rate, even at 50.00/s (10 %)."
    above = answer(Queue(service_ms=2.0), slo=("p99:400",), at="10..80")
    assert above.headline == "p99 stays within 400 ms at every rate that was measured, up to 400.0/s (80 %)."
    assert [curve.limits[0].rate for curve in (*below.loads, *above.loads)] == [None, None]


def test_a_percentile_that_trials_cannot_show_is_not_said_to_keep_its_limit() -> None:
    found = answer(Queue(service_ms=2.0), "-t", "2", slo=("p99.9:400", "p50:4"), at="10..80")
    deep, middle = found.loads[0].limits
    assert (deep.verdict, middle.verdict) == ("unknown", "found")
    assert deep.why == "trials of 2 s do not show it, those of 8 s would"


def test_a_percentile_that_trials_cannot_show_is_said_with_the_time_it_takes() -> None:
    found = answer(Queue(service_ms=2.0), "-t", "2", slo=("p99.9:40",))
    # Three arrivals beyond p99.9 are 3,000. It is 6.908 x 2 ms / (1 - load): 40 ms at a load of 0.655, 327 a second.
    beginning, _, end = found.headline.partition(": ")
    assert beginning == "Inconclusive up to which rate p99.9 stays within 40 ms"
    assert re.fullmatch(r"trials of 2 s do not show it, those of 1[01] s would\.", end)
