"""What a kind of study decides: its trials, what follows from them, and what is shown of it.

What a kind does not decide itself is as most have it: settings that are repeated in mixed order, each trial standing by
itself, and the fastest setting named. All of it is a function of the plan and the outcomes so far, so a study that was
cut off goes on where it was. The runner asks `next` for trials until there are none; `conclude` then has the answer,
at any time also before.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Final, Literal

from ovbench.common.errors import ExitCode
from ovbench.common.topology import Topology

from ...result.study import KindName, Outcome, Point, Study, Trial
from .. import words
from ..answer import Answer, Basis
from ..axes import Axes
from ..choices import SHORTEST, Choice, by_p99, eligible, fastest, fastest_within, offered, pareto, shortest
from ..columns import AFTER, BEFORE, P99, Column, at_rate, per_batch
from ..design import Design, refuse_too_many, shuffled, trials
from ..gate import conditions, judged
from ..noisefloor import unseen
from ..standing import Units, again, standing
from ..summary import Setting, settings_of
from .cards import Card

ChartName = Literal[
    "scaling", "efficiency", "p99-by-size", "ratio", "builds", "heat", "ranking", "trials", "trade", "drift",
    "load", "load-parts", "latency-by-rate", "capacities",
]  # fmt: skip
"""What the page can draw of a study (`report/html/studycharts`), where the outcomes have figures for it."""


@dataclass(frozen=True)
class Round:
    """Trials to be run now, in this order. `attempt`: 0 by the plan, from 1 once more for what was SUSPECT."""

    trials: tuple[Trial, ...]
    attempt: int = 0


class Kind(ABC):
    """`per_repetition`: trials of each setting in one repetition. `rerun`: what is run again where trials were SUSPECT.
    `ranks`: whether its settings compete, so that some are best. `nameless`: what a trial is called that has nothing of
    its own. `searches`: whether trials follow until enough is known, so that those that are foreseen are the most."""

    card: ClassVar[Card]
    title: ClassVar[str]
    per_repetition: ClassVar[int] = 1
    rerun: ClassVar[str] = "SUSPECT trials"
    ranks: ClassVar[bool] = True
    nameless: ClassVar[str] = "one setting"
    searches: ClassVar[bool] = False

    @property
    def name(self) -> KindName:
        return self.card.name

    @property
    def repetitions(self) -> int:
        return self.card.repetitions

    @property
    def blocks(self) -> str:
        return self.card.blocks

    # Which trials, and which next

    @abstractmethod
    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """`own`: what was given of the kind's own flags, by `dest`. Raises UsageError, one sentence."""

    def span(self, own: Mapping[str, Any]) -> tuple[str, str] | None:
        """The first and the last release, where `design` is to have all that were published between them as `builds`.
        Raises UsageError."""
        return None

    def planned(self, study: Study, own: Mapping[str, Any]) -> Study:
        """With what the kind's own flags say beyond the design."""
        return study

    def block(self, points: Sequence[Point], draw: Random) -> Sequence[Point]:
        """One repetition in the order in which it is run."""
        return shuffled(points, draw)

    def anew(self, before: Trial, trial: Trial) -> bool:
        """Whether agents are started anew between these two, also where they could stay: blocks that have no start in
        common are independent of each other, as their intervals take them to be."""
        return bool(self.blocks) and before.repetition != trial.repetition

    def trials(self, design: Design, repetitions: int, seed: int) -> tuple[Trial, ...]:
        """All trials of the plan in their order. Raises UsageError where there are absurdly many."""
        refuse_too_many(len(design.points), repetitions * self.per_repetition)
        return trials(design, repetitions, seed, self.block)

    def units(self, study: Study) -> Units:
        """The trials that are run again, and stand or not, as a whole."""
        return [[trial] for trial in study.trials]

    def left(self, study: Study, stand: Iterable[Outcome], redo: Collection[str]) -> tuple[Trial, ...]:
        """What has not ended of the plan, or with a status of `redo`. `stand`: the outcomes that stand."""
        ended = {one.trial for one in stand if one.status not in redo}
        return tuple(trial for trial in study.trials if trial.id not in ended)

    def next(self, study: Study, outcomes: Sequence[Outcome], redo: Collection[str] = ()) -> Round | None:
        """What is to be run now: what is left of the plan, then in rounds what is SUSPECT; None when all is done.

        `redo`: trials that ended with such a status are left, too.
        """
        left = self.left(study, self.standing(study, outcomes), redo)
        if left:
            return Round(left)
        rounds = (Round(self.suspect(study, outcomes, n), n) for n in range(1, study.retry_suspect + 1))
        return next((one for one in rounds if one.trials), None)

    def foreseen(self, study: Study) -> int:
        """How many trials there will be beyond those that are planned, as far as that is known."""
        return 0

    def longer(self, study: Study) -> int:
        """By how many trials' time the foreseen ones may take longer than as many of the first."""
        return 0

    def intended(self, outcome: Outcome) -> bool:
        """Whether such a study runs a trial that ended so on purpose: it is no failure then."""
        return False

    def code(self, answer: Answer) -> ExitCode | None:
        """Where the answer itself calls for one; else it is that of the trials."""
        return None

    def suspect(self, study: Study, outcomes: Iterable[Outcome], attempt: int) -> tuple[Trial, ...]:
        """What is still to be run in that round."""
        return again(self.units(study), outcomes, attempt)

    def so_far(self, study: Study, outcomes: Sequence[Outcome]) -> str:
        """What is known by now, in a few words, where that is not which trial was the fastest."""
        return ""

    # What follows

    def standing(self, study: Study, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
        """The outcome that stands of each trial that has ended, in the order in which they ended first."""
        return standing(self.units(study), outcomes)

    def settings(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[Setting, ...]:
        """What was compared, in the order of the axes' values."""
        return settings_of(study, self.standing(study, outcomes))

    def choices(self, study: Study, settings: Sequence[Setting]) -> Iterator[Choice]:
        """The settings that are best at something; the first is what the study is about."""
        among = eligible(settings)
        if offered(among):
            # Throughput is what was offered, so latency decides.
            yield from shortest(among)
        # Where no setting knows its p99, too many arrivals never completed: what was served is all there is to say.
        if not offered(among) or not by_p99(among):
            yield from fastest("most throughput", among)
            yield from self.also_best(among)
        if study.p99_limit_ms is not None:
            yield from fastest_within(study.p99_limit_ms, among)

    def also_best(self, among: Sequence[Setting]) -> Iterator[Choice]:
        """What such a study asks for besides, in a closed loop."""
        yield from ()

    def weighed(self, basis: Basis) -> Basis:
        """With what this kind works out of the settings: curves, ratios, shares."""
        return basis

    def conclude(self, study: Study, outcomes: Sequence[Outcome]) -> Answer:
        """Raises nothing: what the data do not decide is among what is unsaid."""
        settings = self.settings(study, outcomes)
        choices = tuple(self.choices(study, settings))
        stand = self.standing(study, outcomes)
        basis = self.weighed(Basis(study, outcomes, stand, settings, choices))
        return Answer(
            kind=self.name,
            headline=words.headline(choices, self.verdict(basis) if choices else ""),
            lines=tuple(self.lines(basis)) if choices else (),
            choices=choices,
            front=tuple(pareto(eligible(settings))) if self.ranks else (),
            unsaid=tuple(self.unsaid(basis)),
            settings=self.listed(settings),
            curves=basis.curves,
            comparisons=basis.comparisons,
            shares=dict(basis.shares),
            gate=judged(conditions(study.fail_if), basis.comparisons),
        )

    # In words

    def verdict(self, basis: Basis) -> str:
        """The headline, where there are choices."""
        return words.shortest(basis) if basis.choices[0].what == SHORTEST else words.fastest(basis)

    def lines(self, basis: Basis) -> Iterator[str]:
        """What follows, a sentence or two each, where there are choices."""
        yield from words.same_runs(basis.settings)
        yield from words.further_choices(basis.choices)

    def unsaid(self, basis: Basis) -> Iterator[str]:
        """What the data do not decide, and what speaks against them."""
        yield from words.of_the_trials(basis)
        yield from self.doubts(basis.settings)
        yield from words.one_schedule(basis)
        yield from unseen(basis)
        yield from words.of_the_settings(basis)
        yield from self.undecided(basis)

    def doubts(self, settings: Sequence[Setting]) -> Iterator[str]:
        """Whose figures are of SUSPECT trials."""
        yield from words.suspect(settings)

    def undecided(self, basis: Basis) -> Iterator[str]:
        yield from words.run_once(basis.settings)
        yield from words.undecided_best(basis)

    # On screen and page: the renderers lay it out

    def listed(self, settings: Sequence[Setting]) -> tuple[Setting, ...]:
        """In the order of the table."""
        return tuple(settings)

    def columns(self, answer: Answer) -> tuple[Column, ...]:
        """The figures of the table, from left to right."""
        settings = answer.settings
        return (*BEFORE, *self.own_columns(answer), *per_batch(settings), P99, *at_rate(settings), *AFTER)

    def own_columns(self, answer: Answer) -> tuple[Column, ...]:
        return ()

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        """The most informative first."""
        return _CHARTS

    def extent(self, study: Study) -> str:
        """How it is repeated, for the page."""
        what = f"{self.blocks} blocks" if self.blocks else "repetitions in mixed order"
        return f"{study.repetitions} {what}, seed {study.seed}"

    def sides(self, study: Study) -> dict[str, str]:
        """The flags that each side has of its own, by its name; empty where settings are no sides."""
        return {}

    def compared(self, study: Study) -> tuple[str, str]:
        """What its ratios are of, and against what."""
        return "B", "A"


_CHARTS: Final[tuple[ChartName, ...]] = ("heat", "ranking", "trade", "drift")
