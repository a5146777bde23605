"""Trials that were more than could be served, and nothing else."""

import pytest
from msgspec import structs

from ovbench.coordinator.result.study import Outcome
from ovbench.coordinator.study.overload import counted, only_overloaded, served, without_overload
from tests.studies import Status, outcome, study

TRIAL = study({"--rate": ("9",)}).trials[0]


def ended(status: Status, *findings: str) -> Outcome:
    return outcome(TRIAL, 100.0, 5.0, status=status, findings=findings)


@pytest.mark.parametrize(
    ("one", "only"),
    [
        (ended("INVALID", "overloaded"), True),
        (ended("INVALID", "overloaded", "other_load", "trend"), True),
        (ended("INVALID", "overloaded", "wrong_cpus"), False),
        (ended("INVALID", "cpu_quota"), False),
        (ended("SUSPECT", "overloaded"), False),
        (ended("PARTIAL", "overloaded", "agent_lost"), False),
        (ended("VALID"), False),
    ],
)
def test_only_overload_makes_it_what_was_intended(one: Outcome, only: bool) -> None:
    assert only_overloaded(one) is only


def test_what_may_be_overloaded_is_not_called_served() -> None:
    assert served(ended("VALID", "late_starts"))
    assert not served(ended("SUSPECT", "overloaded"))


def test_valid_trials_count_and_so_do_those_that_were_overloaded() -> None:
    valid, over, maybe = ended("VALID"), ended("INVALID", "overloaded"), ended("SUSPECT", "overloaded")
    disturbed, wrong = ended("SUSPECT", "steal"), ended("INVALID", "wrong_cpus")
    assert counted([valid, over, maybe, disturbed, wrong]) == [valid, over, maybe]
    assert counted([over, disturbed, wrong]) == [over, disturbed]
    assert counted([wrong, structs.replace(valid, fps=None)]) == []


def test_overload_that_is_intended_is_no_warning() -> None:
    assert without_overload(ended("INVALID", "overloaded", "steal")).findings == ("steal",)
