"""Which settings are best at what, and which do not differ significantly from them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import log, sqrt
from statistics import fmean, variance
from typing import Final

from msgspec import Struct

from ..result.numbers import milliseconds
from ..stats.estimate import welch
from ..stats.student import t_within
from .summary import Setting

SHORTEST: Final = "shortest p99"

_DOUBT: Final = 0.05


class Choice(Struct, frozen=True):
    """A setting that is best at something. `rivals`: names of those that do not differ significantly from it."""

    what: str
    setting: Setting
    rivals: tuple[str, ...] = ()


def eligible(settings: Sequence[Setting]) -> list[Setting]:
    """Those that may be called best: with figures, and of VALID trials where any setting has those."""
    known = [setting for setting in settings if setting.fps is not None]
    return [setting for setting in known if not setting.suspect] or known


def offered(settings: Iterable[Setting]) -> bool:
    """Whether inferences arrived at a rate, so that throughput is what was offered and no merit of a setting."""
    return any("offered_per_s" in setting.figures for setting in settings)


def fastest(what: str, among: Sequence[Setting]) -> Iterator[Choice]:
    """That of most throughput, where any is known."""
    for best in by_throughput(among)[:1]:
        yield Choice(what, best, tuple(setting.name for setting in rivals(best, among)))


def fastest_within(limit_ms: float, among: Sequence[Setting]) -> Iterator[Choice]:
    """Of those whose p99 is not above the limit."""
    within = [s for s in by_throughput(among) if s.p99_ms is not None and s.p99_ms.value <= limit_ms]
    yield from fastest(within_limit(limit_ms), within)


def within_limit(limit_ms: float) -> str:
    """What the fastest of those is called."""
    return f"most throughput with p99 up to {milliseconds(limit_ms)}"


def shortest(among: Sequence[Setting]) -> Iterator[Choice]:
    """That of the shortest p99, where any is known."""
    for best in by_p99(among)[:1]:
        equal = rivals(best, among, lambda setting: setting.p99_of_trials)
        yield Choice(SHORTEST, best, tuple(setting.name for setting in equal))


def by_throughput(settings: Iterable[Setting]) -> list[Setting]:
    """Those with figures, the fastest first."""
    return _ranked(settings, lambda setting: None if setting.fps is None else -setting.fps.value)


def by_p99(settings: Iterable[Setting]) -> list[Setting]:
    """Those with figures, the shortest first."""
    return _ranked(settings, lambda setting: None if setting.p99_ms is None else setting.p99_ms.value)


def _ranked(settings: Iterable[Setting], figure: Callable[[Setting], float | None]) -> list[Setting]:
    known = [(value, setting) for setting in settings if (value := figure(setting)) is not None]
    return [setting for _, setting in sorted(known, key=lambda pair: pair[0])]


def pareto(settings: Iterable[Setting]) -> list[Setting]:
    """Those that no other beats: none has as much throughput at a p99 as short, and more of one. Fastest first."""
    known = [(s.fps.value, s.p99_ms.value, s) for s in settings if s.fps is not None and s.p99_ms is not None]
    known.sort(key=lambda one: (-one[0], one[1]))
    front: list[Setting] = []
    least, its_fps = float("inf"), 0.0
    for fps, p99, setting in known:
        if p99 < least or (p99 == least and fps == its_fps):
            front.append(setting)
            least, its_fps = p99, fps
    return front


Values = Callable[[Setting], Sequence[float]]


def rivals(best: Setting, settings: Iterable[Setting], values: Values = lambda s: s.fps_of_trials) -> list[Setting]:
    """Those that may be as good as the best, by the logarithms of their trials; none where nothing was repeated.

    The best of many is compared with all of them, so 5 % of doubt are shared out among the comparisons (Bonferroni):
    the setting that is in truth the best is the best or one of these in 95 of 100 studies. Each comparison is made
    twice, at half the doubt: by the scatter of all settings, as with few repetitions that of a pair is known badly, but
    not where the pair's own is larger; and by Welch's test, so that one wild setting does not hide the others.
    """
    known = [s for s in settings if s.fps is not None and values(s) and min(values(s)) > 0]
    logs = {setting.name: [log(value) for value in values(setting)] for setting in known}
    own, others = logs.get(best.name), [setting for setting in known if setting.point != best.point]
    freedom = sum(len(sample) - 1 for sample in logs.values())
    if own is None or not others or freedom == 0:
        return []
    scatter = sum(variance(sample) * (len(sample) - 1) for sample in logs.values() if len(sample) > 1) / freedom
    confidence = 1 - _DOUBT / 2 / len(others)
    pooled = t_within(freedom, confidence)

    def reach(sample: Sequence[float]) -> float:
        square_of_all = scatter * (1 / len(own) + 1 / len(sample))
        by_all = pooled * sqrt(square_of_all)
        if min(len(own), len(sample)) < 2:
            return by_all
        square, own_freedom = welch(own, sample)
        by_own = t_within(own_freedom, confidence) * sqrt(square) if square > 0 else 0.0
        return by_own if square > square_of_all else min(by_all, by_own)

    return [s for s in others if abs(fmean(own) - fmean(logs[s.name])) <= reach(logs[s.name])]


def shares_of_variance(axes: Mapping[str, Sequence[str]], settings: Sequence[Setting]) -> dict[str, float] | None:
    """Percent of the variance of log throughput between settings that each axis makes by itself (a main effect).

    What is left to 100 is interaction of the axes, and noise. None unless every combination of the axes' values has
    figures, once: only then are the parts independent and add up (a factorial plan).
    """
    means = {
        tuple(point.get(axis, "") for axis in axes): log(setting.fps.value)
        for setting in settings
        if setting.fps is not None
        for point in setting.points
    }
    once = len(settings) > 1 and sum(len(setting.points) for setting in settings) == len(means)
    if len(axes) < 2 or not once or set(means) != set(product(*axes.values())):
        return None
    middle = fmean(means.values())
    total = sum((value - middle) ** 2 for value in means.values())
    if total <= 0:
        return None
    shares = {}
    for index, (axis, values) in enumerate(axes.items()):
        levels = [fmean(mean for point, mean in means.items() if point[index] == value) for value in values]
        shares[axis] = 100 * sum((level - middle) ** 2 for level in levels) * len(means) / len(values) / total
    return shares
