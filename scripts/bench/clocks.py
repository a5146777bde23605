"""Clocks of other hosts: whether what a run is told of them holds, with clocks and networks that were planted.

Over sockets: hosts in another process, each with a clock of its own, up to 10 s apart and up to 200 ppm fast or slow,
behind a network of its own: up to 5 ms there, up to 5 ms back, tails, lost pings. What a session does is done: a burst,
an order to begin, heartbeats, bursts at the load's edges, what was measured is placed. As all of it happens on one
machine, every instant is known by both clocks.

Simulated: many more, with years between the clocks, drifts that change up to the most that clocks can have, and without
the bursts at the edges.
"""

import heapq
import multiprocessing
import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection
from statistics import median
from typing import Final

import numpy as np

from ovbench.common.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from ovbench.common.clockline import MOST_DRIFT_ONE_IN
from ovbench.common.hostclock import HostClock, RoundTrip
from ovbench.common.hostmessages import Pong
from ovbench.common.messages import Finished, Memory, Samples, Start, Usage
from ovbench.common.samples import Int64s, SampleArray
from ovbench.coordinator.session.hosttime import HostTime
from ovbench.coordinator.session.pinger import Pinger
from ovbench.coordinator.session.placed import PlacedFinished

from .versus import Row, RunFailed, Settings, parse, quantity, report, say

SECONDS = 2.0
RUNS = 100
SIMULATED_PER_RUN: Final = 20
_AT_ONCE: Final = 20
_MOST_APART_NS: Final = 10 * NS_PER_S
_MOST_DRIFT: Final = 200e-6
_MOST_DELAY_NS: Final = 5 * NS_PER_MS
_MARGIN_NS: Final = 50 * NS_PER_MS
_BEFORE_STOP_NS: Final = 20 * NS_PER_MS
_PATIENCE_S: Final = 30.0
_LOOKS: Final = 1_000
_SAMPLES: Final = 1_000
_WORDS: Final = struct.Struct("<qqq")


@dataclass(frozen=True)
class Planted:
    """A host's clock, and what lies between it and the coordinator. At `zero_ns` it is ahead by `ahead_ns`.

    A ping takes `there_ns` at least, its answer `back_ns`, both `tail_ns` more in the mean; so many are `lost`.
    """

    zero_ns: int
    ahead_ns: int
    drift: float
    there_ns: int
    back_ns: int
    tail_ns: int
    lost: float

    @classmethod
    def drawn(cls, draws: random.Random, zero_ns: int) -> "Planted":
        longest = draws.choice((50 * NS_PER_US, NS_PER_MS, _MOST_DELAY_NS))
        return cls(
            zero_ns,
            round(draws.uniform(-_MOST_APART_NS, _MOST_APART_NS)),
            draws.choice((-_MOST_DRIFT, _MOST_DRIFT, draws.uniform(-_MOST_DRIFT, _MOST_DRIFT))),
            round(draws.uniform(0, longest)),
            round(draws.uniform(0, longest)),
            draws.choice((20, 200)) * NS_PER_US,
            draws.choice((0.0, 0.05, 0.3)),
        )

    def offset_ns(self, at_ns: Int64s) -> Int64s:
        """What it is ahead by."""
        offsets: Int64s = self.ahead_ns + np.rint((at_ns - self.zero_ns) * self.drift).astype(np.int64)
        return offsets

    def read(self, at_ns: int) -> int:
        """What it reads when the coordinator's reads that."""
        return at_ns + self.ahead_ns + round((at_ns - self.zero_ns) * self.drift)

    def when(self, host_ns: int) -> int:
        """What the coordinator's reads when it reads that, to a ns."""
        return self.zero_ns + round((host_ns - self.ahead_ns - self.zero_ns) / (1 + self.drift))

    def delay_ns(self, draws: random.Random, least_ns: int) -> int:
        return least_ns + round(draws.expovariate(1 / self.tail_ns))


@dataclass(frozen=True)
class Began:
    """A load as it was: when it began and stopped, by the coordinator's clock and by the host's."""

    host: int
    start_ns: int
    stop_ns: int
    host_start_ns: int
    host_stop_ns: int


