"""The capacity of a setting: the highest rate at which limits of the latency hold, as a study says it. Pure."""

from typing import Annotated

from msgspec import Meta, Struct

from ..result.study import Point
from ..stats.estimate import Estimate
from .ratetrials import RATE
from .search import Verdict, kept, percent_of
from .searches import SettingSearch


class RateTrial(Struct, frozen=True):
    """A trial at a rate, and the percentile of the limit that decides."""

    trial: str
    rate: Annotated[float, Meta(description="inferences that became due, per second")]
    latency_ms: Annotated[float | None, Meta(description="null where it is not known")]
    at_least_ms: Annotated[float | None, Meta(description="where it is not known: what it cannot be below")]
    kept: Annotated[bool, Meta(description="whether all limits held")]
    status: str
    confirming: bool = False


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
    half_width_percent: Annotated[float | None, Meta(description="half the interval, in percent of the estimate")]
    needed_s: Annotated[float | None, Meta(description="how long trials must be to show the percentile at saturation")]
    trials: tuple[RateTrial, ...]
    command: Annotated[str, Meta(description="to run it at the lower end of the interval, for a shell")] = ""


def capacity_of(setting: SettingSearch, command: str) -> Capacity:
    """`command`: what runs the setting at a rate, but for the rate itself."""
    search = setting.search
    objective = search.binding if search.shapes and search.at_rates else search.terms.objectives[0]
    rate = search.rate
    known = search.closed_loop is not None
    low = rate.low if rate is not None else None
    return Capacity(
        point=setting.point,
        verdict=search.verdict,
        rate=rate,
        confirmed=search.confirmed,
        confirmed_rate=search.confirmed_rate,
        closed_loop_per_s=search.saturation if known else None,
        fastest_ms=search.fastest_ms or None,
        slo=f"p{percent_of(objective):.15g}:{objective.limit_ms:.15g}",
        half_width_percent=search.half_width_percent,
        needed_s=search.needed_seconds if known else None,
        trials=tuple(
            RateTrial(
                trial=one.outcome.trial,
                rate=one.step.rate or 0.0,
                latency_ms=part.latency_ms if part is not None else None,
                at_least_ms=part.at_least_ms if part is not None else None,
                kept=kept(one, search.terms.objectives),
                status=one.outcome.status,
                confirming=one.step.role == "confirm",
            )
            for one in search.usable
            if one.step.rate is not None
            for part in (next((p for p in one.outcome.objectives if p.limit_ms == objective.limit_ms), None),)
        ),
        command=f"{command} {RATE} {low:.6g}" if low is not None else command,
    )
