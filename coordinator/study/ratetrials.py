"""Trials at rates that follow from what a closed loop does: flags that are one's and not the other's. Pure."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

from ovbench.common.errors import UsageError

from ..result.study import KindName, Point, Study, Trial
from .axes import Axes
from .design import Design, shuffled

RATE: Final = "--rate"
SEED: Final = "--arrival-seed"
OF_A_RATE: Final = ("--arrivals", SEED, "--dispatch", "--drain", "--timeout-ms", "--spin")
"""What a closed loop may not have."""

_OTHER_RATES: Final = (RATE, "--stages", "-max_irate")
_OTHER_ENDS: Final = ("--scenario", "-niter", "--until")


def refuse_own_rates(kind: KindName, axes: Axes, instead: str) -> None:
    """Raises UsageError where the flags of a run set what the study sets itself. `instead`: what says at which rates it
    measures, in words."""
    for flag in _OTHER_RATES:
        if axes.given(flag):
            raise UsageError(f"study {kind}: {flag} is set by the study itself; {instead}")
    for flag in _OTHER_ENDS:
        if axes.given(flag):
            raise UsageError(f"study {kind}: its trials last for a time; give -t and leave {flag} out")
    if any(law.startswith("trace:") for law in axes.given("--arrivals")):
        raise UsageError(f"study {kind}: a trace has its own rate; leave it out, or give another law of --arrivals")
    if SEED in axes.varied:
        raise UsageError(f"study {kind}: every trial has arrivals of its own; give {SEED} one value, the first seed")


def refuse_p99_limit(study: Study) -> None:
    """Raises UsageError where the best of several settings is asked for, by a limit that rates are to keep."""
    if study.p99_limit_ms is not None:
        raise UsageError(
            f"study {study.kind}: --p99-limit-ms is for the best of several settings; the limit that a rate is to keep "
            f"is --slo p99:{study.p99_limit_ms:g}"
        )


def of_closed_loops(axes: Axes) -> Axes:
    return axes.without(*OF_A_RATE)


def flags_at_rate(axes: Axes) -> tuple[str, ...]:
    """What trials at a rate have beyond the closed loop's, and what does not vary of it: `Design.at_rate`."""
    own = Axes({flag: several for flag, several in axes.values.items() if flag in OF_A_RATE})
    return own.without(*axes.varied).argv({})


def closed_point(point: Point) -> Point:
    """What a closed loop has of a setting."""
    return {flag: value for flag, value in point.items() if flag not in OF_A_RATE}


def closed_loops(design: Design, seed: int) -> tuple[Trial, ...]:
    """One of each setting, in mixed order."""
    order = shuffled(design.points, Random(seed))
    return tuple(
        Trial(f"{number:04}", point, 0, design.argv(closed_point(point))) for number, point in enumerate(order, start=1)
    )


def trial_at(number: int, repetition: int, closed: Trial, at_rate: Sequence[str], rate: str, arrivals: int) -> Trial:
    """At a rate, with the other flags of a closed loop's trial. `at_rate`: of the study. `arrivals`: so many seeds
    after the first one."""
    flags, first = _without_seed(at_rate)
    point = {**closed.point, RATE: rate}
    argv = (*closed.argv, *flags, *_rate_flags(closed.point), RATE, rate, SEED, str(first + arrivals))
    return Trial(f"{number:04}", point, repetition, argv)


def _rate_flags(point: Point) -> Iterable[str]:
    """What the closed loop of that setting did not have."""
    return (word for flag, value in point.items() if flag in OF_A_RATE for word in (flag, value))


def _without_seed(flags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """And the seed by itself: that of the first trial."""
    if SEED not in flags:
        return tuple(flags), 0
    at = flags.index(SEED)
    return (*flags[:at], *flags[at + 2 :]), int(flags[at + 1])
