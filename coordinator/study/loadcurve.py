"""Latency against rate, as a load study says it: what each setting does at shares of its closed loop's rate. Pure."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ..result.study import Point
from ..stats.estimate import Estimate
from .ratetrials import RATE


class LoadPoint(Struct, frozen=True):
    """What the trials at one rate gave; times in ms, null where a trial does not know it. `served`, `overloaded`: how
    many were, of `trials`; of the rest it is in doubt."""

    percent: Annotated[float, Meta(description="of the closed loop's rate")]
    rate: Annotated[float, Meta(description="asked for, inferences per second")]
    trials: int
    served: int
    overloaded: int
    delivered_per_s: Estimate | None = None
    p50_ms: Estimate | None = None
    p99_ms: Estimate | None = None
    p99_at_least_ms: Annotated[float | None, Meta(description="where it is null: what it cannot be below")] = None
    p99_of_trials: tuple[float, ...] = ()
    wait_mean_ms: Estimate | None = None
    wait_p99_ms: Estimate | None = None
    service_mean_ms: Estimate | None = None
    service_p99_ms: Estimate | None = None
    slo_ms: Annotated[
        tuple[Estimate | None, ...], Meta(description="latency at the percentile of each limit, in their order")
    ] = ()


LimitVerdict = Literal["found", "never exceeded", "always exceeded", "unknown"]


class LoadLimit(Struct, frozen=True):
    """Up to which rate a limit of latency is kept. `never exceeded`: in no trial at any of the rates; `always
    exceeded`: in each of them. `why` it is unknown."""

    slo: Annotated[str, Meta(description="such as p99:20")]
    verdict: LimitVerdict
    rate: Annotated[Estimate | None, Meta(description="inferences per second; null unless it was found")] = None
    why: str = ""


class LoadCurve(Struct, frozen=True):
    """Of one setting. `closed_per_s`: what it does back to back, inferences per second."""

    point: Annotated[Point, Meta(description="the settings that vary, without the rate")]
    command: Annotated[str, Meta(description="of the closed loop, for a shell")]
    closed_per_s: Estimate | None
    points: Annotated[tuple[LoadPoint, ...], Meta(description="by rate, ascending")]
    knee: Annotated[
        Estimate | None, Meta(description="the rate beyond which p99 grows faster than the rate; null where unknown")
    ] = None
    served_to: Annotated[
        float | None, Meta(description="the highest rate that was served in all trials, as were those below it")
    ] = None
    overloaded_from: Annotated[
        float | None, Meta(description="the lowest rate above it at which all trials were overloaded")
    ] = None
    limits: tuple[LoadLimit, ...] = ()
    left_out: Annotated[int, Meta(description="the lowest rates, at which no arrival is to be expected in a trial")] = 0

    def percent_of(self, rate: float) -> float | None:
        """Of what it does back to back."""
        return None if self.closed_per_s is None else 100 * rate / self.closed_per_s.value


def own_point(point: Mapping[str, str]) -> Point:
    """Without the rate."""
    return {flag: value for flag, value in point.items() if flag != RATE}