def _hosts(planted: Sequence[Planted], ports: Connection, length_ns: int, seed: int) -> None:
    """Another process: all hosts of a round, and the networks before them. Ends when told to by an order of 0."""
    draws, order = random.Random(seed), count()
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in planted]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports.send([one.getsockname()[1] for one in sockets])
    number_of = {one.fileno(): number for number, one in enumerate(sockets)}
    due: list[tuple[int, int, Callable[[], None]]] = []

    def later(at_ns: int, what: Callable[[], None]) -> None:
        heapq.heappush(due, (at_ns, next(order), what))

    def arrives(host: int, number: int, sent_ns: int, sender: tuple[str, int]) -> None:
        host_ns = planted[host].read(time.monotonic_ns())
        answer = _WORDS.pack(number, sent_ns, host_ns)
        back_ns = planted[host].delay_ns(draws, planted[host].back_ns)
        later(time.monotonic_ns() + back_ns, lambda: _send(sockets[host], answer, sender))

    def begins(host: int) -> None:
        now_ns = time.monotonic_ns()
        began_ns = planted[host].read(now_ns)
        later(planted[host].when(began_ns + length_ns), lambda: ends(host, now_ns, began_ns))

    def ends(host: int, start_ns: int, host_start_ns: int) -> None:
        now_ns = time.monotonic_ns()
        ports.send(Began(host, start_ns, now_ns, host_start_ns, planted[host].read(now_ns)))

    while True:
        wait_s = (due[0][0] - time.monotonic_ns()) / NS_PER_S if due else 1.0
        # Not poll, which waits whole milliseconds.
        for fd in select.select([*number_of, ports.fileno()], [], [], max(0.0, wait_s))[0]:
            if fd == ports.fileno():
                return
            host = number_of[fd]
            data, sender = sockets[host].recvfrom(_WORDS.size)
            number, sent_ns, at_ns = _WORDS.unpack(data)
            if number == 0:
                later(planted[host].when(at_ns), lambda host=host: begins(host))  # type: ignore[misc]
            elif draws.random() >= planted[host].lost:
                there_ns = time.monotonic_ns() + planted[host].delay_ns(draws, planted[host].there_ns)
                later(there_ns, lambda case=(host, number, sent_ns, sender): arrives(*case))  # type: ignore[misc]
        while due and due[0][0] <= time.monotonic_ns():
            heapq.heappop(due)[2]()


def _send(by: socket.socket, data: bytes, to: tuple[str, int]) -> None:
    by.sendto(data, to)


