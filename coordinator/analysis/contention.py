"""Whether inferences slow each other down while they are served at the same time, and what that costs in waits. Pure.

Services that are long while others are under way tell nothing by themselves: where the machine was slow for a second,
more were under way, too. What cannot follow from the machine is the schedule. So services are held against how much
would be served beside each in an ideal queue of the same arrivals, in which all take the same time: the slower a
machine is when it is busy, the more of their variation follows that. With it as an instrument, the time that each other
inference beside one adds is a ratio of covariances, and that of one alone what remains. All covariances are within
short stretches of the schedule, each of which has one say, so neither drift nor stages matter.

The same stretches tell what waits would come to: by the recursion of Kiefer and Wolfowitz, from the servers' state at
the start of each, with these services in any other order, and with those of inferences alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ovbench.common.arrivals import Arrivals
from ovbench.common.clock import NS_PER_S

from ..stats.queueing import allen_cunneen, ideal_starts, time_beside, waits
from ..stats.student import t_quantile, t_within
from .queues import Queue

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

SURE: Final = 0.999
"""That services follow the schedule, for it to be so (Student's, one-sided)."""

_STRETCHES: Final = 16
"""Of a queue, unless they become too short or too long."""

_SHORTEST: Final = 50
_LONGEST: Final = 500
_FEWEST_STRETCHES: Final = 8
_MOST_COMPUTED: Final = 20_000
"""Arrivals whose waits are computed; of more, stretches spread over all."""

_LEAST_SPREAD: Final = 0.01
"""Of a service: where what is beside others differs less in the ideal queue, as with equal gaps, it tells nothing."""

_ORDERS: Final = 12
_LOOKED_BACK: Final = 1024
"""Arrivals before a stretch, among which are those that the servers are busy with."""


@dataclass(frozen=True)
class Slowdown:
    """`alone_ns`: the mean service, were nothing else under way; `percent`: by how much it was above that, with a 95 %
    interval, open where the data have no bound; `wait_ns`: the mean wait, were services as short as that. `certain`:
    by chance alone it would not be seen."""

    alone_ns: float
    percent: float
    low_percent: float
    high_percent: float | None
    wait_ns: float
    certain: bool


@dataclass(frozen=True)
class Contention:
    """Mean waits and services of arrivals of the window. `servers` of a queue, None where queues differ.

    `wait_ns` is that of an ideal dispatcher with the services as they were, `shuffled_ns` with them in any other order
    (over orders, with its standard deviation), `formula_ns` Allen's and Cunneen's; None where the rate is not one, or
    more than can be served. `slowdown` is None where there is nothing to tell it by.
    """

    arrivals: int
    servers: int | None
    load: float
    service_ns: float
    measured_wait_ns: float
    wait_ns: float
    shuffled_ns: float
    shuffled_deviation_ns: float
    formula_ns: float | None
    slowdown: Slowdown | None

    @property
    def latency_ns(self) -> float:
        return self.wait_ns + self.service_ns


def contention_of(
    queues: Sequence[Queue], start_ns: int, stop_ns: int, homes: Mapping[int, int], arrivals: Arrivals | None
) -> Contention | None:
    """`homes`: the host that each agent is on. None of a closed loop, of too few arrivals, and where not every service
    is known: samples were folded, arrivals dropped or unfinished, or requests waited for a stream inside the device."""
    if not queues or not all(_known(queue) for queue in queues):
        return None
    table = _Table.of(queues, start_ns, stop_ns, homes)
    stretches = [] if table is None else list(table.stretches())
    if table is None or len(stretches) < _FEWEST_STRETCHES:
        return None
    index = np.asarray([np.arange(first, first + table.length) for _, first in stretches])
    slope, low, high, certain = _slope(table, index)
    computed = stretches[:: max(1, len(stretches) * table.length // _MOST_COMPUTED)]
    measured, as_it_was, alone, others = table.waits(computed, 0.0 if slope is None else slope)
    service, beside = float(table.services[index].mean()), float(table.beside[index].mean())
    servers = {queue.streams for queue in queues}
    seconds, used = (stop_ns - start_ns) / NS_PER_S, table.in_window
    return Contention(
        arrivals=index.size,
        servers=servers.pop() if len(servers) == 1 else None,
        load=used * service / NS_PER_S / seconds / sum(queue.streams for queue in queues),
        service_ns=service,
        measured_wait_ns=measured,
        wait_ns=as_it_was,
        shuffled_ns=float(others.mean()),
        shuffled_deviation_ns=float(others.std(ddof=1)),
        formula_ns=_formula(table, arrivals, seconds),
        slowdown=None if slope is None else _slowdown(service, beside, slope, low, high, alone, certain),
    )


def _known(queue: Queue) -> bool:
    offered = queue.offered
    whole = not (queue.folded or len(offered.dropped_ns) or len(offered.unfinished_ns))
    return whole and 0 < queue.requests <= queue.streams


@dataclass(frozen=True)
class _Table:
    """All that was served, queue after queue, each in the order of due; instants since the first. `edges`: where each
    queue begins, and from where to where it was due in the window. `beside`: the time in which others were served while
    each was, summed over them; `ideal`: the same in the ideal queue."""

    queues: Sequence[Queue]
    edges: Sequence[tuple[int, int, int]]
    dues: Int64s
    starts: Int64s
    ends: Int64s
    beside: Int64s
    ideal: Int64s
    length: int

    @classmethod
    def of(cls, queues: Sequence[Queue], start_ns: int, stop_ns: int, homes: Mapping[int, int]) -> Self | None:
        samples = [queue.offered.samples for queue in queues]
        firsts = np.cumsum([0, *map(len, samples)]).tolist()
        dues = np.concatenate([part.dues for part in samples])
        if not len(dues):
            return None
        zero = int(dues.min())
        dues = dues - zero
        starts = np.concatenate([part.starts for part in samples]) - zero
        ends = starts + np.concatenate([part.services for part in samples])
        edges = []
        for first, part in zip(firsts, samples, strict=False):
            low, high = np.searchsorted(part.dues, (start_ns, stop_ns)).tolist()
            edges.append((first, first + low, first + high))
        beside, ideal = np.zeros_like(dues), np.zeros_like(dues)
        mean = int((ends - starts).mean())
        for host in sorted({homes[queue.agents[0]] for queue in queues}):
            here = [n for n, queue in enumerate(queues) if homes[queue.agents[0]] == host]
            rows = np.concatenate([np.arange(firsts[n], firsts[n + 1]) for n in here])
            beside[rows] = time_beside(starts[rows], ends[rows])
            even = np.concatenate(
                [ideal_starts(dues[firsts[n] : firsts[n + 1]], mean, queues[n].streams) for n in here]
            )
            ideal[rows] = time_beside(even, even + mean)
        middle = int(np.median([high - low for _, low, high in edges]))
        length = min(max(middle // _STRETCHES, _SHORTEST), _LONGEST)
        return cls(queues, edges, dues, starts, ends, beside, ideal, length)

    @property
    def services(self) -> Int64s:
        return self.ends - self.starts

    @property
    def in_window(self) -> int:
        return sum(high - low for _, low, high in self.edges)

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Of `length` arrivals of the window each: the number of the queue, and where it begins."""
        for number, (_, low, high) in enumerate(self.edges):
            count = (high - low) // self.length
            for turn in range(count):
                yield number, low + turn * (high - low) // count

    def waits(self, stretches: Sequence[tuple[int, int]], slope: float) -> tuple[float, float, float, Floats]:
        """Mean waits: as measured, of an ideal dispatcher with the services as they were, and less what others beside
        them added, and in other orders [orders]."""
        random, found, measured = np.random.default_rng(0), [], []
        for servers in sorted({self.queues[number].streams for number, _ in stretches}):
            mine = [(n, first) for n, first in stretches if self.queues[n].streams == servers]
            index = np.asarray([np.arange(first, first + self.length) for _, first in mine])
            dues = self.dues[index].astype(np.float64)
            free = np.asarray([self._free(n, first, servers) for n, first in mine])
            services = self.services[index].astype(np.float64)
            alone = np.maximum(services - slope * self.beside[index], 1.0)
            others = random.permuted(np.repeat(services[:, None, :], _ORDERS, axis=1), axis=2)
            ways = np.concatenate([services[:, None, :], alone[:, None, :], others], axis=1)
            found.append(waits(dues, ways, free).mean(axis=2))
            measured.append((self.starts - self.dues)[index].mean(axis=1))
        means = np.concatenate(found).mean(axis=0)
        return float(np.concatenate(measured).mean()), float(means[0]), float(means[1]), means[2:]

    def _free(self, number: int, first: int, servers: int) -> Floats:
        """From when on the servers of a queue are idle, as those before left them."""
        begin = self.edges[number][0]
        before = self.ends[max(begin, first - _LOOKED_BACK) : first]
        free = np.full(servers, float(self.dues[first]))
        last = np.sort(before)[-servers:]
        free[: len(last)] = last
        return free


def _slope(table: _Table, index: Int64s) -> tuple[float | None, float, float, bool]:
    """By how much a service is longer for each unit of time that another is served beside it, with a 95 % interval, and
    whether it is so for certain. None where nothing tells it."""
    services, beside, ideal = (
        _centred(values[index].astype(np.float64)) for values in (table.services, table.beside, table.ideal)
    )
    longer, together = (services * ideal).sum(axis=1), (beside * ideal).sum(axis=1)
    spread = _LEAST_SPREAD * float(table.services[index].mean())
    if together.sum() <= 0 or (ideal**2).mean() < spread**2:
        return None, 0.0, 0.0, False
    slope, freedom = float(longer.sum() / together.sum()), len(index) - 1
    error = _deviation_of_sum(longer - slope * together) / float(together.sum())
    reach = t_within(freedom) * error
    certain = longer.sum() > t_quantile(SURE, freedom) * _deviation_of_sum(longer)
    return slope, slope - reach, slope + reach, bool(certain)


def _centred(values: Floats) -> Floats:
    result: Floats = values - values.mean(axis=1, keepdims=True)
    return result


def _deviation_of_sum(values: Floats) -> float:
    return float(np.std(values, ddof=1) * len(values) ** 0.5)


def _slowdown(
    service: float, beside: float, slope: float, low: float, high: float, wait: float, certain: bool
) -> Slowdown | None:
    def percent(slope: float) -> float | None:
        alone = service - slope * beside
        return 100 * (service / alone - 1) if alone > 0 else None

    middle, least = percent(slope), percent(low)
    if middle is None or least is None:
        return None
    return Slowdown(service - slope * beside, middle, least, percent(high), wait, certain)


def _formula(table: _Table, arrivals: Arrivals | None, seconds: float) -> float | None:
    """The mean over queues, by their arrivals."""
    if arrivals is None or len({rate for stage in arrivals.stages for rate in (stage.rate_from, stage.rate_to)}) != 1:
        return None
    total, count = 0.0, 0
    for queue, (_, low, high) in zip(table.queues, table.edges, strict=True):
        if high - low < 2:
            continue
        gaps, services = np.diff(table.dues[low:high]), (table.ends - table.starts)[low:high]
        mean = float(services.mean())
        rate = (high - low) / (seconds * NS_PER_S)
        wait = allen_cunneen(queue.streams, rate, mean, _cv2(gaps), _cv2(services))
        total, count = total + (high - low) * wait, count + high - low
    return total / count if count and total < float("inf") else None


def _cv2(values: Int64s) -> float:
    mean = float(values.mean())
    return float(values.var()) / mean**2 if mean > 0 else 0.0
