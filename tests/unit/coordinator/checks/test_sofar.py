"""What is known of a verdict while a run goes on."""

from ovbench.coordinator.checks.sofar import SoFar
from ovbench.coordinator.session.events import (
    AgentLost,
    Concluded,
    Delivering,
    Event,
    Joining,
    RunEnded,
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


def test_the_report_has_the_last_word() -> None:
    end = Concluded(5, "SUSPECT", ("trend",), 1.0, 1.0, 1.0, None)
    assert told(WarmingUp(1, 2), RunEnded(4, False, ()), end)[-1] == Standing(5, "SUSPECT", ("trend",))


def test_each_trial_of_a_study_begins_anew() -> None:
    events = (LOST, RunEnded(3, False, ()), Joining(4, 2, (0, 1)), LOST)
    assert [one.status for one in told(*events)] == ["PARTIAL", "VALID", "PARTIAL"]
