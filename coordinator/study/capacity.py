"""The capacity of a setting: the highest rate at which limits of the latency hold, as a study says it. Pure."""

from collections.abc import Iterator, Sequence
from math import exp, isfinite, log, sqrt
from statistics import NormalDist
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct, structs

from ..request.slo import Objective, form_objectives
from ..result.effective import InEffect
from ..result.study import Point
from ..stats.estimate import Estimate
from .overload import only_overloaded
from .ratefacts import is_disturbed, part_of
from .ratetrials import RATE
from .search import Past, Verdict, kept, point_of
from .searches import SettingSearch

_DOUBT: Final = 0.05
_CURVE_POINTS: Final = 60
_LEAST_SHARE: Final = 0.05
_MOST_LOAD: Final = 0.99
_PRIOR: Final = 0.002
"""How much a slope that is not theory's counts, beside squared heights."""

_WIDE: Final = 2 * NormalDist().inv_cdf(0.975)
"""Standard deviations that an interval of 95 % is long."""


class RateTrial(Struct, frozen=True):
    """A trial at a rate, and the percentile of the limit that decides."""

    trial: str
    rate: Annotated[float, Meta(description="inferences that became due, per second")]
    latency_ms: Annotated[float | None, Meta(description="null where it is not known")]
    at_least_ms: Annotated[float | None, Meta(description="where it is not known: what it cannot be below")]
    kept: Annotated[bool, Meta(description="whether all limits held")]
    status: str
    confirming: bool = False
    overloaded: bool = False


class Capacity(Struct, frozen=True):
    """Of a setting, in inferences per second. `rate`: its estimate with the 95 % interval; null where there is none."""

    point: Point
    verdict: Verdict
    rate: Estimate | None
    confirmed: Annotated[bool | None, Meta(description="by the last longer run; null where there was none")]
    confirmed_rate: Annotated[float | None, Meta(description="the highest rate at which a longer run kept all limits")]
    closed_loop_per_s: Annotated[float | None, Meta(description="the throughput of a closed loop")]
    fastest_ms: Annotated[float | None, Meta(description="the shortest inference of the closed loop")]
    slo: Annotated[str, Meta(description="the limit that decides, as p99:20")]
    limits: Annotated[str, Meta(description="all limits, as p99:20,p50:5")]
    half_width_percent: Annotated[float | None, Meta(description="half the interval, in percent of the estimate")]
    needed_s: Annotated[float | None, Meta(description="how long trials must be to show the percentile at saturation")]
    trials: tuple[RateTrial, ...]
    disturbed: Annotated[int, Meta(description="of the trials, by what has nothing to do with the rate")] = 0
    curve: Annotated[
        tuple[tuple[float, float], ...],
        Meta(description="rates and latencies in ms: the form that theory has, through the trials"),
    ] = ()
    command: Annotated[str, Meta(description="to run it at the lower end of the interval, for a shell")] = ""
    least_ms: Annotated[
        float | None, Meta(description="where no rate keeps the limit: the least that its latency can be")
    ] = None
    in_effect: Annotated[InEffect | None, Meta(description="of its closed loop; null where that is not known")] = None
    less_percent: Annotated[float | None, Meta(description="than the setting of the highest rate")] = None
    differs: Annotated[
        bool | None, Meta(description="from that one by more than chance, at 5 % over all; null where unknown")
    ] = None


def capacity_of(setting: SettingSearch, command: str) -> Capacity:
    """`command`: what runs the setting at a rate, but for the rate itself."""
    search = setting.search
    objective = _deciding(setting)
    rate = search.rate
    known = search.closed_loop is not None
    low = rate.low if rate is not None else None
    half = search.half_width_percent
    return Capacity(
        point=setting.point,
        verdict=search.verdict,
        rate=rate,
        confirmed=search.confirmed,
        confirmed_rate=search.confirmed_rate,
        closed_loop_per_s=search.saturation if known else None,
        fastest_ms=search.fastest_ms or None,
        slo=str(objective),
        limits=form_objectives(search.terms.objectives) or "",
        half_width_percent=half if half is not None and isfinite(half) else None,
        needed_s=search.needed_seconds if known else None,
        trials=tuple(_rate_trial(one, setting, objective) for one in search.usable if one.step.rate is not None),
        command=f"{command} {RATE} {low:.6g}" if low is not None else command,
        disturbed=sum(is_disturbed(one.outcome) for one in search.at_rates),
        curve=() if rate is None else tuple(_curve(setting, objective, rate.value)),
        least_ms=_least_ms(setting),
        in_effect=None if search.closed_loop is None else search.closed_loop.in_effect,
    )


