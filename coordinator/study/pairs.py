"""Two settings compared in blocks, by themselves or in several cases, such as models, of which the geometric mean is
taken. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from statistics import fmean

from msgspec import structs

from ..result.study import Outcome, Point, Study, Trial
from .ratio import LEAST_BLOCKS, Ratio, log_ratio, ratio_of_logs
from .standing import Units, measured
from .starts import start_scatter, values_of
from .summary import Setting, name_of, trials_by_point

Block = tuple[list[Outcome], ...]
"""The trials of each of some settings in one block."""

Pair = tuple[Setting, Setting]


def case_of(point: Point, compared: str) -> str:
    """What such settings have in common that others of a study have not, such as `-m a.xml`; empty where there is one
    case. `compared`: the axis by which they differ."""
    return name_of({flag: value for flag, value in point.items() if flag != compared}) if compared in point else ""


def blocks_of(study: Study, compared: str) -> Units:
    """The trials of each case in each repetition."""
    blocks: dict[tuple[int, str], list[Trial]] = {}
    for trial in study.trials:
        blocks.setdefault((trial.repetition, case_of(trial.point, compared)), []).append(trial)
    return list(blocks.values())


def cases_of(study: Study, compared: str) -> dict[str, list[list[Trial]]]:
    """The trials of each setting by case, in the order of the axes' values."""
    cases: dict[str, list[list[Trial]]] = {}
    for trials in trials_by_point(study):
        cases.setdefault(case_of(trials[0].point, compared), []).append(trials)
    return cases


def blocks_used(study: Study, stand: Sequence[Outcome], points: Sequence[Point]) -> dict[int, Block]:
    """The trials of each setting by block, where all have some: VALID ones, and where that makes too few blocks for a
    verdict, SUSPECT ones, too. `stand`: the outcomes that stand."""
    found: dict[int, Block] = {}
    for statuses in (("VALID",), ("VALID", "SUSPECT")):
        blocks: dict[int, Block] = {trial.repetition: tuple([] for _ in points) for trial in study.trials}
        for outcome in stand:
            side = next((index for index, point in enumerate(points) if point == outcome.point), None)
            if side is not None and outcome.repetition in blocks and outcome.status in statuses and measured(outcome):
                blocks[outcome.repetition][side].append(outcome)
        found = {number: sides for number, sides in blocks.items() if all(sides)}
        if len(found) >= LEAST_BLOCKS:
            break
    return found


def ratios(
    study: Study, stand: Sequence[Outcome], pairs: Mapping[str, Pair], further: Iterable[str] = (), side: str = ""
) -> Iterator[Ratio]:
    """Of throughput, median and p99, and of `further` figures; a repetition is a block. Of several cases their
    geometric mean, then each. `pairs`: two settings by case; `side`: the name of the second one.

    The first is the verdict's. At a rate that is p99, as both sides are given the same to do: throughput is what was
    offered. A latency that one trial does not know has no ratio: those that are known are the shorter ones.
    """
    used = {case: blocks_used(study, stand, [setting.point for setting in pair]) for case, pair in pairs.items()}
    same = {case: _same_run(*pair) for case, pair in pairs.items()}
    trials = [outcome for blocks in used.values() for sides in blocks.values() for one in sides for outcome in one]
    at_rate = bool(trials) and all(outcome.at_rate for outcome in trials)
    names = ("p99", "median", "throughput") if at_rate else ("throughput", "median", "p99")
    figures = tuple(dict.fromkeys((*names, *further)))
    for case in ("", *(case for case in pairs if case)):
        cases = [case] if case in pairs else list(pairs)
        for figure in figures:
            logs = _logs(figure, [used[one] for one in cases])
            if figure == names[0] or logs:
                found = ratio_of_logs(
                    figure, logs, more_is_faster=figure == "throughput", size_percent=study.size_percent
                )
                if len(cases) == 1:
                    found = _with_starts(found, figure, used[cases[0]].values())
                if all(same[one] for one in cases):
                    found = structs.replace(found, verdict="same run", blocks_needed=None, starts_needed=None)
                yield structs.replace(found, of=case, side=side)


def _with_starts(found: Ratio, figure: str, blocks: Iterable[Block]) -> Ratio:
    """With what is from start to start of the agents, where that is known."""
    scatter = start_scatter((values_of(a, figure), values_of(b, figure)) for a, b in blocks)
    if scatter is None:
        return found
    return structs.replace(
        found,
        within_percent=100 * scatter.within,
        between_percent=None if scatter.between is None else 100 * scatter.between,
        starts_needed=None if found.blocks_needed is None else ceil(found.blocks_needed * scatter.per_block),
    )


def _logs(figure: str, cases: Sequence[Mapping[int, Block]]) -> list[float]:
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


def change_of(found: Ratio) -> str:
    """Such as `4.1 % less throughput (-5.9 to -2.3 %)`; empty where nothing was compared."""
    if found.figure == "throughput":
        return change(found, "less throughput", "more throughput")
    return change(found, f"shorter {found.figure} latency", f"longer {found.figure} latency")


def change(found: Ratio, less: str, more: str) -> str:
    if found.ratio is None:
        return ""
    percent = 100 * (found.ratio - 1)
    text = f"{abs(percent):.1f} % {less if percent < 0 else more}"
    if found.low is None or found.high is None:
        return text
    return f"{text} ({100 * (found.low - 1):+.1f} to {100 * (found.high - 1):+.1f} %)"


def verdict_on(found: Ratio, a: str, b: str) -> str:
    """A sentence, such as `B is slower than A: ...`. `a`, `b`: the settings in words."""
    words = change_of(found)
    if found.verdict == "same run":
        return f"No difference: {a} and {b} were the same run" + (
            f"; by noise alone {b.split(' ')[0]} has {words}." if words else "."
        )
    if found.verdict == "no difference":
        return f"No difference beyond {found.size_percent:g} % between {a} and {b}: {b.split(' ')[0]} has {words}."
    if found.verdict == "inconclusive":
        return f"Inconclusive whether {a} or {b} is faster" + (f": {b.split(' ')[0]} has {words}." if words else ".")
    return f"{b} is {found.verdict} than {a}: {words}."


def start_words(found: Ratio) -> Iterator[str]:
    """Where the scatter comes from; nothing where that is not known."""
    if found.within_percent is None or found.between_percent is None:
        return
    yield (
        f"Trials scatter by {found.within_percent:.1f} % within a start of the agents, and by "
        f"{found.between_percent:.1f} % from start to start."
    )


def needed_words(found: Ratio) -> str:
    """How many starts a verdict takes, and whether longer trials would do instead; empty where that is not known."""
    if found.starts_needed is None or found.within_percent is None:
        return ""
    text = f", in {found.starts_needed} starts of its agents"
    if found.between_percent is None:
        return text
    if found.between_percent > found.within_percent:
        return f"{text}; longer trials would not replace them, as most of the scatter is from start to start"
    return f"{text}; longer trials may do with fewer, as most of the scatter is within a start"
