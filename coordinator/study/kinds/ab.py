"""A against B, in blocks of ABBA or BAAB: faster, slower, or no difference of a stated size."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from statistics import fmean
from typing import Any, ClassVar, Final

from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ...request.byflag import in_common, own_flags
from ...request.values import number
from ...result.effective import text_of
from ...result.study import SIZE_PERCENT, KindName, Outcome, Point, Study, Trial
from ..answer import Answer, Basis
from ..axes import Axes, parse_axes
from ..choices import Choice, eligible
from ..design import SIDE, Design, refuse_too_many, shuffled
from ..flag import StudyFlag
from ..gate import conditions
from ..ratio import LEAST_BLOCKS, Ratio, log_ratio, ratio_of_logs
from ..standing import Units, measured
from ..summary import Setting, name_of, setting_of, trials_by_point
from ..words import same_runs
from .failif import FAIL_IF, check_blocks
from .kind import ChartName, Kind

BLOCKS: Final = 10
"""By default, so 20 trials of each: at 3 % noise per trial a slowdown of 5 % is found in 95 of 100 studies
(see `ratio.CONFIDENCE`; tests/unit/coordinator/study/test_ratio.py)."""

PER_BLOCK: Final = 2
"""Trials of each setting in a block."""

_A_SIDE: Final = "is a side of study ab, and this one is a study of the kind {kind}"


class AbStudy(Kind):
    """Trials come in blocks of two of each side, in which a linear drift of the machine cancels; so a block is
    repeated, run again and judged as a whole. `repetitions` is the number of blocks."""

    name: ClassVar[KindName] = "ab"
    title: ClassVar = "A against B"
    about: ClassVar = "A against B, in ABBA order: faster, slower or no difference"
    repetitions: ClassVar = BLOCKS
    per_repetition: ClassVar = PER_BLOCK
    rerun: ClassVar = "blocks with SUSPECT trials"
    blocks: ClassVar = "ABBA"
    flags: ClassVar = (
        StudyFlag(
            "size_percent", ("--size-percent",),
            f"of ab: a difference whose interval lies within this counts as none; default {SIZE_PERCENT:g}",
            metavar="PERCENT",
            parse=number(float, "a number of percent above 0, up to 100", lambda size: 0 < size <= 100),
            plan="a number above 0, up to 100",
            elsewhere="is for the verdict of study ab, and a study of the kind {kind} has none",
        ),
        StudyFlag("a", ("--a",), "of ab: the flags of A, quoted", metavar="FLAGS", plan="a text", elsewhere=_A_SIDE),
        StudyFlag("b", ("--b",), "of ab: the flags of B, quoted", metavar="FLAGS", plan="a text", elsewhere=_A_SIDE),
        FAIL_IF,
    )  # fmt: skip
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
        check_blocks(fail_if, study.repetitions)
        return structs.replace(study, size_percent=float(own.get("size_percent", SIZE_PERCENT)), fail_if=fail_if)

    def block(self, points: Sequence[Point], draw: Random) -> Sequence[Point]:
        """ABBA or BAAB, drawn by the seed; of each case, in mixed order."""
        order: list[Point] = []
        for a, b in shuffled(list(zip(points[::2], points[1::2], strict=True)), draw):
            outer, inner = draw.choice(((a, b), (b, a)))
            order += outer, inner, inner, outer
        return order

    def units(self, study: Study) -> Units:
        blocks: dict[tuple[int, str], list[Trial]] = {}
        for trial in study.trials:
            blocks.setdefault((trial.repetition, case_of(trial.point)), []).append(trial)
        return list(blocks.values())

    def settings(self, study: Study, outcomes: Sequence[Outcome]) -> tuple[Setting, ...]:
        """Each by block, as the verdict is, so B / A of their figures is the verdict's ratio. They stay two where both
        were the same run."""
        stand = self.standing(study, outcomes)
        by_trial = {outcome.trial: outcome for outcome in stand}
        cases: dict[str, list[list[Trial]]] = {}
        for trials in trials_by_point(study):
            cases.setdefault(case_of(trials[0].point), []).append(trials)
        found: list[Setting] = []
        for sides in cases.values():
            blocks = _blocks_used(study, stand, [trials[0].point for trials in sides]).values()
            found += (setting_of(s, by_trial, [block[side] for block in blocks]) for side, s in enumerate(sides))
        return tuple(found)

    def choices(self, study: Study, settings: Sequence[Setting]) -> Iterator[Choice]:
        """The two themselves."""
        if eligible(settings):
            for number, setting in enumerate(settings):
                yield Choice(", ".join(filter(None, ("AB"[number % 2], case_of(setting.point)))), setting)

    def weighed(self, basis: Basis) -> Basis:
        return replace(basis, comparisons=tuple(_ratios(basis)))

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

    def charts(self, answer: Answer) -> tuple[ChartName, ...]:
        return "heat", "trials", "drift"

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


def case_of(point: Point) -> str:
    """What A and B have in common that other pairs of a study have not, such as `-m a.xml`; empty of a single pair."""
    return name_of({flag: value for flag, value in point.items() if flag != SIDE}) if SIDE in point else ""


_Block = tuple[list[Outcome], ...]


def _blocks_used(study: Study, stand: Sequence[Outcome], points: Sequence[Point]) -> dict[int, _Block]:
    """Of A against B, the trials of each side by block, where both have some: VALID ones, and where that makes too few
    blocks for a verdict, SUSPECT ones, too. `stand`: the outcomes that stand."""
    found: dict[int, _Block] = {}
    for statuses in (("VALID",), ("VALID", "SUSPECT")):
        blocks: dict[int, _Block] = {trial.repetition: tuple([] for _ in points) for trial in study.trials}
        for outcome in stand:
            side = next((index for index, point in enumerate(points) if point == outcome.point), None)
            if side is not None and outcome.repetition in blocks and outcome.status in statuses and measured(outcome):
                blocks[outcome.repetition][side].append(outcome)
        found = {number: sides for number, sides in blocks.items() if all(sides)}
        if len(found) >= LEAST_BLOCKS:
            break
    return found


def _ratios(basis: Basis) -> Iterator[Ratio]:
    """Of throughput, median and p99, and of what else is to be judged; a repetition is a block. Of several cases their
    geometric mean, then each. None where a case has not two settings.

    The first is the verdict's. At a rate that is p99, as both sides are given the same to do: throughput is what was
    offered. A latency that one trial does not know has no ratio: those that are known are the shorter ones.
    """
    study = basis.study
    pairs: dict[str, list[Setting]] = {}
    for setting in basis.settings:
        pairs.setdefault(case_of(setting.point), []).append(setting)
    if not pairs or any(len(pair) != 2 for pair in pairs.values()):
        return
    used = {case: _blocks_used(study, basis.stand, [s.point for s in pair]) for case, pair in pairs.items()}
    same = {case: _same_run(*pair) for case, pair in pairs.items()}
    trials = [outcome for blocks in used.values() for sides in blocks.values() for side in sides for outcome in side]
    at_rate = bool(trials) and all(outcome.at_rate for outcome in trials)
    names = ("p99", "median", "throughput") if at_rate else ("throughput", "median", "p99")
    further = (condition.ratio for condition in conditions(study.fail_if) if condition.ratio)
    figures = tuple(dict.fromkeys((*names, *further)))
    for case in ("", *(case for case in pairs if case)):
        cases = [case] if case in pairs else list(pairs)
        for figure in figures:
            logs = _logs(figure, [used[one] for one in cases])
            if figure == names[0] or logs:
                found = ratio_of_logs(
                    figure, logs, more_is_faster=figure == "throughput", size_percent=study.size_percent
                )
                if all(same[one] for one in cases):
                    found = structs.replace(found, verdict="same run", blocks_needed=None)
                yield structs.replace(found, of=case)


def _logs(figure: str, cases: Sequence[Mapping[int, _Block]]) -> list[float]:
    """The log ratio of each block that all the cases have, of several their mean."""
    trials = [outcome for blocks in cases for sides in blocks.values() for side in sides for outcome in side]
    if any(f"{figure}_ms" in outcome.at_least for outcome in trials):
        return []
    numbers = [number for number in cases[0] if all(number in blocks for blocks in cases)]
    logs = [[log_ratio(*(_values(side, figure) for side in blocks[number])) for blocks in cases] for number in numbers]
    return [fmean(known) for block in logs if len(known := [one for one in block if one is not None]) == len(cases)]


def _values(outcomes: Sequence[Outcome], figure: str) -> list[float]:
    found = [outcome.fps if figure == "throughput" else outcome.latency_ms.get(figure) for outcome in outcomes]
    return [value for value in found if value is not None and value > 0]


def _same_run(a: Setting, b: Setting) -> bool:
    """Whether that is known of them."""
    return a.in_effect is not None and b.in_effect is not None and a.in_effect.run == b.in_effect.run


def _verdict(found: Ratio, settings: Sequence[Setting]) -> str:
    """`settings`: two of each case, which differ in the same way."""
    a, b = (f"{name} ({own})" if own else name for name, own in zip("AB", _own(*settings[:2]), strict=True))
    text = _verdict_on(found, a, b, _change_of(found))
    cases = len(settings) // 2
    return text if cases == 1 else f"Over {cases} cases, by the geometric mean: {text}"


def _verdict_on(found: Ratio, a: str, b: str, change: str) -> str:
    if found.verdict == "same run":
        return f"No difference: {a} and {b} were the same run" + (
            f"; by noise alone B has {change}." if change else "."
        )
    if found.verdict == "no difference":
        return f"No difference beyond {found.size_percent:g} % between {a} and {b}: B has {change}."
    if found.verdict == "inconclusive":
        return f"Inconclusive whether {a} or {b} is faster" + (f": B has {change}." if change else ".")
    return f"{b} is {found.verdict} than {a}: {change}."


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


def _change_of(found: Ratio) -> str:
    if found.figure == "throughput":
        return _change(found, "less throughput", "more throughput")
    return _change(found, f"shorter {found.figure} latency", f"longer {found.figure} latency")


def _change(found: Ratio, less: str, more: str) -> str:
    """Such as `4.1 % less throughput (-5.9 to -2.3 %)`; empty where nothing was compared."""
    if found.ratio is None:
        return ""
    percent = 100 * (found.ratio - 1)
    text = f"{abs(percent):.1f} % {less if percent < 0 else more}"
    if found.low is None or found.high is None:
        return text
    return f"{text} ({100 * (found.low - 1):+.1f} to {100 * (found.high - 1):+.1f} %)"


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
    for found in comparisons[1:]:
        if found.of:
            if found.figure == verdict.figure:
                yield f"{found.of}: {found.verdict}{f', B has {change}' if (change := _change_of(found)) else ''}."
        elif found.figure == "throughput":
            yield f"throughput of B: {_change(found, 'less', 'more')}."
        else:
            yield f"{found.figure} latency of B: {_change(found, 'shorter', 'longer')}."


def _builds(settings: Sequence[Setting]) -> Iterator[str]:
    """Where they are not the same: what is compared then is builds, too."""
    known = [setting.openvino for setting in settings]
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
            f"{verdict.blocks_needed} are needed, {verdict.blocks_needed * PER_BLOCK} trials of each setting."
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
