"""Servers of one queue that slow each other down while they are busy, computed: event after event, in plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from ovbench.common.histogram import Int64s


class Service(NamedTuple):
    server: int
    start: float
    end: float


@dataclass(frozen=True)
class Machine:
    """While m of its servers are busy each works at 1 / (1 + slower (m - 1)) of its speed, and all of them at `speeds`
    of it, in spans of `span` one after the other, the last of which goes on."""

    servers: int
    slower: float = 0.0
    speeds: Sequence[float] = (1.0,)
    span: float = inf


def contend(machine: Machine, dues: Sequence[float], works: Sequence[float]) -> list[Service]:
    """First come first served; `works` is how long each takes alone at full speed. In the order of `dues`."""
    left, whose, starts = [0.0] * machine.servers, [-1] * machine.servers, [0.0] * len(dues)
    done: list[Service | None] = [None] * len(dues)
    now, came, taken, finished, span = 0.0, 0, 0, 0, 0
    while finished < len(dues):
        busy = [server for server in range(machine.servers) if whose[server] >= 0]
        speed = machine.speeds[min(span, len(machine.speeds) - 1)] / (1 + machine.slower * max(len(busy) - 1, 0))
        ends = {server: now + left[server] / speed for server in busy}
        first = min(ends, key=ends.__getitem__, default=None)
        next_end = inf if first is None else ends[first]
        next_due = dues[came] if came < len(dues) else inf
        next_span = (span + 1) * machine.span if span + 1 < len(machine.speeds) else inf
        then = min(next_end, next_due, next_span)
        for server in busy:
            left[server] -= (then - now) * speed
        now = then
        if next_due == then:
            came += 1
        elif first is not None and next_end == then:
            done[whose[first]] = Service(first, starts[whose[first]], now)
            whose[first], finished = -1, finished + 1
        else:
            span += 1
        while taken < came and -1 in whose:
            server = whose.index(-1)
            whose[server], left[server], starts[taken], taken = taken, works[taken], now, taken + 1
    return [one for one in done if one is not None]


def instants_ns(services: Sequence[Service], unit_ns: int) -> tuple[Int64s, Int64s]:
    """Starts and ends, of services in so many ns."""
    starts, ends = (np.array([getattr(one, name) for one in services]) * unit_ns for name in ("start", "end"))
    return starts.astype(np.int64), ends.astype(np.int64)
