"""Which settings are best at what, and which of them cannot be told apart. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import log
from statistics import fmean

from msgspec import Struct

from ..report.numbers import milliseconds
from .estimate import differ
from .record import Study
from .summary import Setting


class Choice(Struct, frozen=True):
    """A setting that is best at something. `rivals`: names of those that cannot be told apart from it."""

    what: str
    setting: Setting
    rivals: tuple[str, ...] = ()


def choices_of(study: Study, settings: Sequence[Setting]) -> Iterator[Choice]:
    """What is best by what the kind of study asks; of an A/B study the two themselves."""
    ranked = by_throughput(settings)
    if not ranked:
        return
    if study.kind == "ab":
        yield from (Choice(name, setting) for name, setting in zip("AB", settings, strict=False))
        return
    yield _choice("most throughput", ranked[0], settings)
    shortest = by_p99(settings)
    if study.kind == "partition" and shortest:
        yield Choice("shortest p99", shortest[0])
    if study.p99_limit_ms is None:
        return
    within = [s for s in ranked if s.p99_ms is not None and s.p99_ms.value <= study.p99_limit_ms]
    if within:
        yield _choice(f"most throughput with p99 up to {milliseconds(study.p99_limit_ms)}", within[0], within)


def _choice(what: str, best: Setting, among: Iterable[Setting]) -> Choice:
    return Choice(what, best, tuple(setting.name for setting in rivals(best, among)))


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


def rivals(best: Setting, settings: Iterable[Setting]) -> list[Setting]:
    """Those whose throughput cannot be told from the best's at 5 % doubt each; none where nothing was repeated."""
    others = (s for s in settings if s.point != best.point and s.fps is not None)
    return [s for s in others if differ(best.fps_of_trials, s.fps_of_trials) is False]


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
