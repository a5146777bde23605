"""A result over time, as `report.json` has it: slices of the window, and the --stages."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from msgspec import Meta, Struct

from .arrivals import GoodputPart
from .cpu import Percent
from .latency import LatencyPart


class TimelineArrivals(Struct, frozen=True):
    """Of what was due in a slice of the window, at a rate; null where nothing that was due in it completed."""

    offered_per_s: float
    delivered_per_s: Annotated[float, Meta(description="completions in the slice, per second")]
    backlog: Annotated[int, Meta(description="due and not completed, at the end of the slice")]
    wait_ms: Annotated[float | None, Meta(description="mean")]
    service_ms: Annotated[float | None, Meta(description="mean")]
    goodput_per_s: Annotated[float | None, Meta(description="of the first objective; null without --slo-ms")] = None
    goodput_share: float | None = None


class TimelinePart(Struct, frozen=True):
    """One slice of the window; `t_s` is its end since the window's start."""

    t_s: float
    fps: float
    p99_ms: float | None
    busy_percent: Annotated[Percent, Meta(description="of all measured CPUs together, which are read once a second")]
    arrivals: Annotated[TimelineArrivals | None, Meta(description="at a rate, else null")] = None


def spans_s(timeline: Sequence[TimelinePart]) -> list[tuple[float, float]]:
    """Where each slice begins and ends, seconds since the window's start."""
    return list(pairwise([0.0, *(part.t_s for part in timeline)]))


class StagePart(Struct, frozen=True):
    """What was due in one of the --stages. `start_s` is since the window's start; rates are inferences per second."""

    start_s: float
    duration_s: float
    rate_from: float
    rate_to: float
    offered: int
    delivered: int
    unfinished: int
    dropped: int
    latency_ms: LatencyPart | None
    service_ms: LatencyPart | None
    wait_ms: LatencyPart | None
    goodput: GoodputPart | None = None