@dataclass
class Case:
    """One host, as a session has it."""

    planted: Planted
    time: HostTime
    socket: socket.socket
    ordered_ns: int = 0
    """When its load was to begin, once that was ordered."""
    began: Began | None = None
    placed: PlacedFinished | None = None
    array: SampleArray = field(default_factory=SampleArray.empty)
    measured: SampleArray = field(default_factory=SampleArray.empty)

    def turn(self, now_ns: int, length_ns: int) -> None:
        """Send what is due."""
        ping = self.time.due(time.monotonic_ns())
        if ping is not None:
            self.socket.send(_WORDS.pack(ping.number, ping.sent_ns, 0))
        if self.time.known and not self.ordered_ns:
            self.ordered_ns = now_ns + _MARGIN_NS
            start = self.time.order(Start(self.ordered_ns))
            assert isinstance(start, Start)
            self.socket.send(_WORDS.pack(0, 0, start.at_ns))
            self.time.pinger.burst(now_ns)
            self.time.pinger.burst(self.ordered_ns + length_ns - _BEFORE_STOP_NS)

    def heard(self) -> None:
        data = self.socket.recv(_WORDS.size)
        self.time.heard(Pong(*_WORDS.unpack(data)), time.monotonic_ns())

    def ended(self, began: Began, draws: random.Random) -> None:
        """What it measured comes, in two messages, while the last burst may be under way."""
        self.began = began
        placed = self.time.notice(_finished(began))
        assert isinstance(placed, PlacedFinished)
        self.placed = placed
        ends = np.sort([draws.randrange(began.host_start_ns, began.host_stop_ns) for _ in range(_SAMPLES)])
        services = np.asarray([draws.randrange(1, NS_PER_MS) for _ in range(_SAMPLES)])
        waits = np.asarray([draws.randrange(NS_PER_MS) for _ in range(_SAMPLES)])
        dues = np.sort(ends - services - waits)
        starts = np.maximum(ends - services, dues)
        self.measured = SampleArray.of(starts, ends, dues)
        parts = (self.measured[: _SAMPLES // 2], self.measured[_SAMPLES // 2 :])
        notices = (self.time.notice(Samples(0, part.to_bytes(), timed=True)) for part in parts)
        self.array = SampleArray.joined([part.array for part in notices if isinstance(part, Samples)])
        self.time.pinger.burst(time.monotonic_ns())


def _finished(began: Began) -> Finished:
    return Finished(
        start_ns=began.host_start_ns,
        stop_ns=began.host_stop_ns,
        completed=_SAMPLES,
        usage=(Usage(began.host_start_ns, 0.0, 0.0, 0.0, 0, 0, None),),
        memory=Memory(1.0, 1.0, 1.0, 1.0),
        seen=(),
        mask=(),
        error=None,
    )


@dataclass(frozen=True)
class Outcome:
    """Of one case, in ns. `within`: the true offset was within the bound at every instant that was looked at. `placed`:
    window, samples and their times were right, within what was told."""

    within: bool
    placed: bool
    told_ns: int
    edge_ns: int
    start_ns: int
    drift_ppm: float
    lost: float


def _outcome(case: Case, draws: random.Random) -> Outcome:
    planted, began, placed = case.planted, case.began, case.placed
    assert began is not None
    assert placed is not None
    looks = np.asarray([draws.randrange(planted.zero_ns, began.stop_ns + NS_PER_S) for _ in range(_LOOKS)], np.int64)
    low, high = case.time.clock.offset_bounds_ns(looks)
    true = planted.offset_ns(looks)
    record = case.time.record(placed.start_ns, placed.stop_ns)
    assert record is not None
    edges = [abs(placed.start_ns - began.start_ns), abs(placed.stop_ns - began.stop_ns)]
    at_ns = np.asarray([planted.when(end) for end in case.measured.ends.tolist()])
    errors = case.time.clock.errors_ns(at_ns, placed.line)
    right = (
        max(edges) <= record.error_ns
        and bool((np.abs(case.array.ends - at_ns) <= errors + 1).all())
        and all(bool((np.diff(ones) >= 0).all()) for ones in (case.array.ends, case.array.dues))
        and bool((case.array.latencies == case.measured.latencies).all())
        and bool((case.array.services == case.measured.services).all())
        and bool((case.array.waits == case.measured.waits).all())
    )
    return Outcome(
        within=bool(((low <= true) & (true <= high)).all()) and case.time.clock.consistent,
        placed=right,
        told_ns=record.error_ns,
        edge_ns=max(edges),
        start_ns=abs(began.start_ns - case.ordered_ns),
        drift_ppm=abs(record.drift_ppm - 1e6 * planted.drift),
        lost=planted.lost,
    )


def _round(number: int, seed: int, seconds: float) -> list[Outcome]:
    """So many hosts at once, over sockets."""
    draws, zero_ns, length_ns = random.Random(seed), time.monotonic_ns(), round(seconds * NS_PER_S)
    planted = [Planted.drawn(draws, zero_ns) for _ in range(number)]
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_hosts, args=(planted, theirs, length_ns, seed), daemon=True)
    process.start()
    theirs.close()
    try:
        cases = [_connected(one, port) for one, port in zip(planted, ours.recv(), strict=True)]
        _attend(cases, ours, length_ns, draws)
        ours.send(None)
    except EOFError:
        raise RunFailed("the process with the hosts ended early") from None
    finally:
        process.join(5.0)
        process.kill()
    return [_outcome(case, draws) for case in cases]


def _connected(planted: Planted, port: int) -> Case:
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.connect(("127.0.0.1", port))
    case = Case(planted, HostTime(Pinger(NS_PER_S)), link)
    case.time.pinger.burst(time.monotonic_ns())
    return case


def _attend(cases: Sequence[Case], hosts: Connection, length_ns: int, draws: random.Random) -> None:
    by_fd = {case.socket.fileno(): case for case in cases}
    until_ns = time.monotonic_ns() + length_ns + round(_PATIENCE_S * NS_PER_S)
    while not all(case.placed is not None and not case.time.pinger.in_burst for case in cases):
        if time.monotonic_ns() > until_ns:
            raise RunFailed("a host has not ended its load")
        for case in cases:
            case.turn(time.monotonic_ns(), length_ns)
        wait_ns = min(case.time.next_ns for case in cases) - time.monotonic_ns()
        for fd in select.select([*by_fd, hosts.fileno()], [], [], max(0.0, wait_ns / NS_PER_S))[0]:
            if fd == hosts.fileno():
                began = hosts.recv()
                cases[began.host].ended(began, draws)
            else:
                by_fd[fd].heard()


def _simulated(seed: int) -> tuple[bool, bool]:
    """One clock whose drift changes, over a minute: whether its bound held everywhere, and what was mapped."""
    draws = random.Random(seed)
    zero_ns = draws.randrange(4 * 10**17, 8 * 10**17)
    ahead_ns = draws.randrange(-4 * 10**17, 4 * 10**17)
    most = 1 / MOST_DRIFT_ONE_IN
    rates = [draws.choice((-most, most, draws.uniform(-most, most), 0.0)) * 0.999 for _ in range(60)]
    knots = np.concatenate([[0], np.cumsum([round(rate * NS_PER_S) for rate in rates])])
    seconds = np.arange(61) * NS_PER_S

    def offset(at_ns: int) -> int:
        return ahead_ns + round(float(np.interp(at_ns - zero_ns, seconds, knots)))

    clock, longest = HostClock(), draws.choice((0, 50 * NS_PER_US, _MOST_DELAY_NS))
    early = None
    pings = sorted(draws.choice((draws.uniform(0, 1), draws.uniform(0, 59))) for _ in range(draws.randrange(1, 150)))
    for at_s in pings:
        sent_ns = zero_ns + round(at_s * NS_PER_S)
        there_ns, back_ns = (round(draws.uniform(0, longest) + draws.expovariate(1e-4)) for _ in range(2))
        host_ns = sent_ns + there_ns + offset(sent_ns + there_ns)
        clock.add(RoundTrip(sent_ns, host_ns, sent_ns + there_ns + back_ns))
        early = early or clock.line()
    looks = np.asarray([zero_ns + draws.randrange(60 * NS_PER_S) for _ in range(200)], np.int64)
    true = np.asarray([offset(int(at)) for at in looks])
    low, high = clock.offset_bounds_ns(looks)
    within = bool(((low <= true) & (true <= high)).all()) and clock.consistent
    mapped = all(
        bool((np.abs(line.to_host_ns(looks) - looks - true) <= clock.errors_ns(looks, line)).all())
        for line in (early or clock.line(), clock.line())
    )
    return within, mapped


def measure(settings: Settings) -> Iterator[Row]:
    outcomes: list[Outcome] = []
    for seed in count(1):
        number = min(_AT_ONCE, settings.runs - len(outcomes))
        if not number:
            break
        outcomes += _round(number, seed, settings.seconds)
    say(f"told error at the window's edges: {_spread([one.told_ns for one in outcomes])}")
    say(f"true error there:                 {_spread([one.edge_ns for one in outcomes])}")
    say(f"begun beside the ordered instant: {_spread([one.start_ns for one in outcomes])}")
    drifts = sorted(one.drift_ppm for one in outcomes)
    say(f"drift wrong by: median {median(drifts):.2f} ppm, most {drifts[-1]:.2f} ppm")
    against = "planted: +-10 s, +-200 ppm, 0 to 5 ms there and back, tails, up to 30 % lost"
    yield _of_all("true offset within the bound", [one.within for one in outcomes], against)
    yield _of_all("window and samples placed right", [one.placed for one in outcomes], against)
    simulated = [_simulated(seed) for seed in range(SIMULATED_PER_RUN * settings.runs)]
    against = "simulated: years apart, drift that changes up to 1001 ppm"
    yield _of_all("true offset within the bound, simulated", [within for within, _ in simulated], against)
    yield _of_all("instants mapped within the error, simulated", [mapped for _, mapped in simulated], against)


def _spread(values: Sequence[int]) -> str:
    return f"median {quantity(median(values) / 1e3, 'us')}, most {quantity(max(values) / 1e3, 'us')}"


def _of_all(what: str, right: Sequence[bool], against: str) -> Row:
    outcome = f"{sum(right):,} of {len(right):,}"
    return Row(what, outcome, against, outcome, "all", all(right))


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
