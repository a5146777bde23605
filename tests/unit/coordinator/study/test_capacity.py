"""Capacity studies: what they refuse, what they say, and that they end alike however often they are cut off."""

from collections.abc import Sequence
from random import Random

import pytest
from msgspec import structs

from ovbench.common.errors import ExitCode, UsageError
from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.stats.estimate import Estimate
from ovbench.coordinator.study.answer import Answer, answer_json
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.capacity import Capacity, RateTrial, ranked
from ovbench.coordinator.study.capacitywords import headline, lines, so_far, unsaid
from ovbench.coordinator.study.kinds.kind import Kind
from ovbench.coordinator.study.kinds.registry import KINDS
from tests.capacities import Machines, answered, conducted, resumed, study
from tests.machines import machine
from tests.searches import Machine

KIND: Kind = KINDS["capacity"]
ONE: Machines = {"4": Machine("deterministic", 4)}
TWO: Machines = {"1": Machine("exponential", 4), "4": Machine("deterministic", 4)}
LIMIT = ONE["4"].limit_at(0.85)


def concluded(of: Study, machines: Machines = ONE) -> Answer:
    of, outcomes = conducted(of, machines)
    return KIND.conclude(of, outcomes)


def of_rate(value: float, spread: float = 0.02, verdict: str = "found", **more: object) -> Capacity:
    found = Capacity(
        point={"--agents": f"{value:g}"},
        verdict="found",
        rate=Estimate(value, value * (1 - spread), value * (1 + spread)),
        confirmed=True,
        confirmed_rate=value * (1 - spread),
        closed_loop_per_s=2 * value,
        fastest_ms=5.0,
        slo="p99:20",
        limits="p99:20",
        half_width_percent=100 * spread,
        needed_s=1.0,
        trials=(),
        command="ovbench-coord",
    )
    return structs.replace(found, verdict=verdict, **more)


def longer(rate: float, kept: bool) -> RateTrial:
    return RateTrial("0009", rate, 19.0 if kept else 21.0, None, kept, "VALID", confirming=True)


# What is refused


