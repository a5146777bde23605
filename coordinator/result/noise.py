"""How much results of a machine differ by noise alone, by a calibration of it: kept with what is measured. Pure."""

from collections.abc import Sequence
from math import exp, sqrt
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from ..stats.student import t_within

CalibrationVerdict = Literal["quiet", "noisy", "disturbed"]

LEAST_STARTS: Final = 2
_MOST_PERCENT: Final = 1e6


class NoiseFloor(Struct, frozen=True):
    """Of the throughput of `work`, whose runs had agents started anew. A floor: other work may scatter by more."""

    start_percent: Annotated[float, Meta(ge=0, description="standard deviation of a short run, its agents anew")]
    starts: Annotated[int, Meta(ge=2, description="that it is from")]
    verdict: CalibrationVerdict
    calibrated_at: str
    work: str

    @property
    def two_runs_percent(self) -> float:
        """Two runs of the same differ by more in 5 of 100 pairs."""
        return self.over(1)

    def over(self, starts: int) -> float:
        """As `two_runs_percent`, of two means over so many starts each, by Student with the calibration's freedom."""
        return floor_percent(self.start_percent / 100, self.starts, starts)


def floor_percent(scatter: float, known: int, starts: int = 1) -> float:
    """The difference between two means over so many starts each that noise exceeds in 5 of 100 pairs. `scatter`: the
    standard deviation of the logarithm of one, as `known` starts show it."""
    if known < LEAST_STARTS:
        raise ValueError("one start shows no scatter")
    by = t_within(known - 1) * scatter * sqrt(2 / starts)
    return min(_MOST_PERCENT, 100 * (exp(min(by, 20.0)) - 1))


def noisier(floors: Sequence[NoiseFloor | None]) -> NoiseFloor | None:
    """Of results that are compared, that of the machine that scatters most; None where one is not known."""
    known = [one for one in floors if one is not None]
    return max(known, key=lambda one: one.two_runs_percent) if known and len(known) == len(floors) else None


def by_calibration(floor: NoiseFloor) -> str:
    """How a sentence about it begins."""
    when = floor.calibrated_at[:10]
    return f"By the calibration of {when}" + ("" if floor.verdict == "quiet" else f", when it was {floor.verdict}")
