"""Load: latency, wait and service against rate, from light load to overload, as shares of what a closed loop does."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ...request.slo import form_objectives
from ...result.study import Outcome, Study, Trial
from .. import loadwords, words
from ..answer import Answer, Basis
from ..axes import Axes
from ..columns import Column
from ..design import MOST_TRIALS, Design, refuse_too_many, shuffled
from ..loadcolumns import load_columns
from ..loadfigures import by_setting, closed_per_s, curves_of, settings_at_rates
from ..overload import only_overloaded, served, without_overload
from ..ratetrials import (
    RATE,
    closed_loops,
    flags_at_rate,
    of_closed_loops,
    refuse_own_rates,
    refuse_p99_limit,
    trial_at,
)
from ..searches import seconds_of
from ..shares import DEFAULT, parse_shares
from ..standing import again
from ..summary import Setting
from .cards import LOAD
from .kind import ChartName, Kind, Round
from .slo import objectives_of, refuse_all_arrivals


class LoadStudy(Kind):
    """A closed loop of each setting; then rates as shares of it, which each repetition has in an order of its own, the
    closed loop among them. Every trial at a rate has arrivals of its own."""

    card: ClassVar = LOAD
    title: ClassVar = "Latency against rate"
    ranks: ClassVar[bool] = False
    nameless: ClassVar[str] = "closed loop"

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """Of closed loops."""
        refuse_own_rates(self.name, axes, "--at says at which rates it measures")
        refuse_all_arrivals(objectives_of(own))
        if objectives_of(own) and axes.given("--slo-ms"):
            raise UsageError("study load: --slo and --slo-ms are two spellings of the limits; leave one out")
        points = tuple(axes.points()) or ({},)
        refuse_too_many(len(points) * len(parse_shares(own.get("at", DEFAULT))))
        return Design(self.name, points, of_closed_loops(axes), at_rate=flags_at_rate(axes))

    def planned(self, study: Study, own: Mapping[str, Any]) -> Study:
        refuse_p99_limit(study)
        shares = parse_shares(own.get("at", DEFAULT))
        slo = form_objectives(objectives_of(own)) or ""
        at_rate = (*study.at_rate, *(("--slo-ms", slo) if slo else ()))
        planned = structs.replace(study, axes={**study.axes, RATE: ()}, at_percent=shares, slo=slo, at_rate=at_rate)
        if (total := len(study.trials) + self.foreseen(planned)) > MOST_TRIALS:
            raise UsageError(
                f"study load: these are {total:,} trials, more than {MOST_TRIALS:,}; give fewer rates (--at), fewer "
                "values or fewer --repetitions"
            )
        return planned

    def trials(self, design: Design, repetitions: int, seed: int) -> tuple[Trial, ...]:
        """The closed loops; the rates follow from what they do."""
        refuse_too_many(len(design.points), repetitions)
        return closed_loops(design, seed)

    def anew(self, before: Trial, trial: Trial) -> bool:
        """Repetitions have no start in common."""
        return before.repetition != trial.repetition

    def foreseen(self, study: Study) -> int:
        """Each repetition has all rates and the closed loop, of which the first is planned."""
        if any(RATE in trial.point for trial in study.trials):
            return 0
        return len(study.trials) * (study.repetitions * (1 + len(study.at_percent)) - 1)

    def next(self, study: Study, outcomes: Sequence[Outcome], redo: Collection[str] = ()) -> Round | None:
        """A closed loop that was disturbed is run again before rates follow from it."""
        stand = self.standing(study, outcomes)
        left = self.left(study, stand, redo)
        if left:
            return Round(left)
        open_ = {own: of[""] for own, of in by_setting(study).items() if len(of) == 1}
        for number in range(1, study.retry_suspect + 1):
            doubtful = again([[trial] for trials in open_.values() for trial in trials], outcomes, number)
            if doubtful:
                return Round(doubtful, number)
        if more := self._at_rates(study, stand, open_.values()):
            return Round(more)
        return super().next(study, outcomes, redo)

    def _at_rates(self, study: Study, stand: Sequence[Outcome], open_: Iterable[Sequence[Trial]]) -> tuple[Trial, ...]:
        """All repetitions of the settings that have none yet and whose closed loop is known."""
        known = {one.trial: value for one in stand if (value := closed_per_s(one)) is not None}
        firsts = [trials[0] for trials in open_ if trials[0].id in known]
        found: list[Trial] = []
        for repetition in range(study.repetitions):
            block: list[tuple[Trial, int | None]] = []
            block += [(first, place) for first in firsts for place in range(len(study.at_percent))]
            block += [(first, None) for first in firsts if repetition]
            for first, place in shuffled(block, Random(f"{study.seed} {repetition}")):
                number = len(study.trials) + len(found) + 1
                if place is None:
                    found.append(Trial(f"{number:04}", first.point, repetition, first.argv))
                    continue
                rate = f"{known[first.id] * study.at_percent[place] / 100:.6g}"
                if float(rate) * seconds_of(first) < 1:
                    continue  # a run refuses it, as nothing is to be expected in it
                arrivals = repetition * len(study.at_percent) + place
                found.append(trial_at(number, repetition, first, study.at_rate, rate, arrivals))
        return tuple(found)

    def so_far(self, study: Study, outcomes: Sequence[Outcome]) -> str:
        return loadwords.so_far(list(curves_of(study, self.standing(study, outcomes))))

    def intended(self, outcome: Outcome) -> bool:
        return only_overloaded(outcome)

    def suspect(self, study: Study, outcomes: Iterable[Outcome], attempt: int) -> tuple[Trial, ...]:
        """Not those that may be overloaded: that they are near to it is what they say."""
        every = list(outcomes)
        stand = {one.trial: one for one in self.standing(study, every)}
        return tuple(trial for trial in super().suspect(study, every, attempt) if served(stand[trial.id]))

    def settings(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[Setting, ...]:
        return tuple(settings_at_rates(study, self.standing(study, outcomes)))

    def conclude(self, study: Study, outcomes: Sequence[Outcome]) -> Answer:
        settings, stand = self.settings(study, outcomes), self.standing(study, outcomes)
        curves = tuple(curves_of(study, stand))
        plain = tuple(map(without_overload, stand))
        basis = Basis(study, outcomes, plain, settings, ())
        choices = tuple(loadwords.choices(study, curves, settings))
        return Answer(
            kind=self.name,
            headline=loadwords.headline(curves, stand, choices),
            lines=tuple(loadwords.lines(curves)),
            choices=choices,
            front=(),
            unsaid=(
                *words.of_the_trials(basis), *words.of_the_settings(basis), *loadwords.unsaid(curves, settings),
            ),
            settings=settings,
            loads=curves,
        )  # fmt: skip

    def columns(self, answer: Answer) -> tuple[Column, ...]:
        return load_columns(answer.loads)

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        return "load", "load-parts"
