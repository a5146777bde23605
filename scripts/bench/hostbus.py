"""What the bus between hosts costs: encrypted bulk both ways, round trips, and the heartbeats of 1,000 agents.

A coordinator's end in one process, all supervisors' in another, over loopback. CPU time is the coordinator's alone,
with encryption and the gate in front of its port.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from statistics import median
from typing import Final

from ovbench.common.clock import monotonic_ns
from ovbench.common.endpoint import tcp_endpoint
from ovbench.common.hostbus import HostHub
from ovbench.common.hostlink import HostLink
from ovbench.common.hostmessages import FileChunk, FromAgent, Ping, Pong
from ovbench.common.join import Join
from ovbench.common.keys import new_keys
from ovbench.common.messages import Progress
from ovbench.common.wire import encode

from .versus import Goal, Row, RunFailed, Settings, in_own_process, in_turn, parse, report, value_row

SECONDS = 3.0
RUNS = 5
HOSTS: Final = 50
AGENTS_OF_HOST: Final = 20
HEARTBEAT_S: Final = 1.0
CHUNK_BYTES: Final = 1 << 20
MOST: Final = 1_000
MOST_BYTES: Final = 8 << 20
_PATIENCE_S: Final = 30.0
_AHEAD_BYTES: Final = 8 << 20
_DIGEST: Final = "0" * 64


@dataclass(frozen=True)
class _Cost:
    """`amount`: of bytes or messages; `cpu_s`: of the coordinator; `trips_us`: of pings."""

    amount: int
    wall_s: float
    cpu_s: float
    trips_us: tuple[float, ...] = ()


def measure(settings: Settings) -> Iterator[Row]:
    kinds = ("in", "out", "pings", "heartbeats")
    sides: list[Callable[[], _Cost]] = [
        lambda kind=kind: in_own_process(_coordinate, kind, settings.seconds)  # type: ignore[misc]
        for kind in kinds
    ]
    came, went, pings, beats = in_turn(settings.runs, *sides)
    for what, runs in (("host to coordinator", came), ("coordinator to host", went)):
        yield value_row(
            f"bus between hosts, {what}, messages of 1 MiB",
            [run.amount / run.wall_s / 1e9 for run in runs],
            "GB/s",
            Goal(),
            f"coordinator's CPU {median(run.cpu_s / (run.amount / 1e9) for run in runs):.2f} s a GB",
        )
    yield value_row("bus between hosts, round trip, median", [median(run.trips_us) for run in pings], "us", Goal())
    yield value_row("bus between hosts, round trip, smallest", [min(run.trips_us) for run in pings], "us", Goal())
    yield value_row(
        f"heartbeats of {HOSTS} hosts with {AGENTS_OF_HOST} agents, every {HEARTBEAT_S:g} s, coordinator's CPU",
        [100 * run.cpu_s / run.wall_s for run in beats],
        "% of a CPU",
        Goal(),
        f"{median(run.cpu_s / run.amount * 1e6 for run in beats):.0f} us a message",
    )


def _coordinate(kind: str, seconds: float) -> _Cost:
    """In a process of its own."""
    own = new_keys()
    hosts = {f"h{number}": new_keys() for number in range(HOSTS if kind == "heartbeats" else 1)}
    hub = HostHub("tcp://127.0.0.1:0", own, {keys.public: host for host, keys in hosts.items()})
    endpoint = tcp_endpoint(*hub.address)
    joins = [Join(endpoint, host, own.public, keys.public, keys.secret) for host, keys in hosts.items()]
    spawn = multiprocessing.get_context("spawn")
    over = spawn.Event()
    helper = spawn.Process(target=_supervise, args=(kind, joins, over), daemon=True)
    helper.start()
    try:
        _until(hub, lambda: all(map(hub.connected, hosts)))
        return _measured(hub, kind, seconds)
    finally:
        over.set()
        helper.join(_PATIENCE_S)
        hub.close()


def _until(hub: HostHub, done: Callable[[], bool]) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while not done():
        hub.wait(0.05)
        for _ in hub.messages(MOST, MOST_BYTES):
            pass
        if time.monotonic() > end_s:
            raise RunFailed("the hosts do not come")


def _measured(hub: HostHub, kind: str, seconds: float) -> _Cost:
    usage, begin_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    amount, number = 0, 0
    trips_us: list[float] = []
    while (now_s := time.monotonic()) < begin_s + seconds:
        while kind == "out" and hub.unsent_bytes("h0") < _AHEAD_BYTES:
            hub.send("h0", FileChunk(_DIGEST, amount, bytes(CHUNK_BYTES)))
            amount += CHUNK_BYTES
        if kind == "pings" and number == len(trips_us):
            number += hub.send("h0", Ping(number, monotonic_ns()), urgent=True)
        hub.wait(min(0.1, begin_s + seconds - now_s))
        for _, notice in hub.messages(MOST, MOST_BYTES):
            if isinstance(notice, FromAgent):
                amount += len(notice.notice) if kind == "in" else 1
            elif isinstance(notice, Pong):
                trips_us.append((monotonic_ns() - notice.sent_ns) / 1e3)
    wall_s, after = time.monotonic() - begin_s, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    left = hub.unsent_bytes("h0") if kind == "out" else 0
    return _Cost(amount - left, wall_s, cpu_s, tuple(trips_us))


def _supervise(kind: str, joins: list[Join], over: Event) -> None:
    links = [HostLink(join) for join in joins]
    chunk = FromAgent(0, b"agent", bytes(CHUNK_BYTES))
    beat = FromAgent(0, b"agent", encode(Progress(5, 1_000, 1_000, tuple(range(64)), tuple(range(64)))))
    due_s = [time.monotonic() + HEARTBEAT_S * number / len(links) for number in range(len(links))]
    while not over.is_set():
        for number, link in enumerate(links):
            link.wait(0.0 if len(links) > 1 else 0.01)
            for order in link.messages():
                if isinstance(order, Ping):
                    link.send(Pong(order.number, order.sent_ns, monotonic_ns()), urgent=True)
            while kind == "in" and link.connected and link.unsent_bytes < _AHEAD_BYTES:
                link.send(chunk)
            if kind == "heartbeats" and time.monotonic() >= due_s[number]:
                due_s[number] += HEARTBEAT_S
                for _ in range(AGENTS_OF_HOST):
                    link.send(beat)
        time.sleep(0.002 if len(links) > 1 else 0.0)
    for link in links:
        link.close()


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