@pytest.mark.parametrize(
    ("argv", "own", "why"),
    [
        ((), {}, "give the latency to keep, as in --slo p99:20"),
        ((), {"slo": ["p100:20"]}, "no run is long enough to show p100"),
        (("--slo-ms", "20"), {"slo": ["p99:20"]}, "leave --slo-ms out"),
        (("--rate", "100"), {"slo": ["p99:20"]}, "--rate is set by the study itself"),
        (("-niter", "100"), {"slo": ["p99:20"]}, "give -t and leave -niter out"),
        (("-t", "5,10"), {"slo": ["p99:20"]}, "-t has 2 values; give it one"),
        (("-nireq", "1,2"), {"slo": ["p99:20"], "partitions": True}, "-nireq has 2 values"),
    ],
)
def test_what_makes_no_search_is_refused_in_a_sentence(argv: tuple[str, ...], own: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        KIND.design(parse_axes(argv), machine(cores=4), own)


def test_fewer_trials_than_a_search_takes_are_refused() -> None:
    made = KIND.design(parse_axes(()), machine(cores=4), {"slo": ["p99:20"]})
    with pytest.raises(UsageError, match="--repetitions 7 is too few"):
        KIND.trials(made, 7, 0)


def test_partitions_are_all_cuts_of_the_same_cores() -> None:
    made = KIND.design(parse_axes(()), machine(cores=4), {"slo": ["p99:20"], "partitions": True})
    cuts = [(point["--agents"], point["-nstreams"]) for point in made.points]
    assert cuts == [("1", "4"), ("2", "2"), ("4", "1")]
    assert KIND.design(parse_axes(("--agents", "1,2")), machine(cores=4), {"slo": ["p99:20"]}).points == (
        {"--agents": "1"}, {"--agents": "2"},
    )  # fmt: skip


def test_what_is_asked_for_is_kept_in_the_plan() -> None:
    own = {"slo": ["p99:20", "goodput:50:5"], "within_percent": 2.0}
    planned = KIND.planned(study([LIMIT]), own)
    assert (planned.slo, planned.within_percent, planned.retry_suspect) == ("p99:20,p50:5", 2.0, 0)
    assert planned.at_rate[-2:] == ("--slo-ms", "p99:20,p50:5")


# What is said


def test_the_headline_has_the_rate_which_is_near_the_truth() -> None:
    found = concluded(study([LIMIT]))
    (capacity,) = found.capacities
    truth = ONE["4"].capacity(LIMIT)
    assert capacity.verdict == "found"
    assert capacity.rate is not None
    assert capacity.rate.value == pytest.approx(truth, rel=0.05)
    assert found.headline.startswith("This machine serves ")
    assert found.headline.endswith(f"with p99 within {LIMIT.limit_ms:g} ms: 4 agents of 1 CPU with 1 stream each.")
    assert found.lines[0].startswith("That is ")
    assert found.lines[1].startswith("A longer run at ")
    assert not found.unsaid
    assert b'"verdict": "found"' in answer_json(found)


def test_each_rate_has_the_command_line_that_runs_it() -> None:
    found = concluded(study([LIMIT]))
    low = found.capacities[0].rate
    assert low is not None
    assert low.low is not None
    (choice,) = found.choices
    words = f"ovbench-coord -m model.xml -t 200 --agents 4 -nstreams 1 --slo-ms {LIMIT} --rate {low.low:.6g}"
    assert choice.setting.command == words


def test_settings_are_ranked_by_what_they_serve() -> None:
    limit = Objective(60.0, 99.0)
    found = concluded(study([limit], ("1", "4")), TWO)
    assert [setting.point["--agents"] for setting in found.settings] == ["4", "1"]
    first, second = found.capacities
    assert (first.less_percent, second.differs) == (None, True)
    assert second.less_percent is not None
    truth = 100 * (1 - TWO["1"].capacity(limit) / TWO["4"].capacity(limit))
    assert second.less_percent == pytest.approx(truth, abs=5)
    assert any(line.startswith("1 agent of 4 CPUs with 4 streams: ") for line in found.lines)


def test_what_chance_may_explain_is_no_difference() -> None:
    near, far = ranked((of_rate(98), of_rate(100)))[1], ranked((of_rate(80), of_rate(100)))[1]
    assert (near.differs, far.differs) == (False, True)
    assert [near.less_percent, far.less_percent] == pytest.approx([2, 20])
    assert "2 % less, not statistically significant" in "".join(lines(ranked((of_rate(98), of_rate(100)))))


def test_the_doubt_is_shared_out_among_the_comparisons() -> None:
    two = ranked((of_rate(100), of_rate(97)))
    many = ranked((of_rate(100), of_rate(97), *(of_rate(50 + at) for at in range(20))))
    assert (two[1].differs, many[1].differs) == (True, False)


def test_a_limit_below_the_fastest_inference_ends_after_the_first_trial() -> None:
    of, outcomes = conducted(study([Objective(8.0, 99.0)]), ONE)
    found = KIND.conclude(of, outcomes)
    assert len(outcomes) == 1
    assert found.headline.startswith("No rate keeps p99 within 8 ms; it takes ")
    assert KIND.code(found) == ExitCode.INVALID


def test_a_percentile_that_trials_cannot_show_says_how_long_they_must_be() -> None:
    of, outcomes = conducted(study([Objective(60.0, 99.999)]), ONE)
    found = KIND.conclude(of, outcomes)
    assert len(outcomes) == 1
    assert found.headline.startswith("Trials are too short to show p99.999: at rates of up to ")
    assert "; give -t " in found.headline
    assert KIND.code(found) == ExitCode.USAGE


def test_a_limit_that_only_a_rate_keeps_that_trials_cannot_show_ends_soon() -> None:
    slow: Machines = {"4": Machine("deterministic", 1)}
    limit = slow["4"].limit_at(0.3)
    short = study([limit])
    trials = tuple(structs.replace(one, argv=("-t", "5")) for one in short.trials)
    of, outcomes = conducted(structs.replace(short, trials=trials), slow)
    found = KIND.conclude(of, outcomes)
    assert found.capacities[0].verdict == "too short"
    assert len(outcomes) <= 6
    needed = found.capacities[0].needed_s
    assert needed is not None
    assert 0.5 < needed / (300 / slow["4"].capacity(limit)) < 3


def test_a_limit_that_is_kept_up_to_saturation_says_that_saturation_ends_it() -> None:
    found = concluded(study([Objective(5000.0, 99.0)]))
    assert found.capacities[0].verdict == "saturated"
    assert any("saturation is what ends it" in line for line in found.lines)


def test_of_several_limits_the_one_that_ends_it_is_named() -> None:
    found = concluded(study([LIMIT, Objective(500.0, 50.0)]))
    assert found.capacities[0].slo == str(LIMIT)
    assert "with p99 within" in found.headline
    assert "and p50 within 500 ms" in found.headline
    assert "p99 is what ends it: the other limit holds at higher rates, too." in found.lines


def test_too_wide_an_interval_is_said() -> None:
    wild: Machines = {"4": Machine("deterministic", 4, noise=0.6, draw=Random(3))}
    found = concluded(study([LIMIT], repetitions=10), wild)
    text = " ".join((found.headline, *found.unsaid))
    assert found.capacities[0].verdict in ("too noisy", "not confirmed")
    assert text.startswith(("Wider than asked for: this machine serves", "Not confirmed: this machine serves"))
    one = of_rate(100, 0.2, verdict="too noisy")
    assert "interval is ±20.0 %, wider than was asked for" in "".join(unsaid((one,), 10))


def test_disturbed_trials_make_a_capacity_suspect() -> None:
    of, outcomes = conducted(study([LIMIT]), ONE)
    disturbed = [structs.replace(one, status="SUSPECT", findings=("other_load",)) for one in outcomes]
    found = KIND.conclude(of, disturbed)
    assert found.headline.startswith("SUSPECT: ")
    early = [structs.replace(one, status="SUSPECT", findings=("other_load",)) for one in outcomes[:4]]
    before = structs.replace(of, trials=of.trials[:4])
    assert KIND.conclude(before, early).headline.startswith("SUSPECT, so far: this machine serves")
    number = len(outcomes) - 1
    assert any(f"{number} of {number} trials at rates were disturbed" in line for line in found.unsaid)


def test_before_the_end_it_says_what_is_known() -> None:
    of, outcomes = conducted(study([LIMIT]), ONE, most_trials=1)
    assert KIND.conclude(of, outcomes).headline.startswith("Inconclusive so far: no rate has been tried yet")
    assert KIND.so_far(of, outcomes).endswith("/s back to back")
    of, outcomes = conducted(study([LIMIT]), ONE, most_trials=4)
    assert KIND.conclude(of, outcomes).headline.startswith("So far: this machine serves")
    assert " to " in KIND.so_far(of, outcomes)
    assert (so_far(()), headline(of, ())) == ("", "Inconclusive: nothing has been measured.")


def test_trials_that_fail_end_the_search() -> None:
    of = study([LIMIT])
    outcomes: list[Outcome] = []
    while (now := KIND.next(of, outcomes)) is not None:
        known = {trial.id for trial in of.trials}
        of = structs.replace(of, trials=(*of.trials, *(one for one in now.trials if one.id not in known)))
        outcomes += [
            Outcome(trial.id, trial.point, 0, "", 1.0, 2, "FAILED", why="it cannot be") for trial in now.trials
        ]
    assert len(outcomes) == 3
    found = KIND.conclude(of, outcomes)
    assert found.headline == "Inconclusive: its trials failed."
    assert any("it cannot be (3)" in line for line in found.unsaid)


def test_a_search_that_trials_cut_short_by_failing_is_said_to_be() -> None:
    cut = of_rate(100, verdict="not measured")
    assert headline(study([LIMIT]), (cut,)).startswith("Cut short by trials that failed: this machine serves 100.0")
    assert any("; cut short by trials that failed." in line for line in lines(ranked((of_rate(120), cut))))


def test_what_did_not_keep_the_limit_before_another_run_did_is_said() -> None:
    runs = (longer(98.0, kept=False), longer(95.0, kept=True))
    said = list(unsaid((of_rate(100, trials=runs),), 30))
    assert said == ["A longer run at 98.00/s did not keep the limit, before one did."]
    assert not list(unsaid((of_rate(100, trials=runs[1:]),), 30))


def test_a_capacity_above_the_closed_loop_is_doubted() -> None:
    (said,) = unsaid((of_rate(100, closed_loop_per_s=80.0),), 30)
    assert said.startswith("It is above the 80.00/s of the closed loop")


def test_before_a_run_that_confirms_the_figures_are_of_a_trial_at_a_rate() -> None:
    of, outcomes = conducted(study([LIMIT]), ONE, most_trials=4)
    (setting,) = KIND.conclude(of, outcomes).settings
    (capacity,) = KIND.conclude(of, outcomes).capacities
    rates = {one.rate: one for one in capacity.trials if one.kept}
    assert setting.fps is not None
    assert setting.fps.value in rates
    assert setting.fps.value != pytest.approx(capacity.closed_loop_per_s)


def test_overload_is_no_failure() -> None:
    of, outcomes = conducted(study([Objective(5000.0, 99.0)]), ONE)
    over = [one for one in outcomes if one.status == "INVALID"]
    assert all(map(KIND.intended, over))
    assert not any("left out" in line for line in KIND.conclude(of, outcomes).unsaid)


def test_every_trial_has_agents_of_its_own() -> None:
    of, _ = conducted(study([LIMIT]), ONE, most_trials=3)
    assert all(KIND.anew(before, after) for before, after in zip(of.trials, of.trials[1:], strict=False))


# However it is cut off


def ends(of: Study, machines: Machines) -> tuple[Sequence[Outcome], Answer]:
    of, outcomes = conducted(of, machines)
    return outcomes, KIND.conclude(of, outcomes)


def test_it_ends_alike_however_often_it_is_cut_off_and_resumed() -> None:
    """Killed at twenty moments: before a trial is issued, while it runs, and when it has been kept."""
    planned = study([Objective(60.0, 99.0)], ("1", "4"))
    outcomes, whole = ends(planned, TWO)
    draw = Random(3)
    for _ in range(20):
        of, kept = planned, list[Outcome]()
        of = resumed(of, kept, TWO, draw.randrange(len(outcomes)))
        if draw.random() < 0.5 and (now := KIND.next(of, kept)) is not None:
            known = {trial.id for trial in of.trials}
            of = structs.replace(of, trials=(*of.trials, *(one for one in now.trials if one.id not in known)))
            kept += [answered(of, trial, TWO) for trial in now.trials[: draw.randrange(len(now.trials) + 1)]]
        of = resumed(of, kept, TWO)
        assert KIND.conclude(of, kept) == whole


def test_the_most_trials_are_foreseen() -> None:
    of = study([LIMIT], ("1", "4"), repetitions=12)
    assert KIND.foreseen(of) == 22
    assert KIND.longer(of) == 12
    of, _ = conducted(of, TWO, most_trials=6)
    assert KIND.foreseen(of) == 24 - len(of.trials)


# On the page


def test_the_curve_crosses_the_limit_at_the_capacity() -> None:
    (capacity,) = concluded(study([LIMIT])).capacities
    assert capacity.rate is not None
    below = [ms for at, ms in capacity.curve if at < 0.97 * capacity.rate.value]
    above = [ms for at, ms in capacity.curve if at > 1.03 * capacity.rate.value]
    assert max(below) < LIMIT.limit_ms < min(above)


def test_the_table_has_what_each_setting_serves() -> None:
    found = concluded(study([Objective(60.0, 99.0)], ("1", "4")), TWO)
    columns = {column.title: column.cell for column in KIND.columns(found)}
    best, other = found.settings
    first = found.capacities[0]
    assert first.rate is not None
    assert columns["requests/s"](best) == f"{first.rate.value:.1f}"
    assert (columns["less"](best), columns["less"](other)[-1]) == ("-", "%")
    assert columns["trials"](best) == str(len(first.trials) + 1)
