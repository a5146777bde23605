"""Which outcomes stand for a study's trials, where some were run several times, and whose figures are used. Pure.

Attempt 0 is the plan's; a trial that was SUSPECT is run again at the end, in rounds, and each attempt stays on record.
The verdict alone chooses between attempts, never a figure: the best verdict stands, of equal ones the last. Of A
against B whole blocks are run again, and stand as a whole, as a drift of the machine cancels within a block.

Figures are of VALID trials. Where a setting (of A against B: three blocks) has none, they are of its SUSPECT ones, and
it is said: on a machine that is never quiet a doubtful figure that is called one is better than none.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..result.findings import EFFECTS, Code
from ..result.study import Outcome, Trial

_RANKS: Final = {"FAILED": 0, "PARTIAL": 1, "INVALID": 2, "SUSPECT": 3, "VALID": 4}
_MISSING: Final = -1
_OF_THE_PLAN: Final = (Code.OVERSUBSCRIBED, Code.UNFAIR, Code.REMOTE_MEMORY)
"""What a trial is SUSPECT of however often it is run."""
_PASSING: Final = {code for code, effect in EFFECTS.items() if effect == "doubt"}.difference(_OF_THE_PLAN)

Attempts = Mapping[int, Outcome]


Units = Sequence[Sequence[Trial]]
"""Trials that are run again, and stand or not, as a whole: each by itself, or the blocks of A against B."""


def standing(units: Units, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """One of each trial that has ended, in the order in which they ended first."""
    return _standing(units, attempts_of(outcomes))


def attempts_of(outcomes: Iterable[Outcome]) -> dict[str, dict[int, Outcome]]:
    """By trial and attempt; of several lines of one the last."""
    found: dict[str, dict[int, Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.trial, {})[outcome.attempt] = outcome
    return found


def _standing(units: Units, attempts: Mapping[str, Attempts]) -> tuple[Outcome, ...]:
    chosen = {trial: _best(several) for trial, several in attempts.items()}
    for unit in units:
        number = _best_of_all([attempts.get(trial.id, {}) for trial in unit])
        chosen |= {t.id: attempts[t.id][number] for t in unit if number in attempts.get(t.id, {})}
    return tuple(chosen.values())


def _best(attempts: Attempts) -> Outcome:
    return max(attempts.values(), key=lambda outcome: (_RANKS[outcome.status], outcome.attempt))


def _best_of_all(unit: Sequence[Attempts]) -> int:
    numbers = {number for attempts in unit for number in attempts} or {0}
    return max(numbers, key=lambda number: (min(_rank(attempts.get(number)) for attempts in unit), number))


def _rank(outcome: Outcome | None) -> int:
    return _MISSING if outcome is None else _RANKS[outcome.status]


def again(units: Units, outcomes: Iterable[Outcome], attempt: int) -> tuple[Trial, ...]:
    """What is still to be run in that round (from 1): what is SUSPECT by the attempts before it, for a reason that may
    pass, and has not been run in it yet. A round is so the same however often the study was cut off in it."""
    attempts = attempts_of(outcomes)
    before = {trial: {n: one for n, one in several.items() if n < attempt} for trial, several in attempts.items()}
    known = _standing(units, {trial: several for trial, several in before.items() if several})
    doubtful = {outcome.trial for outcome in known if outcome.status == "SUSPECT" and _may_pass(outcome)}
    return tuple(
        trial
        for unit in units
        if any(one.id in doubtful for one in unit)
        for trial in unit
        if attempt not in attempts.get(trial.id, {})
    )


def _may_pass(outcome: Outcome) -> bool:
    found = set(outcome.findings)
    return not found.isdisjoint(_PASSING) or found.isdisjoint(_OF_THE_PLAN)


def measured(outcome: Outcome) -> bool:
    return outcome.fps is not None and outcome.fps > 0


def used(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Of the trials of one setting those whose figures are used: the VALID ones, else the SUSPECT ones."""
    for status in ("VALID", "SUSPECT"):
        good = [outcome for outcome in outcomes if outcome.status == status and measured(outcome)]
        if good:
            return good
    return []
