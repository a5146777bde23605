"""What is known of a verdict while a run goes on."""

from ovbench.coordinator.checks.sofar import SoFar
from ovbench.coordinator.session.events import (
    AgentLost,
    Concluded,
    Delivering,
    Event,
    Joining,
    RunEnded,
    Snapshot,
    Standing,
    Stopping,
    WarmingUp,
)


def told(*events: Event) -> list[Standing]:
    so_far = SoFar()
    return [standing for event in events if (standing := so_far.add(event)) is not None]


LOST = AgentLost(2, 1, "agent 1", "it was killed")


def test_a_run_is_valid_until_something_is_known_and_that_is_told_once() -> None:
    assert told(WarmingUp(1, 2), LOST, LOST, Delivering(3, 2, 0)) == [
        Standing(1, "VALID", ()),
        Standing(2, "PARTIAL", ("agent_lost",)),
    ]


def test_several_reasons_are_named_together() -> None:
    assert told(LOST, Stopping(3))[-1] == Standing(3, "PARTIAL", ("agent_lost", "interrupted"))


def load(others_percent: float | None) -> Snapshot:
    return Snapshot(9, 1.0, 1.0, 0.5, 1.0, 1, 1.0, 100.0, (), others_percent=others_percent)


def test_others_make_a_run_suspect_when_they_have_taken_more_than_is_allowed_on_average() -> None:
    busy, idle = load(90.0), load(0.0)
    assert told(busy, busy) == [Standing(9, "VALID", ())]
    assert told(busy, busy, busy)[-1] == Standing(9, "SUSPECT", ("other_load",))
    assert told(busy, *[idle] * 18)[-1] == Standing(9, "VALID", ())
    assert told(*[load(None)] * 9) == [Standing(9, "VALID", ())]


def test_a_loss_weighs_more_than_a_doubt() -> None:
    assert told(*[load(90.0)] * 3, LOST)[-1] == Standing(2, "PARTIAL", ("agent_lost", "other_load"))


def test_the_report_has_the_last_word() -> None:
    end = Concluded(5, "SUSPECT", ("trend",), 1.0, 1.0, 1.0, None)
    assert told(WarmingUp(1, 2), RunEnded(4, False, ()), end)[-1] == Standing(5, "SUSPECT", ("trend",))


def test_each_trial_of_a_study_begins_anew() -> None:
    events = (LOST, RunEnded(3, False, ()), Joining(4, 2, (0, 1)), LOST)
    assert [one.status for one in told(*events)] == ["PARTIAL", "VALID", "PARTIAL"]
