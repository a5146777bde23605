"""Trials summed up by setting."""

import pytest

from ovbench.coordinator.stats.estimate import geometric
from tests.studies import at_rate, outcome, outcomes, settings_of, study

AXES = {"-nstreams": ("1", "2", "10"), "-api": ("sync", "async")}


def test_settings_are_in_the_order_of_their_values_however_the_trials_were_run() -> None:
    planned = study(AXES, repetitions=2)
    shuffled = outcomes(planned, lambda p: 100.0, lambda p: 2.0)[::-1]
    names = [setting.name for setting in settings_of(planned, shuffled)]
    assert names == [f"-nstreams {n} -api {api}" for n in (1, 2, 10) for api in ("sync", "async")]


def test_figures_are_means_over_repetitions_with_their_intervals() -> None:
    planned = study({"-b": ("4",)}, repetitions=3)
    done = [outcome(trial, fps, p99) for trial, fps, p99 in zip(planned.trials, (90, 100, 110), (2, 3, 4), strict=True)]
    (setting,) = settings_of(planned, done)
    assert setting.fps == geometric([90, 100, 110])
    assert setting.p99_ms == geometric([2, 3, 4])
    assert setting.median_ms == geometric([1, 1.5, 2])
    assert setting.frames_per_cpu_s == pytest.approx((45 * 50 * 55) ** (1 / 3))
    assert (setting.batch, len(setting.used), setting.trials) == (4, 3, {"VALID": 3})


def test_only_valid_trials_are_counted_and_the_others_are_reported() -> None:
    planned = study({"-b": ("1",)}, repetitions=6)
    one, two, three, four, five, _ = planned.trials
    done = [
        outcome(one, 100, 2),
        outcome(two, 900, 9, status="INVALID"),
        outcome(three, 900, 9, status="PARTIAL"),
        outcome(four, None, status="FAILED"),
        outcome(five, None),
    ]
    (setting,) = settings_of(planned, done)
    assert setting.fps_of_trials == (100,)
    assert setting.trials == {"FAILED": 2, "INVALID": 1, "PARTIAL": 1, "VALID": 1, "NOT RUN": 1}


def test_of_a_trial_that_was_run_again_the_last_outcome_counts() -> None:
    planned = study({"-b": ("1",)}, repetitions=1)
    trial = planned.trials[0]
    (setting,) = settings_of(planned, [outcome(trial, None, status="FAILED"), outcome(trial, 100, 2)])
    assert setting.fps_of_trials == (100,)


def test_an_outcome_of_another_plan_is_not_counted() -> None:
    planned, other = study({"-b": ("1",)}, repetitions=1), study({"-b": ("1",)}, repetitions=2)
    (setting,) = settings_of(planned, outcomes(other, lambda p: 100.0, lambda p: 2.0))
    assert len(setting.used) == 1


def test_the_command_can_be_pasted_into_a_shell() -> None:
    planned = study({"-nstreams": ("2",)}, model="/a folder/it's; rm.xml")
    (setting,) = settings_of(planned, [])
    assert setting.command == """ovbench-coord -m '/a folder/it'"'"'s; rm.xml' -nstreams 2"""
    assert setting.fps is None


def test_a_setting_at_a_rate_has_arithmetic_means_of_what_may_be_0() -> None:
    planned = study({"--rate": ("100",)}, repetitions=2)
    one, two = planned.trials
    (setting,) = settings_of(planned, [at_rate(one, 5.0, wait_p99_ms=0.0), at_rate(two, 5.0, wait_p99_ms=3.0)])
    assert setting.figures["wait_p99_ms"].value == 1.5
    assert setting.figures["goodput"].value == 0.98
    assert setting.at_least == {}


def test_what_one_trial_does_not_know_the_setting_does_not_know() -> None:
    """The mean of those that know it would be that of the trials that did well."""
    planned = study({"--rate": ("100",)}, repetitions=2)
    one, two = planned.trials
    (setting,) = settings_of(planned, [at_rate(one, 5.0), at_rate(two, None)])
    assert (setting.p99_ms, setting.p99_of_trials) == (None, ())
    assert "wait_p99_ms" not in setting.figures
    assert setting.at_least == {"p99_ms": pytest.approx((5.0 * 12.0) ** 0.5), "wait_p99_ms": pytest.approx(16.5**0.5)}
    assert setting.median_ms is not None
    assert setting.figures["unfinished"].value == 25.0
