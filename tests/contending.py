"""Servers of one queue that slow each other down while they are busy, computed: event after event, in plain Python.

And the queue that a run would have delivered of them, with what its analysis says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ovbench.common.arrivals import Arrivals, Poisson, Stage
from ovbench.common.histogram import Int64s
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.contention import Contention, contention_of
from ovbench.coordinator.analysis.offered import Offered
from ovbench.coordinator.analysis.queues import Queue

Floats = npt.NDArray[np.float64]

UNIT_NS = 1_000_000
"""Of a mean service alone."""

_NONE = np.empty(0, np.int64)
_STEADY = Arrivals(Poisson(), (Stage(1, 1, 1),))


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


def queue(
    machine: Machine, load: float, count: int, seed: int, gaps: str = "poisson", services: str = "alike"
) -> Queue:
    random = np.random.default_rng(seed)
    between, works = _gaps(random, gaps, count), _works(random, services, count)
    dues = np.cumsum(between) / (load * machine.servers)
    starts, ends = instants_ns(contend(machine, dues.tolist(), works.tolist()), UNIT_NS)
    samples = SampleArray.of(starts, ends, (dues * UNIT_NS).astype(np.int64))
    return Queue(tuple(range(machine.servers)), machine.servers, machine.servers, offered(samples))


def _gaps(random: np.random.Generator, law: str, count: int) -> Floats:
    match law:
        case "constant":
            return np.ones(count)
        case "bursty":
            return random.gamma(0.25, 4, count)
        case "stages":
            return random.exponential(1, count) * np.where(np.arange(count) < count / 2, 1.5, 0.75)
    return random.exponential(1, count)


def _works(random: np.random.Generator, law: str, count: int) -> Floats:
    """Of 1 on average."""
    match law:
        case "equal":
            return np.ones(count)
        case "alike":
            return random.gamma(100, 0.01, count)
    return random.exponential(1, count)


def offered(samples: SampleArray) -> Offered:
    return Offered(samples, _NONE, _NONE, int(samples.ends.max()))


def found(*queues: Queue, asked: Arrivals | None = _STEADY, homes: dict[int, int] | None = None) -> Contention | None:
    stop_ns = max(int(one.offered.samples.dues[-1]) for one in queues) + 1
    agents = {agent for one in queues for agent in one.agents}
    return contention_of(queues, 0, stop_ns, homes or dict.fromkeys(agents, 0), asked)
