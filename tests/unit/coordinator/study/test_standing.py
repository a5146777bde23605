"""Which attempt at a trial stands, what is run again, and whose figures are used."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ovbench.coordinator.result.study import Outcome, Study, Trial
from ovbench.coordinator.study.kinds.registry import kind_of
from tests.studies import Status, answer, outcome, settings_of, standing, study

STATUSES: st.SearchStrategy[Status] = st.sampled_from(("VALID", "SUSPECT", "INVALID", "PARTIAL", "FAILED"))


def sweep(repetitions: int = 1) -> Study:
    return study({"-nstreams": ("1", "2", "4")}, repetitions=repetitions)


def again(planned: Study, done: Sequence[Outcome], attempt: int) -> tuple[Trial, ...]:
    return kind_of(planned).suspect(planned, done, attempt)


def ids(trials: object) -> list[str]:
    return [one.trial if isinstance(one, Outcome) else one.id for one in trials]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [("SUSPECT", "VALID", 1), ("SUSPECT", "SUSPECT", 1), ("SUSPECT", "INVALID", 0), ("SUSPECT", "PARTIAL", 0)],
)
def test_the_better_verdict_stands_and_of_equal_ones_the_last(first: Status, second: Status, stands: int) -> None:
    planned = sweep()
    trial = planned.trials[0]
    done = [outcome(trial, 500.0, status=first), outcome(trial, 100.0, status=second, attempt=1)]
    assert [one.attempt for one in standing(planned, done)] == [stands]


def test_a_larger_figure_never_makes_an_attempt_stand() -> None:
    planned = sweep()
    trial = planned.trials[0]
    done = [outcome(trial, 500.0, status="SUSPECT"), outcome(trial, 1.0, status="SUSPECT", attempt=1)]
    assert [one.fps for one in standing(planned, done)] == [1.0]


def test_what_is_suspect_is_run_again_once_a_round_and_no_more() -> None:
    planned = sweep()
    one, two, four = planned.trials
    done = [outcome(one, 1.0, status="SUSPECT"), outcome(two, 1.0), outcome(four, 1.0, status="INVALID")]
    assert ids(again(planned, done, 1)) == [one.id]
    done.append(outcome(one, 1.0, status="SUSPECT", attempt=1))
    assert again(planned, done, 1) == ()
    assert ids(again(planned, done, 2)) == [one.id]
    done.append(outcome(one, 1.0, attempt=2))
    assert [again(planned, done, number) for number in (1, 2, 3)] == [(), (), ()]


@given(data=st.data())
def test_a_round_that_was_cut_off_goes_on_with_what_is_missing_of_it(data: st.DataObject) -> None:
    """However far it came, and whatever came of it, all of it is run once."""
    planned = study({"side": ("A", "B")}, data.draw(st.sampled_from(("ab", "sweep"))), 3)
    done = [outcome(trial, 1.0, status=data.draw(STATUSES)) for trial in planned.trials]
    whole = again(planned, done, 1)
    part = whole[: data.draw(st.integers(0, len(whole)))]
    done += [outcome(trial, 1.0, status=data.draw(STATUSES), attempt=1) for trial in part]
    ran = {one.trial for one in done if one.attempt == 1}
    assert ids(again(planned, done, 1)) == [trial.id for trial in whole if trial.id not in ran]
    assert {one.trial for one in standing(planned, done)} == {trial.id for trial in planned.trials}


@pytest.mark.parametrize(
    ("findings", "run_again"),
    [(("oversubscribed",), False), (("oversubscribed", "steal"), True), (("other_load",), True), ((), True)],
)
def test_what_another_run_cannot_mend_is_not_run_again(findings: tuple[str, ...], run_again: bool) -> None:
    planned = sweep()
    done = [outcome(planned.trials[0], 1.0, status="SUSPECT", findings=findings)]
    assert bool(again(planned, done, 1)) is run_again


def test_blocks_of_a_against_b_are_run_again_and_stand_as_a_whole() -> None:
    planned = study({"side": ("A", "B")}, "ab", 2)
    done = [outcome(trial, 100.0) for trial in planned.trials]
    done[5] = structs.replace(done[5], status="SUSPECT")
    block = planned.trials[4:8]
    assert again(planned, done, 1) == block
    done += [outcome(trial, 50.0, attempt=1) for trial in block[:3]]
    assert {one.attempt for one in standing(planned, done)} == {0}, "cut off within the block"
    done.append(outcome(block[3], 50.0, attempt=1))
    assert [one.attempt for one in standing(planned, done)] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_figures_are_of_valid_trials_and_of_suspect_ones_where_there_are_no_others() -> None:
    planned = study({"-nstreams": ("1", "2")}, repetitions=2)
    done = [
        outcome(t, 100.0 if t.repetition else 900.0, 2.0,
                status="SUSPECT" if t.repetition == 0 or t.point["-nstreams"] == "2" else "VALID")
        for t in planned.trials
    ]  # fmt: skip
    one, two = settings_of(planned, done)
    assert (one.fps_of_trials, one.suspect) == ((100.0,), False)
    assert (two.fps_of_trials, two.suspect) == ((900.0, 100.0), True)


def test_what_only_suspect_trials_speak_for_is_recommended_for_nothing() -> None:
    planned = study({"-nstreams": ("1", "2")}, repetitions=2)
    done = [outcome(t, 100.0 * int(t.point["-nstreams"]), 2.0 / int(t.point["-nstreams"]),
                    status="VALID" if t.point["-nstreams"] == "1" else "SUSPECT") for t in planned.trials]  # fmt: skip
    found = answer(planned, done)
    assert found.headline == "Most throughput: 100.0 FPS (100.0 to 100.0) with -nstreams 1."
    assert [setting.name for setting in found.front] == ["-nstreams 1"]
    assert "Only SUSPECT trials are known of -nstreams 2: their figures are shown, but never named best." in (
        found.unsaid
    )


def test_a_study_without_a_valid_trial_says_so_first() -> None:
    planned = sweep(2)
    done = [outcome(t, 100.0 * int(t.point["-nstreams"]), 2.0, status="SUSPECT") for t in planned.trials]
    found = answer(planned, done)
    assert found.headline.startswith("SUSPECT: Most throughput: 400.0 FPS")
    assert any(line.startswith("No trial was VALID, so the figures are of SUSPECT ones") for line in found.unsaid)


def test_a_verdict_takes_suspect_blocks_only_where_valid_ones_are_too_few() -> None:
    planned = study({"side": ("A", "B")}, "ab", 4)
    done = [outcome(t, 100.0 if t.repetition else 50.0, status="VALID" if t.repetition else "SUSPECT")
            for t in planned.trials]  # fmt: skip
    found = answer(planned, done)
    assert (found.comparisons[0].blocks, found.headline.startswith("SUSPECT")) == (3, False)
    worse = [structs.replace(one, status="SUSPECT") if one.repetition == 1 else one for one in done]
    found = answer(planned, worse)
    assert (found.comparisons[0].blocks, found.headline.startswith("SUSPECT")) == (4, True)


def test_how_many_were_run_again_is_said() -> None:
    planned = sweep()
    one, two, four = planned.trials
    done = [outcome(t, 100.0, 2.0, status="SUSPECT") for t in (one, two)] + [outcome(four, 100.0, 2.0)]
    done += [outcome(one, 100.0, 2.0, attempt=1), outcome(two, 100.0, 2.0, status="SUSPECT", attempt=1)]
    said = answer(planned, done).unsaid
    assert (
        "2 trials were repeated because of SUSPECT verdicts; of each the better verdict stands: 1 VALID, 1 SUSPECT."
        in said
    )
