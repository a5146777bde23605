"""What happens in a study, beside the events of its trials' runs: a round or a trial begins, a trial has ended."""

from ..result.study import KindName, Outcome, Trial
from ..session.events import Event


class StudyPlanned(Event, frozen=True, tag="study"):
    """A study is about to begin, or to go on: so many of its `trials` are `left`."""

    ovbench: str
    command: tuple[str, ...]
    kind: KindName
    folder: str
    trials: int
    left: int


class RoundBegins(Event, frozen=True, tag="round_begins"):
    """Trials are run again: `rerun` says which, in words. `number`: of the round among `rounds`, from 1."""

    rerun: str
    number: int
    rounds: int
    trials: int


class Installing(Event, frozen=True, tag="installing"):
    """A release of OpenVINO that a trial needs; `text`: what is done, in a few words."""

    text: str


class TrialBegins(Event, frozen=True, tag="trial_begins"):
    """`number`: of the trial among `trials`, from 1; `left_s`: until all are done, None where that is not known.
    `so_far`: what a search knows by now, in words; else empty."""

    trial: Trial
    number: int
    trials: int
    left_s: float | None
    so_far: str = ""


class TrialEnded(Event, frozen=True, tag="trial_ended"):
    """The trial has been kept. `number` and `trials` as where it began."""

    outcome: Outcome
    number: int
    trials: int
