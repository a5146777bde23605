"""Capacity: the highest rate at which limits of the latency hold, of each setting, by a search with an interval."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from msgspec import structs

from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.topology import Topology

from ...request.slo import form_objectives
from ...result.study import Outcome, Study, Trial
from .. import capacitywords, words
from ..answer import Answer, Basis
from ..axes import Axes
from ..capacity import Capacity, capacity_of, ranked
from ..capacitycolumns import capacity_columns
from ..choices import Choice
from ..columns import Column
from ..cuts import cuts_of
from ..design import Design, refuse_other_axes, refuse_too_many
from ..overload import only_overloaded, without_overload
from ..ratefacts import is_disturbed
from ..ratetrials import (
    RATE,
    closed_loops,
    flags_at_rate,
    of_closed_loops,
    refuse_own_rates,
    refuse_p99_limit,
    trial_at,
)
from ..search import FEWEST, LONGER, MOST_CONFIRMING
from ..searches import TIME, Searches, SettingSearch
from ..summary import PROGRAM, Setting, setting_of
from .capacityflags import PARTITIONS, WITHIN
from .cards import CAPACITY
from .kind import ChartName, Kind, Round
from .slo import objectives_of, refuse_all_arrivals


class CapacityStudy(Kind):
    """A search for each setting: a closed loop, then a trial at a time, until the interval is narrow. `repetitions` is
    the most trials of a setting."""

    card: ClassVar = CAPACITY
    title: ClassVar = "Capacity under a limit of latency"
    ranks: ClassVar[bool] = False
    nameless: ClassVar[str] = "closed loop"
    searches: ClassVar[bool] = True

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """Of closed loops."""
        refuse_own_rates(self.name, axes, "it is what such a study looks for")
        _check_limits(axes, own)
        if TIME in axes.varied:
            raise UsageError(f"study capacity: {TIME} has {len(axes.varied[TIME])} values; give it one")
        if own.get(PARTITIONS.dest):
            refuse_other_axes(self.name, axes, {"--agents"})
            points, fixed = cuts_of(axes, topology), axes.without("--agents")
        else:
            points, fixed = tuple(axes.points()) or ({},), axes
        return Design(self.name, points, of_closed_loops(fixed), at_rate=flags_at_rate(fixed))

    def planned(self, study: Study, own: Mapping[str, Any]) -> Study:
        refuse_p99_limit(study)
        slo = form_objectives(objectives_of(own)) or ""
        within = float(own.get(WITHIN.dest, study.within_percent))
        at_rate = (*study.at_rate, "--slo-ms", slo)
        return structs.replace(study, slo=slo, within_percent=within, at_rate=at_rate, retry_suspect=0)

    def trials(self, design: Design, repetitions: int, seed: int) -> tuple[Trial, ...]:
        """The closed loops; the rates follow from what they do."""
        if repetitions < FEWEST:
            raise UsageError(
                f"study capacity: --repetitions {repetitions} is too few; it is the most trials of a setting, and a "
                f"search needs {FEWEST} at least"
            )
        refuse_too_many(len(design.points), repetitions)
        return closed_loops(design, seed)

    def anew(self, before: Trial, trial: Trial) -> bool:
        """Always, so that the interval has in it what another start of the agents would change."""
        return True

    def foreseen(self, study: Study) -> int:
        """At the most."""
        return max(0, _count(study) * study.repetitions - len(study.trials))

    def longer(self, study: Study) -> int:
        """Of those that confirm."""
        return _count(study) * MOST_CONFIRMING * (LONGER - 1)

    def next(self, study: Study, outcomes: Sequence[Outcome], redo: Collection[str] = ()) -> Round | None:
        stand = self.standing(study, outcomes)
        left = self.left(study, stand, redo)
        more = left or Searches.of(study, stand).next()
        return Round(more) if more else None

    def intended(self, outcome: Outcome) -> bool:
        return only_overloaded(outcome)

    def code(self, answer: Answer) -> ExitCode | None:
        """That of the best setting, where no rate is known of any."""
        verdicts = {one.verdict for one in answer.capacities}
        if verdicts == {"too short"}:
            return ExitCode.USAGE
        return ExitCode.INVALID if verdicts and verdicts <= {"too short", "unreachable"} else None

    def so_far(self, study: Study, outcomes: Sequence[Outcome]) -> str:
        return capacitywords.so_far(ranked(_capacities(study, self._searches(study, outcomes))))

    def settings(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[Setting, ...]:
        """In the order of their rates."""
        searches = self._searches(study, outcomes)
        return _settings(searches, ranked(_capacities(study, searches)))

    def _searches(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[SettingSearch, ...]:
        return Searches.of(study, self.standing(study, outcomes)).settings

    def conclude(self, study: Study, outcomes: Sequence[Outcome]) -> Answer:
        searches = self._searches(study, outcomes)
        found = ranked(_capacities(study, searches))
        settings = _settings(searches, found)
        plain = tuple(map(without_overload, self.standing(study, outcomes)))
        basis = Basis(study, outcomes, plain, settings, ())
        return Answer(
            kind=self.name,
            headline=capacitywords.headline(study, found),
            lines=tuple(capacitywords.lines(found)),
            choices=tuple(_choices(found, settings)),
            front=(),
            unsaid=(*capacitywords.unsaid(found, study.repetitions), *words.of_the_trials(basis)),
            settings=settings,
            capacities=found,
        )

    def columns(self, answer: Answer) -> tuple[Column, ...]:
        return capacity_columns(answer.capacities)

    def extent(self, study: Study) -> str:
        return f"at most {study.repetitions} of each setting, seed {study.seed}"

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        return "latency-by-rate", "capacities"


def _count(study: Study) -> int:
    """How many searches there are: each has a closed loop that was planned."""
    return sum(RATE not in trial.point for trial in study.trials if trial.repetition == 0)


def _check_limits(axes: Axes, own: Mapping[str, Any]) -> None:
    """Raises UsageError where there are none, or some that no run can show."""
    objectives = objectives_of(own)
    if not objectives:
        raise UsageError("study capacity: give the latency to keep, as in --slo p99:20, which is 99 % within 20 ms")
    if axes.given("--slo-ms"):
        raise UsageError("study capacity: --slo and --slo-ms are two spellings of the limits; leave --slo-ms out")
    refuse_all_arrivals(objectives)


def _capacities(study: Study, searches: Iterable[SettingSearch]) -> tuple[Capacity, ...]:
    return tuple(capacity_of(one, _command(study, one.closed)) for one in searches)


def _command(study: Study, closed: Trial) -> str:
    """At a rate that is to be added."""
    found = trial_at(1, 0, closed, study.at_rate, "1", 0).argv
    at = found.index(RATE)
    return shlex.join((PROGRAM, *found[:at], *found[at + 4 :]))


def _settings(searches: Iterable[SettingSearch], found: Iterable[Capacity]) -> tuple[Setting, ...]:
    """In the order of `found`."""
    by_point = {tuple(one.point.items()): one for one in searches}
    return tuple(_setting(by_point[tuple(one.point.items())], one) for one in found)


def _setting(of: SettingSearch, capacity: Capacity) -> Setting:
    known = {one.outcome.trial: one.outcome for one in of.search.past}
    shown = [trial for trial in of.trials if trial.id == _shown(of, capacity)]
    usable = [one.outcome for one in of.search.usable]
    counts = Counter(without_overload(one).status for one in known.values())
    found = setting_of(shown, known)
    return structs.replace(
        found,
        point=of.point,
        command=capacity.command,
        trials=dict(sorted(counts.items())),
        used=tuple(one.trial for one in usable),
        suspect=bool(usable) and all(map(is_disturbed, usable)),
        same=(),
    )


def _shown(of: SettingSearch, capacity: Capacity) -> str:
    """The trial whose figures stand for the setting: that which confirmed the rate, or was to; before there is one that
    which kept the limits nearest to the lower end; else the closed loop."""
    longer = [one for one in capacity.trials if one.confirming]
    if longer:
        return ([one for one in longer if one.kept] or longer)[-1].trial
    kept = [one for one in capacity.trials if one.kept]
    if capacity.rate is None or not kept:
        closed = of.search.closed_loop
        return of.closed.id if closed is None else closed.trial
    low = capacity.rate.low or capacity.rate.value
    return min(kept, key=lambda one: abs(one.rate - low)).trial


def _choices(found: Sequence[Capacity], settings: Sequence[Setting]) -> Iterable[Choice]:
    """Each setting with a rate, with its command line."""
    for one, setting in zip(found, settings, strict=True):
        if one.rate is not None:
            cut = capacitywords.cut_of(one)
            yield Choice(f"{capacitywords.with_span(one.rate)}{cut and f' with {cut}'}", setting)
