from random import Random

from msgspec import structs

from ovbench.coordinator.result.study import Fingerprint, Outcome, Study, Trial
from ovbench.coordinator.study.capacity import capacity_of
from ovbench.coordinator.study.searches import Searches, SettingSearch, setting_of
from tests.searches import Machine

MACHINES = {"1": Machine("deterministic", 4, draw=Random(1)), "2": Machine("exponential", 4, draw=Random(2))}
LIMIT = MACHINES["2"].limit_at(0.85)
COMMON = ("--backend", "null:10000", "-t", "20")


def study(slo: str = str(LIMIT), at_rate: tuple[str, ...] = ()) -> Study:
    """Of two settings, which are two machines."""
    points = [{"--agents": agents} for agents in MACHINES]
    return Study(
        ovbench="0", kind="sweep", created_at="", command=(), seed=1, repetitions=30,
        axes={"--agents": tuple(MACHINES), "--rate": ()},
        trials=tuple(
            Trial(f"{number:04}", point, 0, (*COMMON, "--agents", point["--agents"]))
            for number, point in enumerate(points, 1)
        ),
        fingerprint=Fingerprint({}, {}), slo=slo, at_rate=(*at_rate, "--slo-ms", slo), within_percent=3.0,
    )  # fmt: skip


def answered(of: Study, trials: tuple[Trial, ...], before: Searches) -> list[Outcome]:
    found: list[Outcome] = []
    for trial in trials:
        setting = next(one for one in before.settings if one.point == setting_of(trial))
        step = setting.search.next()
        assert step is not None
        outcome = MACHINES[trial.point["--agents"]].answer(step, setting.search.terms.objectives, trial.id)
        found.append(structs.replace(outcome, point=trial.point))
    return found


def conducted(of: Study, most_rounds: int = 100) -> tuple[Study, list[Outcome]]:
    outcomes = answered(of, of.trials, Searches.of(of, ()))
    for _ in range(most_rounds):
        searches = Searches.of(of, outcomes)
        trials = searches.next()
        if not trials:
            break
        outcomes += answered(of, trials, searches)
        of = structs.replace(of, trials=(*of.trials, *trials))
    return of, outcomes


def word(trial: Trial, flag: str) -> str:
    return trial.argv[trial.argv.index(flag) + 1]


def test_each_round_has_a_trial_of_every_search_that_goes_on() -> None:
    of, _ = conducted(study(), most_rounds=4)
    for at in range(0, len(of.trials), 2):
        assert {trial.point["--agents"] for trial in of.trials[at : at + 2]} == {"1", "2"}


def test_trials_of_a_round_have_the_same_arrivals_and_no_two_rounds_have() -> None:
    of, _ = conducted(study(), most_rounds=5)
    seeds = [word(trial, "--arrival-seed") for trial in of.trials[2:]]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds[::2])) == len(seeds) // 2


def test_a_study_that_is_replayed_from_its_plan_and_outcomes_stands_where_it_stood() -> None:
    of, outcomes = conducted(study())
    again = Searches.of(of, outcomes)
    assert again.next() == ()
    for setting in again.settings:
        search = setting.search
        for end, one in enumerate(search.past):
            assert type(search)(search.terms, search.past[:end]).next() == one.step


def test_what_is_left_after_any_trial_is_what_would_have_come() -> None:
    """An end at any moment changes no decision."""
    of, outcomes = conducted(study(), most_rounds=6)
    for end in range(2, len(of.trials), 2):
        before = structs.replace(of, trials=of.trials[:end])
        assert Searches.of(before, outcomes[:end]).next() == of.trials[end : end + 2]


def test_the_trial_that_confirms_is_longer_and_has_no_second_length() -> None:
    of, _ = conducted(study())
    confirming = [trial for trial in of.trials if "-t" in trial.point]
    assert confirming
    for trial in confirming:
        assert trial.argv.count("-t") == 1
        assert word(trial, "-t") == trial.point["-t"] == "60"


def test_the_capacity_of_each_setting_is_that_of_its_machine() -> None:
    of, outcomes = conducted(study())
    searches = Searches.of(of, outcomes)
    for setting in searches.settings:
        found = capacity_of(setting, "ovbench-coord")
        truth = MACHINES[setting.point["--agents"]].capacity(LIMIT)
        assert found.rate is not None
        assert abs(found.rate.value / truth - 1) < 0.05
        assert found.command == f"ovbench-coord --rate {found.rate.low:.6g}"
        assert found.slo == str(LIMIT)
        assert len(found.trials) == len(setting.trials) - 1


def first(of: Study) -> SettingSearch:
    return Searches.of(of, ()).settings[0]


def test_terms_are_those_of_the_trials() -> None:
    terms = first(study(at_rate=("--arrivals", "gamma:2", "--dispatch", "random"))).search.terms
    assert (terms.seconds, terms.arrivals_squared_variation, terms.separate) == (20.0, 4.0, True)
    assert first(study()).search.terms.arrivals_squared_variation == 1.0
    assert not first(study()).search.terms.separate
    dealt = {way: first(study(at_rate=("--dispatch", way))).search.terms for way in ("random", "round-robin")}
    assert [(one.separate, one.in_turn) for one in dealt.values()] == [(True, False), (True, True)]


def test_settings_are_in_the_order_in_which_they_were_given() -> None:
    of, outcomes = conducted(study(), most_rounds=3)
    assert [one.point["--agents"] for one in Searches.of(of, outcomes).settings] == ["1", "2"]
