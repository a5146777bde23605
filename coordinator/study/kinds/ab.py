"""A against B, in blocks of ABBA or BAAB: faster, slower, or no difference of a stated size."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar, Final

from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ...request.byflag import in_common, own_flags
from ...result.effective import text_of
from ...result.study import SIZE_PERCENT, Outcome, Point, Study
from ..answer import Answer, Basis
from ..axes import Axes, parse_axes
from ..choices import Choice, eligible
from ..design import SIDE, Design, refuse_too_many, shuffled
from ..gate import conditions
from ..pairs import (
    blocks_of,
    blocks_used,
    case_of,
    cases_of,
    change,
    change_of,
    needed_words,
    ratios,
    start_words,
    verdict_on,
)
from ..ratio import Ratio
from ..standing import Units
from ..summary import Setting, setting_of
from ..words import same_runs
from .cards import AB
from .failif import FAIL_IF, check_conditions
from .kind import ChartName, Kind

PER_BLOCK: Final = 2
"""Trials of each setting in a block."""


class AbStudy(Kind):
    """Trials come in blocks of two of each side, in which a linear drift of the machine cancels; so a block is
    repeated, run again and judged as a whole. `repetitions` is the number of blocks."""

    card: ClassVar = AB
    title: ClassVar = "A against B"
    per_repetition: ClassVar = PER_BLOCK
    rerun: ClassVar = "blocks with SUSPECT trials"
    ranks: ClassVar = False

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        sides = {name: own[name.lower()] for name in "AB" if name.lower() in own}
        if len(sides) < 2:
            raise UsageError("study ab: give both sides, as in --a '-nstreams 1' --b '-nstreams 2'")
        parsed = {name: _side(name, text) for name, text in sides.items()}
        for flag, values in axes.varied.items():
            if any(flag in side.values for side in parsed.values()):
                raise UsageError(f"study ab: {flag} is given to a side and has {len(values)} values for both; choose")
        points = tuple({**case, SIDE: name} for case in axes.points() for name in "AB")
        refuse_too_many(len(points))
        return Design(self.name, points, axes, parsed)

    def planned(self, study: Study, own: Mapping[str, Any]) -> Study:
        fail_if = tuple(own.get(FAIL_IF.dest, ()))
        check_conditions(fail_if, study)
        return structs.replace(study, size_percent=float(own.get("size_percent", SIZE_PERCENT)), fail_if=fail_if)

    def block(self, points: Sequence[Point], draw: Random) -> Sequence[Point]:
        """ABBA or BAAB, drawn by the seed; of each case, in mixed order."""
        order: list[Point] = []
        for a, b in shuffled(list(zip(points[::2], points[1::2], strict=True)), draw):
            outer, inner = draw.choice(((a, b), (b, a)))
            order += outer, inner, inner, outer
        return order

    def units(self, study: Study) -> Units:
        return blocks_of(study, SIDE)

    def settings(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[Setting, ...]:
        """Each by block, as the verdict is, so B / A of their figures is the verdict's ratio. They stay two where both
        were the same run."""
        stand = self.standing(study, outcomes)
        by_trial = {outcome.trial: outcome for outcome in stand}
        found: list[Setting] = []
        for sides in cases_of(study, SIDE).values():
            blocks = blocks_used(study, stand, [trials[0].point for trials in sides]).values()
            found += (setting_of(s, by_trial, [block[side] for block in blocks]) for side, s in enumerate(sides))
        return tuple(found)

    def choices(self, study: Study, settings: Sequence[Setting]) -> Iterator[Choice]:
        """The two themselves."""
        if eligible(settings):
            for number, setting in enumerate(settings):
                yield Choice(", ".join(filter(None, ("AB"[number % 2], case_of(setting.point, SIDE)))), setting)

    def weighed(self, basis: Basis) -> Basis:
        pairs: dict[str, list[Setting]] = {}
        for setting in basis.settings:
            pairs.setdefault(case_of(setting.point, SIDE), []).append(setting)
        if not pairs or any(len(pair) != 2 for pair in pairs.values()):
            return basis
        further = (condition.ratio for condition in conditions(basis.study.fail_if) if condition.ratio)
        both = {case: (a, b) for case, (a, b) in pairs.items()}
        return replace(basis, comparisons=tuple(ratios(basis.study, basis.stand, both, further)))

    def verdict(self, basis: Basis) -> str:
        if basis.comparisons:
            return _verdict(basis.comparisons[0], basis.settings)
        return f"There is no verdict: an A/B study has two settings, this one {len(basis.settings)}."

    def lines(self, basis: Basis) -> Iterator[str]:
        yield from same_runs(basis.settings)
        if basis.comparisons:
            yield from _in_both(basis.settings, basis.comparisons)
            yield from _comparison_lines(basis.comparisons)
            yield from _builds(basis.settings)

    def doubts(self, settings: Sequence[Setting]) -> Iterator[str]:
        if any(setting.suspect for setting in settings if setting.fps is not None):
            yield (
                "VALID trials make too few blocks, so SUSPECT ones are used, too: the verdict may "
                "reflect disturbances, not the sides."
            )

    def undecided(self, basis: Basis) -> Iterator[str]:
        yield from _undecided(basis.comparisons)
        if basis.study.noise is None and basis.comparisons and basis.comparisons[0].verdict == "inconclusive":
            yield "How far equal runs are apart on this machine, ovbench-coord calibrate shows in under a minute."

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        return "ratio", "heat", "trials", "drift"

    def sides(self, study: Study) -> dict[str, str]:
        common = in_common([trial.argv for trial in study.trials])
        argvs = {" ".join(t.point.values()): t.argv for t in sorted(study.trials, key=lambda t: [*t.point.values()])}
        return {side: own_flags(argv, common) for side, argv in argvs.items()}


def _side(name: str, text: str) -> Axes:
    """The flags of a side. Raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"study ab: --{name.lower()} {text!r} cannot be split into words: {error}") from None
    side = parse_axes(words)
    if side.varied:
        flag = next(iter(side.varied))
        raise UsageError(f"study ab: --{name.lower()} {text!r}: {flag} has several values; a side has one of each")
    return side