def _curve(setting: SettingSearch, objective: Objective, rate: float) -> Iterator[tuple[float, float]]:
    """By the form of `stats/ratefit`, with the slope that is nearest to the trials; of the long run, though trials are
    compared with what windows of their lengths show."""
    search = setting.search
    shape = search.shapes[objective]
    load = shape.load_at(objective.limit_ms)
    points = [point_of(one, objective, search.terms.seconds) for one in search.at_rates]
    windows = {one.window: shape.seen_in(one.window) for one in points}
    known = [
        (one.rate, windows[one.window], windows[one.window].height(one.latency)) for one in points if not one.above
    ]

    def off(slope: float) -> float:
        expected = [float(of.heights_at(np.array([load * (1 + slope * (at / rate - 1))]))[0]) for at, of, _ in known]
        squares = sum((one - height) ** 2 for one, (_, _, height) in zip(expected, known, strict=True))
        return squares + _PRIOR * log(slope) ** 2

    slope = min(np.geomspace(0.4, 2.5, 41).tolist(), key=off)
    for at in np.linspace(_LEAST_SHARE, 1, _CURVE_POINTS) * search.saturation:
        there = load * (1 + slope * (float(at) / rate - 1))
        if shape.loads[0] <= there <= _MOST_LOAD:
            logs = np.interp(log(there), np.log(shape.loads), np.log(shape.latencies))
            yield float(at), exp(float(logs))


def _deciding(setting: SettingSearch) -> Objective:
    """The limit that is exceeded first; where no rate keeps one, that one."""
    search = setting.search
    if search.never_kept:
        return search.never_kept[0]
    return search.binding if search.shapes and search.at_rates else search.terms.objectives[0]


def _least_ms(setting: SettingSearch) -> float | None:
    """Of an inference, or of the percentile at next to no load."""
    search = setting.search
    if search.below_fastest:
        return search.fastest_ms
    return next((search.shapes[one].least for one in search.never_kept), None)


def _rate_trial(one: Past, setting: SettingSearch, objective: Objective) -> RateTrial:
    part = part_of(one.outcome, objective)
    return RateTrial(
        trial=one.outcome.trial,
        rate=one.step.rate or 0.0,
        latency_ms=part.latency_ms if part is not None else None,
        at_least_ms=part.at_least_ms if part is not None else None,
        kept=kept(one, setting.search.terms.objectives),
        status=one.outcome.status,
        confirming=one.step.role == "confirm",
        overloaded=only_overloaded(one.outcome),
    )


def ranked(capacities: Sequence[Capacity]) -> tuple[Capacity, ...]:
    """Those of the highest rate first, each compared with the first one; then those without a rate."""
    known = sorted((one for one in capacities if one.rate is not None), key=lambda one: -_value(one))
    rest = tuple(one for one in capacities if one.rate is None)
    if not known:
        return rest
    best, *others = known
    compared = (
        structs.replace(
            one,
            less_percent=100 * (1 - _value(one) / _value(best)),
            differs=_differs(best, one, len(others)),
        )
        for one in others
    )
    return (best, *compared, *rest)


def _value(one: Capacity) -> float:
    return 0.0 if one.rate is None else one.rate.value


def _differs(best: Capacity, other: Capacity, comparisons: int) -> bool | None:
    """By more than both intervals explain; the doubt is shared out among the comparisons (Bonferroni)."""
    one, two = _deviation(best.rate), _deviation(other.rate)
    if one is None or two is None:
        return None
    reach = NormalDist().inv_cdf(1 - _DOUBT / 2 / comparisons) * sqrt(one**2 + two**2)
    return log(_value(best) / _value(other)) > reach


def _deviation(figure: Estimate | None) -> float | None:
    """Of the logarithm."""
    if figure is None or not figure.low or not figure.high:
        return None
    return log(figure.high / figure.low) / _WIDE
