"""The search for the highest rate at which limits of the latency hold: from the trials so far to the next one. Pure.

First a closed loop: its throughput is saturation, its latencies are the services. It is run once more where it was
disturbed, or a rate beyond it keeps the limits. Then trials at rates, each with arrivals of its own, where the limit is
likely to be crossed: in turn below and above the middle of what is known (`stats/ratefit`). When the interval is as
narrow as asked for, a longer run at its lower end confirms it. Where that run does not keep the limits it counts as
what it is, a further trial, and there is another at the new lower end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import floor, log10
from typing import Final, Literal

from ..request.slo import Objective
from ..result.study import Outcome
from ..stats.estimate import Estimate
from ..stats.queueshape import QueueShape, Services
from ..stats.ratefit import RateFit, RatePoint, fit
from .overload import only_overloaded
from .ratefacts import (
    inferences_per_s,
    is_disturbed,
    is_usable,
    needed_arrivals,
    part_of,
    percent_of,
    servers_of,
    service_ms,
    times_of,
)

LEAST_TRIALS: Final = 6
"""At rates, before the interval is believed."""

FEWEST: Final = LEAST_TRIALS + 2
"""Trials of a search: with the closed loop and the run that confirms."""

LONGER: Final = 3
"""Times as long as the other trials are those that confirm."""

MOST_CONFIRMING: Final = 3
MOST_UNUSABLE: Final = 3
MOST_CLOSED_LOOPS: Final = 2
_BELOW: Final = 0.3
"""Of the probability: trials are there, and where as much is above."""

_BEYOND: Final = 1.02
"""Of saturation: no trial is at a higher rate."""

_IDLE_SHARE: Final = 0.05
"""Of saturation, where it is looked whether a limit can be met at all."""

_IDLE_TRIALS: Final = 2
_BELOW_TRIALS: Final = 3
"""At rates, before the one that is sought counts as lower than trials can show, or as higher than saturation."""

_SATURATED: Final = 0.98
"""The load at which a limit would be met by theory, from which on saturation is what ends the search."""

Role = Literal["closed loop", "idle", "search", "confirm"]
Verdict = Literal[
    "found", "saturated", "not confirmed", "too noisy", "unreachable", "too short", "not measured", "not finished"
]
"""found: as narrow as asked for, and confirmed. saturated: the limits are kept up to saturation. unreachable: no rate
keeps them. too short: trials cannot show the percentile. not measured: trials failed."""


@dataclass(frozen=True)
class Step:
    """A trial to be run: at `rate` a second, None in a closed loop; for `longer` times the time of the others."""

    role: Role
    rate: float | None = None
    longer: int = 1


@dataclass(frozen=True)
class Past:
    """A trial that has ended."""

    step: Step
    outcome: Outcome


@dataclass(frozen=True)
class Terms:
    """What a search is for. `seconds`: of a trial's window. `most`: trials, all in all. `separate`: whether each agent
    has a queue of its own; `in_turn`: whether arrivals are dealt to these in turn, and not by chance."""

    objectives: tuple[Objective, ...]
    within_percent: float
    seconds: float
    most: int
    arrivals_squared_variation: float = 1.0
    separate: bool = False
    in_turn: bool = False


@dataclass(frozen=True)
class Search:
    terms: Terms
    past: tuple[Past, ...] = ()

    # What was measured

    @cached_property
    def usable(self) -> tuple[Past, ...]:
        return tuple(one for one in self.past if is_usable(one.outcome))

    @cached_property
    def closed_loops(self) -> tuple[Outcome, ...]:
        return tuple(one.outcome for one in self.usable if one.step.role == "closed loop")

    @cached_property
    def closed_loop(self) -> Outcome | None:
        """The median by throughput, of two the faster, of those that were not disturbed if there are any."""
        every = [one for one in self.closed_loops if not is_disturbed(one)] or self.closed_loops
        return sorted(every, key=inferences_per_s)[len(every) // 2] if every else None

    @cached_property
    def idle(self) -> tuple[Outcome, ...]:
        return tuple(one.outcome for one in self.usable if one.step.role == "idle")

    @cached_property
    def at_rates(self) -> tuple[Past, ...]:
        return tuple(one for one in self.usable if one.step.role in ("search", "confirm"))

    @cached_property
    def confirming(self) -> tuple[Past, ...]:
        return tuple(one for one in self.usable if one.step.role == "confirm")

    @property
    def saturation(self) -> float:
        """Inferences per second of the closed loop."""
        return 0.0 if self.closed_loop is None else inferences_per_s(self.closed_loop)

    @cached_property
    def fastest_ms(self) -> float:
        """Of an inference, without what it waited for others in the closed loop."""
        closed = self.closed_loop
        if closed is None or "min" not in closed.latency_ms:
            return 0.0
        return closed.latency_ms["min"] * min(1.0, service_ms(closed) / closed.latency_ms["mean"])

    # What it can say at all

    @property
    def needed_arrivals(self) -> int:
        """Fewer do not show all percentiles."""
        return max(map(needed_arrivals, self.terms.objectives))

    @property
    def needed_seconds(self) -> float:
        """Of a trial, to show the percentile: at saturation, or where the limit is exceeded at every rate that trials
        can show, at the rate that is sought."""
        return self.needed_arrivals / (self._fit.quantile(_BELOW) if self._is_below_shown else self.saturation)

    @property
    def _least_rate(self) -> float:
        """At which trials have arrivals enough to show the percentile."""
        return self.needed_arrivals / self.terms.seconds

    @property
    def _is_below_shown(self) -> bool:
        """Whether the rate that is sought is lower than trials can show."""
        return len(self.at_rates) >= _BELOW_TRIALS and self._fit.quantile(0.9) < self._least_rate

    @cached_property
    def below_fastest(self) -> tuple[Objective, ...]:
        return tuple(one for one in self.terms.objectives if one.limit_ms < self.fastest_ms)

    @cached_property
    def shapes(self) -> dict[Objective, QueueShape]:
        """By services of the closed loop, or where the limits are below those, the shortest at next to no load."""
        closed = self.closed_loop
        if closed is None:
            return {}
        times, mean_ms = times_of(closed), service_ms(closed)
        if self.idle:
            times = min(map(times_of, self.idle), key=lambda one: one[1])
            mean_ms = times[1]
        servers, variation = servers_of(closed), self.terms.arrivals_squared_variation
        if self.terms.separate:
            agents = max(1, closed.agents or 1)
            servers = max(1, servers // agents)
            # Dealt in turn, the gaps of a queue are sums of as many as there are queues; by chance, of a random number.
            variation = variation / agents if self.terms.in_turn else 1 + (variation - 1) / agents
        return {one: _shape(*times, mean_ms, servers, percent_of(one), variation) for one in self.terms.objectives}

    @cached_property
    def below_services(self) -> tuple[Objective, ...]:
        """The limits that are below what theory has at next to no load."""
        return tuple(one for one, shape in self.shapes.items() if one.limit_ms <= shape.least * 1.001)

    @property
    def never_kept(self) -> tuple[Objective, ...]:
        """The limits that no rate keeps, as far as it is known."""
        return self.below_fastest or (self.below_services if len(self.idle) >= _IDLE_TRIALS else ())

    # The rate

    @cached_property
    def fits(self) -> dict[Objective, RateFit]:
        seconds = self.terms.seconds
        return {
            one: fit([point_of(past, one, seconds) for past in self.at_rates], shape, one.limit_ms, self.saturation)
            for one, shape in self.shapes.items()
        }

    @cached_property
    def binding(self) -> Objective:
        """The limit that ends at the lowest rate."""
        return min(self.fits, key=lambda one: self.fits[one].quantile(0.5))

    @property
    def _fit(self) -> RateFit:
        return self.fits[self.binding]

    @cached_property
    def rate(self) -> Estimate | None:
        """The highest at which all limits hold; not above what did not keep them when it was to be confirmed. None
        where nothing is known."""
        if self.closed_loop is None or not self.at_rates or self._ends_early:
            return None
        found = self._fit.estimate
        failed = [one.step.rate for one in self.confirming if not kept(one, self.terms.objectives) and one.step.rate]
        if not failed or found.low is None or found.low < min(failed):
            return found
        return Estimate(found.value, min(failed), found.high, found.count)

    @property
    def half_width_percent(self) -> float | None:
        return None if self.rate is None else self._fit.half_width_percent

    @property
    def confirmed(self) -> bool | None:
        """By the last run that was to; None where there was none."""
        return kept(self.confirming[-1], self.terms.objectives) if self.confirming else None

    @property
    def confirmed_rate(self) -> float | None:
        """The highest at which a longer run kept all limits."""
        return max((one.step.rate or 0.0 for one in self.confirming if kept(one, self.terms.objectives)), default=None)

    # What is next

    def next(self) -> Step | None:
        """None where it has ended."""
        if self._has_failed:
            return None
        if self.closed_loop is None:
            return Step("closed loop")
        left = self.terms.most - len(self.past)
        if self._ends_early or left <= 0:
            return None
        if self._is_loop_doubtful and not self.confirming:
            return Step("closed loop")
        if self.looks_idle:
            return Step("idle", self._in_range(_IDLE_SHARE * self.saturation))
        if self.confirmed or len(self.confirming) >= MOST_CONFIRMING:
            return None
        if self.confirming or self._is_narrow or left <= self._kept_for_confirming:
            low = self.rate.low if self.rate is not None else None
            return None if low is None else Step("confirm", self._in_range(low), LONGER)
        share = _BELOW if len(self.at_rates) % 2 == 0 else 1 - _BELOW
        return Step("search", self._in_range(self._fit.quantile(share)))

    @property
    def looks_idle(self) -> bool:
        """Whether its next trial at a rate is next to no load, to see if a limit can be met at all."""
        return bool(self.below_services) and not self._ends_early

    @property
    def _has_failed(self) -> bool:
        return len(self.past) - len(self.usable) >= MOST_UNUSABLE

    @property
    def _ends_early(self) -> bool:
        """Where no trial at a rate would say more."""
        return self.closed_loop is None or bool(self.never_kept) or self._is_too_short

    @property
    def _is_too_short(self) -> bool:
        return self._least_rate > self.saturation or self._is_below_shown

    @property
    def _is_loop_doubtful(self) -> bool:
        """All else is measured by it, so a slow one would be taken for the end of what can be served."""
        if self.closed_loop is None or len(self.closed_loops) >= MOST_CLOSED_LOOPS:
            return False
        beyond = len(self.at_rates) >= _BELOW_TRIALS and self._fit.quantile(0.5) > self.saturation
        return is_disturbed(self.closed_loop) or beyond

    @property
    def _kept_for_confirming(self) -> int:
        """The last of the trials, as far as more than the fewest were allowed."""
        return max(1, min(MOST_CONFIRMING, self.terms.most - FEWEST + 1))

    @property
    def _is_narrow(self) -> bool:
        enough = len(self.at_rates) >= LEAST_TRIALS
        return enough and self._fit.half_width_percent <= self.terms.within_percent

    def _in_range(self, rate: float) -> float:
        """In four digits, as it is on the command line; arrivals enough to show the percentile, where that is below
        saturation."""
        least = min(self._least_rate, self.saturation)
        return _rounded(min(max(rate, least), _BEYOND * self.saturation))

    @property
    def verdict(self) -> Verdict:
        if self.closed_loop is not None:
            if self.never_kept:
                return "unreachable"
            if self._is_too_short:
                return "too short"
        if self._has_failed:
            return "not measured"
        if self.next() is not None or self.rate is None:
            return "not finished"
        if not self.confirmed:
            return "not confirmed"
        if self._fit.half_width_percent > self.terms.within_percent:
            return "too noisy"
        shape = self.shapes[self.binding]
        return "saturated" if shape.load_at(self.binding.limit_ms) >= _SATURATED else "found"


def kept(past: Past, objectives: Sequence[Objective]) -> bool:
    """Whether all limits held."""
    return not only_overloaded(past.outcome) and all(
        point.latency <= one.limit_ms and not point.above for one in objectives for point in (point_of(past, one, 0.0),)
    )


def point_of(past: Past, objective: Objective, seconds: float) -> RatePoint:
    """`seconds`: of a trial that is not longer than most."""
    rate, doubtful = _offered(past), is_disturbed(past.outcome)
    window_ms = 1000 * seconds * past.step.longer
    part = part_of(past.outcome, objective)
    if part is None or (part.latency_ms is None and only_overloaded(past.outcome)):
        return RatePoint(rate, float("inf"), True, doubtful, window_ms)
    if part.latency_ms is None:
        return RatePoint(rate, max(part.at_least_ms or 0.0, objective.limit_ms), True, doubtful, window_ms)
    return RatePoint(rate, part.latency_ms, False, doubtful, window_ms)


def _offered(past: Past) -> float:
    """What became due in the window: by chance a few percent more or fewer than were asked for, and it is these that
    made the latency."""
    return past.outcome.figures.get("offered_per_s", 0.0) or past.step.rate or 0.0


@lru_cache(maxsize=64)
def _shape(
    percentiles: tuple[tuple[float, float], ...],
    mean_ms: float,
    scaled_to_ms: float,
    servers: int,
    percent: float,
    variation: float,
) -> QueueShape:
    """Which a search wants at each of its steps, and takes 20 ms to work out."""
    services = Services.of(dict(percentiles), mean_ms).scaled_to(scaled_to_ms)
    return QueueShape(servers, services, percent, variation)


def _rounded(rate: float) -> float:
    """To four digits, downwards."""
    unit = 10.0 ** (floor(log10(rate)) - 3)
    return float(f"{floor(rate / unit + 1e-9) * unit:.12g}")
