"""Releases of OpenVINO against the first one: the ratio of each with its interval, over models their geometric mean."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ...result.study import SIZE_PERCENT, Outcome, Point, Study
from ..answer import Answer, Basis
from ..axes import Axes
from ..builds import PYTHON, RELEASE, builds_of, flag_of_builds, names_of
from ..choices import Choice, eligible, fastest, offered, shortest
from ..design import Design, refuse_too_many, shuffled
from ..gate import conditions
from ..pairs import Pair, blocks_of, blocks_used, case_of, cases_of, change_of, ratios, verdict_on
from ..ratio import Ratio
from ..standing import Units
from ..summary import Setting, setting_of
from .cards import RELEASES
from .failif import FAIL_IF, check_conditions
from .kind import ChartName, Kind
from .size import SIZE


class ReleasesStudy(Kind):
    """Trials come in blocks: of a case each build once, in mixed order, and back again, so that a linear drift of the
    machine cancels. `repetitions` is the number of blocks of each case."""

    card: ClassVar = RELEASES
    title: ClassVar = "Releases of OpenVINO"
    per_repetition: ClassVar = 2
    rerun: ClassVar = "blocks with SUSPECT trials"
    ranks: ClassVar = False

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        flag = flag_of_builds(axes)
        builds = axes.given(flag)
        if len(builds) < 2:
            raise UsageError(
                f"study {self.name}: give two releases or more, as in study {self.name} 2025.4 2026.2, or several "
                f"{PYTHON}"
            )
        cases = list(axes.without(flag).points())
        refuse_too_many(len(cases) * len(builds))
        points = tuple({**case, flag: build} for case in cases for build in builds)
        return Design(self.name, points, axes)

    def planned(self, study: Study, own: Mapping[str, Any]) -> Study:
        fail_if = tuple(own.get(FAIL_IF.dest, ()))
        check_conditions(fail_if, study)
        return structs.replace(study, size_percent=float(own.get(SIZE.dest, SIZE_PERCENT)), fail_if=fail_if)

    def block(self, points: Sequence[Point], draw: Random) -> Sequence[Point]:
        cases: dict[str, list[Point]] = {}
        for point in points:
            cases.setdefault(case_of(point, _flag(point)), []).append(point)
        order: list[Point] = []
        for case in shuffled(list(cases.values()), draw):
            there = list(shuffled(case, draw))
            order += (*there, *reversed(there))
        return order

    def units(self, study: Study) -> Units:
        return blocks_of(study, _flag_of(study))

    def settings(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[Setting, ...]:
        """Each by the blocks that it has in common with the first build, as its ratio is."""
        stand = self.standing(study, outcomes)
        by_trial = {outcome.trial: outcome for outcome in stand}
        found: list[Setting] = []
        for several in cases_of(study, _flag_of(study)).values():
            first = several[0][0].point
            for trials in several:
                points = [first, trials[0].point] if trials is not several[0] else [first]
                blocks = blocks_used(study, stand, points).values()
                found.append(setting_of(trials, by_trial, [block[-1] for block in blocks]))
        return tuple(found)

    def choices(self, study: Study, settings: Sequence[Setting]) -> Iterator[Choice]:
        """The fastest of each case."""
        flag = _flag_of(study)
        for case in dict.fromkeys(case_of(setting.point, flag) for setting in settings):
            among = eligible([setting for setting in settings if case_of(setting.point, flag) == case])
            best = shortest(among) if offered(among) else fastest("most throughput", among)
            yield from (replace_what(choice, case) for choice in best)

    def weighed(self, basis: Basis) -> Basis:
        flag = _flag_of(basis.study)
        builds = basis.study.axes.get(flag, ())
        if len(builds) < 2:
            return basis
        by = {(case_of(s.point, flag), s.point[flag]): s for s in basis.settings}
        cases = list(dict.fromkeys(case for case, _ in by))
        names = names_of(builds)
        further = [condition.ratio for condition in conditions(basis.study.fail_if) if condition.ratio]
        found: list[Ratio] = []
        for build in builds[1:]:
            pairs: dict[str, Pair] = {case: (by[case, builds[0]], by[case, build]) for case in cases}
            found += ratios(basis.study, basis.stand, pairs, further, side=names[build])
        # The newest first, as the headline is about it.
        return replace(basis, comparisons=tuple(sorted(found, key=lambda one: one.side != names[builds[-1]])))

    def verdict(self, basis: Basis) -> str:
        if not basis.comparisons:
            return "There is no verdict: such a study compares two builds or more."
        found = basis.comparisons[0]
        text = verdict_on(found, self._first(basis), found.side)
        cases = len(dict.fromkeys(one.of for one in basis.comparisons)) - 1
        return f"Over {cases} cases, by the geometric mean: {text}" if cases > 0 else text

    def _first(self, basis: Basis) -> str:
        builds = basis.study.axes[_flag_of(basis.study)]
        return names_of(builds)[builds[0]]

    def lines(self, basis: Basis) -> Iterator[str]:
        if not basis.comparisons:
            return
        newest = basis.comparisons[0]
        for found in basis.comparisons[1:]:
            if found.side != newest.side and not found.of and found.figure == newest.figure:
                yield verdict_on(found, self._first(basis), found.side)
        for found in basis.comparisons[1:]:
            if found.side == newest.side and not found.of and (words := change_of(found)):
                yield f"{found.side}: {words}."
        if newest.low is not None:
            yield (
                f"From {newest.blocks} blocks, in which the ratio scatters by {newest.scatter_percent:.1f} %; each "
                f"interval at {newest.confidence_percent:g} % confidence."
            )

    def doubts(self, settings: Sequence[Setting]) -> Iterator[str]:
        if any(setting.suspect for setting in settings if setting.fps is not None):
            yield "VALID trials make too few blocks of some settings, so SUSPECT ones are used, too."

    def undecided(self, basis: Basis) -> Iterator[str]:
        several = [one for one in basis.comparisons if not one.of and one.figure == basis.comparisons[0].figure]
        if len(several) > 1:
            doubt = 100 - several[0].confidence_percent
            yield (
                f"Of equal builds each is called different in {doubt:g} of 100 studies, one of these {len(several)} "
                f"in up to {len(several) * doubt:g}."
            )
        needed = max((one.blocks_needed or 0 for one in several), default=0)
        if needed:
            yield f"What is inconclusive needs about {needed} blocks: --repetitions {needed}."

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        return "builds", "ratio", "drift"

    def compared(self, study: Study) -> tuple[str, str]:
        first, *others = builds_of(study)
        return (others[0] if len(others) == 1 else "each"), first


def replace_what(choice: Choice, case: str) -> Choice:
    return structs.replace(choice, what=f"{choice.what}, {case}") if case else choice


def _flag(point: Point) -> str:
    return PYTHON if PYTHON in point else RELEASE


def _flag_of(study: Study) -> str:
    return PYTHON if PYTHON in study.axes else RELEASE
