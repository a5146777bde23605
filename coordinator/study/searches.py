"""The searches of a study, one for each setting: where each of them stands, and the trials of the next round. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from random import Random
from typing import Final

from ovbench.common.arrivals import Poisson

from ..request.arrivalnotation import TraceFile, law
from ..request.defaults import DEFAULT_DISPATCH, DEFAULT_SECONDS
from ..request.durations import in_unit
from ..request.slo import Objective, parse_objectives
from ..result.study import Outcome, Point, Study, Trial
from .design import shuffled
from .ratetrials import RATE, trial_at
from .search import Past, Search, Step, Terms

TIME: Final = "-t"
"""In the point of a trial that is to confirm a rate: it is longer than the others."""

_SECONDS: Final = in_unit("s")


@dataclass(frozen=True)
class SettingSearch:
    """`closed`: the trial of the setting that its search begins with. `trials`: all of the plan, in their order."""

    closed: Trial
    trials: tuple[Trial, ...]
    search: Search

    @property
    def point(self) -> Point:
        """The setting, without the rates at which it was tried."""
        return self.closed.point


@dataclass(frozen=True)
class Searches:
    """Of a study by the outcomes that stand. `study.repetitions` is the most trials of a setting."""

    study: Study
    outcomes: Mapping[str, Outcome]

    @classmethod
    def of(cls, study: Study, stand: Iterable[Outcome]) -> "Searches":
        return cls(study, {one.trial: one for one in stand})

    @cached_property
    def settings(self) -> tuple[SettingSearch, ...]:
        """In the order in which they were given."""
        by_setting: dict[tuple[tuple[str, str], ...], list[Trial]] = {}
        for trial in self.study.trials:
            by_setting.setdefault(tuple(setting_of(trial).items()), []).append(trial)
        places = {axis: {value: at for at, value in enumerate(of)} for axis, of in self.study.axes.items()}

        def place(trials: Sequence[Trial]) -> list[int]:
            point = trials[0].point
            return [of.get(point.get(axis, ""), len(of)) for axis, of in places.items()]

        return tuple(self._replayed(tuple(trials)) for trials in sorted(by_setting.values(), key=place))

    def _replayed(self, trials: tuple[Trial, ...]) -> SettingSearch:
        search = Search(terms_of(self.study, trials[0]))
        for trial in trials:
            outcome = self.outcomes.get(trial.id)
            if outcome is not None:
                search = Search(search.terms, (*search.past, Past(_step(trial, search), outcome)))
        return SettingSearch(trials[0], trials, search)

    def next(self) -> tuple[Trial, ...]:
        """A trial of each search that has not ended, in an order drawn by the seed. All have the same arrivals, at the
        rate of each."""
        number = len(self.study.trials)
        steps = [(one, step) for one in self.settings if (step := one.search.next()) is not None]
        order = shuffled(steps, Random(f"{self.study.seed} {number}"))
        return tuple(self._trial(number + at, one, step) for at, (one, step) in enumerate(order, start=1))

    def _trial(self, number: int, of: SettingSearch, step: Step) -> Trial:
        repetition = len(of.trials)
        closed = of.closed
        if step.rate is None:
            return Trial(f"{number:04}", closed.point, repetition, closed.argv)
        found = trial_at(number, repetition, closed, self.study.at_rate, f"{step.rate:.6g}", repetition)
        if step.longer == 1:
            return found
        seconds = f"{step.longer * of.search.terms.seconds:.12g}"
        argv = (*_without(found.argv, TIME), TIME, seconds)
        return Trial(found.id, {**found.point, TIME: seconds}, repetition, argv)


def setting_of(trial: Trial) -> Point:
    """What a search varies left out."""
    return {flag: value for flag, value in trial.point.items() if flag not in (RATE, TIME)}


def _step(trial: Trial, before: Search) -> Step:
    """What a trial of the plan was for. What is neither a closed loop nor longer, the history before it tells."""
    if RATE not in trial.point:
        return Step("closed loop")
    rate = float(trial.point[RATE])
    if TIME in trial.point:
        return Step("confirm", rate, round(float(trial.point[TIME]) / before.terms.seconds))
    return Step("idle" if before.looks_idle else "search", rate)


def terms_of(study: Study, closed: Trial) -> Terms:
    """Of the setting of a closed loop's trial."""
    argv = trial_at(1, 0, closed, study.at_rate, "1", 0).argv
    arrivals, dispatch = _value(argv, "--arrivals"), _value(argv, "--dispatch") or DEFAULT_DISPATCH
    return Terms(
        objectives=_objectives(study.slo),
        within_percent=study.within_percent,
        seconds=seconds_of(closed),
        most=study.repetitions,
        arrivals_squared_variation=_squared_variation(arrivals),
        separate=dispatch != "shared",
        in_turn=dispatch in ("round-robin", "partition"),
    )


def seconds_of(trial: Trial) -> float:
    """Of its window."""
    time = _value(trial.argv, TIME)
    return DEFAULT_SECONDS if time is None else _SECONDS(time)


def _squared_variation(law_text: str | None) -> float:
    """Of the gaps between arrivals."""
    found = Poisson() if law_text is None else law(law_text)
    return 1.0 if isinstance(found, TraceFile) else found.cv**2


@lru_cache(maxsize=16)
def _objectives(slo: str) -> tuple[Objective, ...]:
    return parse_objectives(slo)


def _value(argv: Sequence[str], flag: str) -> str | None:
    return argv[argv.index(flag) + 1] if flag in argv else None


def _without(argv: Sequence[str], flag: str) -> tuple[str, ...]:
    """And without its value."""
    if flag not in argv:
        return tuple(argv)
    at = argv.index(flag)
    return (*argv[:at], *argv[at + 2 :])
