"""Which of several builds in a row is the first slow one: as few trials and installations as it takes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import log
from typing import Any, ClassVar

from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ...request.release import is_release
from ...result.study import SIZE_PERCENT, Outcome, Study, Trial
from ..answer import Answer
from ..atrate import rate_flag
from ..axes import Axes
from ..bisecting import MEASURED, BisectionState, build_of, flag_of, reason_of, there_and_back
from ..bisection import DOUBT, LEAST_BLOCKS, Found
from ..builds import PYTHON, RELEASE, names_of
from ..choices import Choice
from ..columns import Column
from ..design import Design
from ..layerchange import changes, layer_lines
from ..outcome import COUNTING
from ..ratio import Ratio
from ..summary import Setting, setting_of, trials_by_point
from .cards import BISECT
from .kind import ChartName, Kind, Round
from .size import SIZE


class BisectStudy(Kind):
    """Blocks of the good build, the bad one and one between, there and back. `repetitions` is the most blocks."""

    card: ClassVar = BISECT
    title: ClassVar = "The first slow build"
    per_repetition: ClassVar = 4
    ranks: ClassVar = False

    def span(self, own: Mapping[str, Any]) -> tuple[str, str] | None:
        if "builds" in own:
            return None
        if "good" not in own or "bad" not in own:
            raise UsageError("study bisect: give --good and --bad, as in --good 2025.4 --bad 2026.4, or --builds LIST")
        for name in ("good", "bad"):
            if not is_release(own[name]):
                raise UsageError(f"--{name} {own[name]}: this is no release; Pythons are given by --builds, in order")
        return own["good"], own["bad"]

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """Of the first and the last build."""
        builds = _builds(own)
        for flag, values in axes.varied.items():
            raise UsageError(f"study bisect: {flag} has {len(values)} values; it is about one setting, give it one")
        for flag in (RELEASE, PYTHON, COUNTING):
            if axes.given(flag):
                raise UsageError(f"study bisect: {flag} is set by the study itself; leave it out")
        if own.get("metric", "fps") == "fps" and rate_flag(axes.argv({})):
            raise UsageError("study bisect: at a rate throughput is what was offered; add --metric p99")
        flag = flag_of(builds[0])
        return Design(self.name, ({flag: builds[0]}, {flag: builds[-1]}), axes)

    def planned(self, study: Study, own: Mapping[str, Any]) -> Study:
        builds = _builds(own)
        size = float(own.get(SIZE.dest, SIZE_PERCENT))
        return structs.replace(
            study,
            axes={flag_of(builds[0]): builds},
            size_percent=size,
            metric=own.get("metric", "fps"),
            retry_suspect=0,
        )

    def trials(self, design: Design, repetitions: int, seed: int) -> tuple[Trial, ...]:
        """The first blocks; which follow depends on them."""
        if repetitions < LEAST_BLOCKS:
            raise UsageError(
                f"study bisect: --repetitions {repetitions} is too few; it is the most blocks, and a search needs "
                f"{LEAST_BLOCKS} at least"
            )
        found: list[Trial] = []
        for number in range(LEAST_BLOCKS):
            for point in there_and_back(design.points, seed, number):
                found.append(Trial(f"{len(found) + 1:04}", point, number, design.argv(point)))
        return tuple(found)

    def next(self, study: Study, outcomes: Sequence[Outcome], redo: Collection[str] = ()) -> Round | None:
        state = BisectionState(study, self.standing(study, outcomes))
        left = self.left(study, state.stand, redo)
        if left:
            return Round(left)
        if state.ends_unmeasured:
            return None
        found = state.found
        if not isinstance(found, Found):
            return Round(state.block(found))
        return Round(layers) if (layers := tuple(state.layer_trials())) else None

    def settings(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[Setting, ...]:
        stand = self.standing(study, outcomes)
        by_trial = {outcome.trial: outcome for outcome in stand}
        state = BisectionState(study, stand)
        found = [setting_of(t, by_trial) for t in trials_by_point(study) if COUNTING not in t[0].point]
        return tuple(sorted(found, key=lambda setting: state.place(setting.point)))

    def conclude(self, study: Study, outcomes: Sequence[Outcome]) -> Answer:
        state = BisectionState(study, self.standing(study, outcomes))
        settings = self.settings(study, outcomes)
        found = state.found if not state.ends_unmeasured else None
        first, good = (found.first, found.last_good) if isinstance(found, Found) else (None, None)
        by_place = {state.place(setting.point): setting for setting in settings}
        layers = changes(state.layers(good), state.layers(first))
        return Answer(
            kind=self.name,
            headline=_headline(state, found),
            lines=(*_lines(state, found), *(layer_lines(layers) if state.layers(good) and state.layers(first) else ())),
            choices=tuple(
                Choice(what, by_place[place])
                for what, place in (("the last good build", good), ("the first slow build", first))
                if place is not None and place in by_place
            ),
            front=(),
            unsaid=(*_unsaid(state, found), *_uncounted(state, good, first)),
            settings=settings,
            comparisons=tuple(state.comparisons()),
            layers=layers,
        )

    def own_columns(self, answer: Answer) -> tuple[Column, ...]:
        by = {one.side: one for one in answer.comparisons}
        names = names_of([build_of(setting.point) for setting in answer.settings])

        def cell(setting: Setting) -> str:
            one = by.get(names[build_of(setting.point)])
            return "-" if one is None or one.ratio is None else f"{one.ratio:.3f}"

        return (Column("of good", cell),)

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        return "builds", "trials", "drift"

    def extent(self, study: Study) -> str:
        ran = len({trial.repetition for trial in study.trials})
        return f"{ran} {self.blocks} blocks of at most {study.repetitions}, seed {study.seed}"


def _builds(own: Mapping[str, Any]) -> tuple[str, ...]:
    given = own.get("builds", ())
    builds = tuple(dict.fromkeys(filter(None, given.split(",")))) if isinstance(given, str) else tuple(given)
    if len(builds) < 2:
        raise UsageError("study bisect: there are no two builds to compare; give --good and a later --bad, or --builds")
    if len({is_release(build) for build in builds}) > 1:
        raise UsageError("study bisect: --builds has both releases and Pythons; give one of them")
    return builds


def _headline(state: BisectionState, found: Found | tuple[int, ...] | None) -> str:
    if found is None and not state.broken:
        return "Inconclusive so far: no block has both the good and the bad build yet."
    if found is None:
        return "Inconclusive: the good or the bad build could not be measured."
    last = len(state.builds) - 1
    whole = state.slower_by(0, last)
    if not isinstance(found, Found):
        return f"Inconclusive so far: {state.name(last)} against {state.name(0)}: {whole}."
    if found.what == "none":
        return (
            f"No build is slower by {state.study.size_percent:g} % or more: {state.name(last)} against "
            f"{state.name(0)}: {whole}."
        )
    if found.first is None or found.last_good is None:
        return f"Inconclusive whether {state.name(last)} is slower than {state.name(0)}: {whole}."
    if found.what == "undecided":
        return f"Inconclusive: a build after {state.name(found.last_good)}, up to {state.name(found.first)}, is slower."
    words = state.slower_by(found.last_good, found.first)
    if found.first - found.last_good > 1:
        open_ = ", ".join(state.name(place) for place in range(found.last_good + 1, found.first + 1))
        return f"The first slow build is one of {open_}: {words} than {state.name(found.last_good)}."
    return f"The first slow build is {state.name(found.first)}: {words} than {state.name(found.last_good)}."


def _lines(state: BisectionState, found: Found | tuple[int, ...] | None) -> Iterator[str]:
    if not isinstance(found, Found):
        return
    last = len(state.builds) - 1
    if found.what == "first" and (found.last_good, found.first) != (0, last):
        yield f"From {state.name(0)} to {state.name(last)}: {state.slower_by(0, last)}."
    if found.what != "undecided":
        yield f"The probability that this is wrong is {100 * DOUBT:g} % at most, where one build makes the difference."
    builds = {place for block in state.blocks for place in block}
    trials = sum(COUNTING not in trial.point for trial in state.study.trials)
    yield f"It took {trials} trials of {len(builds)} of {len(state.builds)} builds, in {len(state.blocks)} blocks."


def _unsaid(state: BisectionState, found: Found | tuple[int, ...] | None) -> Iterator[str]:
    last = len(state.builds) - 1
    for place, why in state.broken.items():
        yield f"{state.name(place)} could not be measured: {why}."
    suspect = sum(one.status == "SUSPECT" for one in state.counted)
    if suspect:
        yield f"{suspect} of {len(state.counted)} trials were SUSPECT; they count, too."
    if isinstance(found, Found) and found.what == "undecided":
        yield f"{_blocks(len(state.blocks))} too few; search with more --repetitions, or find what disturbs them."
        if state.without_figures:
            yield f"{state.without_figures} more had no figures of both {state.name(0)} and {state.name(last)}."
    if isinstance(found, Found) and found.what == "first" and found.first is not None and found.last_good is not None:
        step, whole = state.ratio(found.last_good, found.first), state.ratio(0, last)
        if step is not None and whole is not None and _part(step, whole) < 0.7:
            yield "It is a part of the slowdown only: other builds have made a difference, too."


def _uncounted(state: BisectionState, good: int | None, first: int | None) -> Iterator[str]:
    """Where trials were to count layers."""
    if good is None or first is None or not state.counting:
        return
    without = [place for place in (good, first) if not state.layers(place)]
    for place in without:
        tried = [one for one in state.counting if state.place(one.point) == place]
        why = next((reason_of(one) for one in tried if one.status not in MEASURED), "")
        yield f"The time of layers of {state.name(place)} could not be counted{why and f': {why}'}."


def _blocks(number: int) -> str:
    return "1 block is" if number == 1 else f"{number} blocks are"


def _part(step: Ratio, whole: Ratio) -> float:
    """How much of the whole slowdown one step is, by logarithms."""
    if step.ratio is None or whole.ratio is None or whole.ratio == 1:
        return 1.0
    return log(step.ratio) / log(whole.ratio)
