"""Which differences a study cannot see on its machine, by the calibration before it. Pure."""

from collections.abc import Iterator, Sequence
from math import log

from ..result.noise import by_calibration
from .answer import Basis
from .ratio import Ratio
from .summary import Setting


def unseen(basis: Basis) -> Iterator[str]:
    """Of settings that were measured with agents of their own; nothing at a rate, where throughput is what was
    offered, and where the study itself has seen smaller ones."""
    floor, settings = basis.study.noise, [setting for setting in basis.settings if setting.used]
    if floor is None or len(settings) < 2 or any(outcome.at_rate for outcome in basis.stand):
        return
    starts = [starts_of(basis, setting) for setting in settings]
    if len(frozenset.union(*starts)) < sum(map(len, starts)):
        return  # settings had the same agents, so nothing of a start is between them
    fewest = min(map(len, starts))
    if _has_seen(basis.comparisons, floor.over(fewest)):
        return
    many = "one start" if fewest == 1 else f"{fewest} starts"
    yield (
        f"{by_calibration(floor)}, differences of throughput under {floor.over(fewest):.1f} % between settings of "
        f"{many} each cannot be seen on this machine."
    )


def _has_seen(comparisons: Sequence[Ratio], percent: float) -> bool:
    """Whether the intervals of all ratios are narrower than that, either way."""
    ends = [(one.low, one.high) for one in comparisons if one.figure == "throughput"]
    return bool(ends) and all(
        low and high is not None and log(high / low) / 2 < log(1 + percent / 100) for low, high in ends
    )


def starts_of(basis: Basis, setting: Setting) -> frozenset[object]:
    """Of the agents of its trials that count; older studies do not say, so each trial is one."""
    used = set(setting.used)
    return frozenset(
        one.trial if one.start is None else one.start
        for one in basis.stand
        if one.trial in used
    )  # fmt: skip
