"""What the trials of a search say to it: whether they count, how fast the machine was, how long its services. Pure."""

from collections.abc import Mapping
from math import ceil
from typing import Final

from ..request.slo import Objective
from ..result.arrivals import ObjectivePart
from ..result.findings import Code
from ..result.study import Outcome
from .overload import only_overloaded

_TOLD_BY: Final = 3.0
"""So many arrivals beyond the percentile are expected at least: with fewer, all of them may be within it by chance
(0.95^n: the rule of three)."""

_DISTURBED: Final = frozenset((
    Code.OTHER_LOAD, Code.STEAL, Code.HARNESS_LOAD, Code.FREQUENCY_DROP, Code.THERMAL_THROTTLE, Code.CPU_QUOTA,
    Code.HOST_UNSEEN, Code.LATE_STARTS, Code.STALLED,
))  # fmt: skip


def percent_of(objective: Objective) -> float:
    """Of arrivals that must keep the limit."""
    return 100.0 if objective.percent is None else objective.percent


def needed_arrivals(objective: Objective) -> int:
    """Fewer do not show the percentile, which is below 100."""
    return ceil(100 * _TOLD_BY / (100 - percent_of(objective)) - 1e-6)


def is_usable(outcome: Outcome) -> bool:
    """Whether it says something of the rate: one that was overloaded does."""
    if outcome.fps is None or outcome.fps <= 0:
        return False
    return outcome.status in ("VALID", "SUSPECT") or only_overloaded(outcome)


def is_disturbed(outcome: Outcome) -> bool:
    """By what has nothing to do with the rate."""
    return outcome.status == "SUSPECT" and not _DISTURBED.isdisjoint(outcome.findings)


def part_of(outcome: Outcome, objective: Objective) -> ObjectivePart | None:
    """What a trial says of a limit; None where it does not know it."""
    wanted = objective.limit_ms, objective.percent
    return next((one for one in outcome.objectives if (one.limit_ms, one.percent) == wanted), None)


def inferences_per_s(outcome: Outcome) -> float:
    """Each has a batch of frames."""
    batch = 1 if outcome.in_effect is None else outcome.in_effect.batch
    return 0.0 if outcome.fps is None else outcome.fps / max(1, batch)


def service_ms(outcome: Outcome) -> float:
    """The mean in a closed loop, where all streams are busy: without what requests wait for a stream."""
    return 1000 * servers_of(outcome) / inferences_per_s(outcome)


def servers_of(outcome: Outcome) -> int:
    """Inferences that are served at a time, of all agents: streams that have a request."""
    streams = max(1, outcome.streams or 1)
    return min(streams, outcome.requests or streams)


def times_of(outcome: Outcome) -> tuple[tuple[tuple[float, float], ...], float]:
    """Percentiles and mean, ms: of a closed loop of its latencies, at a rate of its services."""
    prefix = "service_" if outcome.at_rate else ""
    known: Mapping[str, float] = outcome.figures if outcome.at_rate else outcome.latency_ms
    ends = "_ms" if outcome.at_rate else ""
    names = {50.0: "median", 90.0: "p90", 95.0: "p95", 99.0: "p99", 99.9: "p99_9"}
    percentiles = {
        percent: known[f"{prefix}{name}{ends}"] for percent, name in names.items() if f"{prefix}{name}{ends}" in known
    }
    return tuple(percentiles.items()), known.get(f"{prefix}mean{ends}", percentiles[50.0])