def _verdict(found: Ratio, settings: Sequence[Setting]) -> str:
    """`settings`: two of each case, which differ in the same way."""
    a, b = (f"{name} ({own})" if own else name for name, own in zip("AB", _own(*settings[:2]), strict=True))
    text = verdict_on(found, a, b)
    cases = len(settings) // 2
    return text if cases == 1 else f"Over {cases} cases, by the geometric mean: {text}"


def _own(a: Setting, b: Setting) -> tuple[str, str]:
    """What the commands of two settings do not have in common: flags with their values."""
    groups: list[list[str]] = []
    for setting in (a, b):
        groups.append([])
        for word in shlex.split(setting.command):
            if word.startswith("-") or not groups[-1]:
                groups[-1].append(word)
            else:
                groups[-1][-1] += f" {word}"
    return " ".join(x for x in groups[0] if x not in groups[1]), " ".join(x for x in groups[1] if x not in groups[0])


def _in_both(settings: Sequence[Setting], comparisons: Sequence[Ratio]) -> Iterator[str]:
    effect = settings[0].in_effect
    if comparisons[0].verdict == "same run" and effect is not None:
        yield f"In effect on both sides: {text_of(effect)}."


def _comparison_lines(comparisons: Sequence[Ratio]) -> Iterator[str]:
    verdict = comparisons[0]
    if verdict.low is not None:
        yield (
            f"From {verdict.blocks} blocks of {2 * PER_BLOCK} trials, whose ratios scatter by "
            f"{verdict.scatter_percent:.1f} %; intervals at {verdict.confidence_percent:g} % confidence."
        )
    yield from start_words(verdict)
    for found in comparisons[1:]:
        if found.of:
            if found.figure == verdict.figure:
                yield f"{found.of}: {found.verdict}{f', B has {words}' if (words := change_of(found)) else ''}."
        elif found.figure == "throughput":
            yield f"throughput of B: {change(found, 'less', 'more')}."
        else:
            yield f"{found.figure} latency of B: {change(found, 'shorter', 'longer')}."


def _builds(settings: Sequence[Setting]) -> Iterator[str]:
    """Where they are not the same: what is compared then is builds, too."""
    known = [setting.openvino for setting in settings[:2]]
    if all(known) and len(set(known)) > 1:
        builds = ", ".join(f"{name} {build}" for name, build in zip("AB", known, strict=True))
        yield f"The builds of OpenVINO: {builds}."


def _undecided(comparisons: Sequence[Ratio]) -> Iterator[str]:
    if not comparisons:
        return
    verdict = comparisons[0]
    if not verdict.blocks and verdict.figure != "throughput":
        yield (
            f"The verdict is on {verdict.figure}, which trials do not know, as too many arrivals never completed: "
            "lower the rate."
        )
    elif verdict.verdict == "inconclusive" and verdict.blocks_needed is not None:
        yield (
            f"{verdict.blocks} blocks are too few for a verdict at {verdict.size_percent:g} %: about "
            f"{verdict.blocks_needed} are needed, {verdict.blocks_needed * PER_BLOCK} trials of each setting"
            f"{needed_words(verdict)}."
        )
    elif verdict.verdict == "inconclusive":
        yield "The trials scatter too much for a verdict at any number of repetitions: find what disturbs them."
    figures = len({found.figure for found in comparisons})
    if figures > 1:
        doubt = 100 - verdict.confidence_percent
        yield (
            f"The verdict is on {verdict.figure}. For equal settings, each figure is called different in {doubt:g} of "
            f"100 studies, one of the {figures} in up to {figures * doubt:g}."
        )
