"""A model of 500 MB to 4 hosts, against the link's own time: the same pieces over the same link to hosts that throw
them away. Then the same again, when every host has it.

Hosts are processes with the bus's own end and a model cache each, as a run has them; the link is the bus, encrypted TCP
on loopback. All of it shares this machine's CPUs and its disk. So it is measured twice: where the coordinator has a
line of 1 Gbit/s, at which it sends; and as fast as this machine can, where what hosts do with a piece (SHA-256, write,
fsync) takes time from the link itself, as on hosts of their own it does not.
"""

import multiprocessing
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median
from typing import Any

from ovbench.agent.modelcache.cache import ModelCache
from ovbench.agent.modelcache.thread import CacheThread
from ovbench.common.cacheplace import CachePlace
from ovbench.common.clock import monotonic_ns
from ovbench.common.endpoint import tcp_endpoint
from ovbench.common.hostbus import HostHub
from ovbench.common.hostlink import HostLink
from ovbench.common.hostmessages import (
    AnyHostNotice,
    Dismiss,
    FileChunk,
    HaveFiles,
    OfferFiles,
    TookChunk,
    WantFiles,
)
from ovbench.common.job import Data, Job, Load, Model, Placement, Runtime
from ovbench.common.join import Join
from ovbench.common.keys import new_keys
from ovbench.coordinator.files.sender import FileSender

from .versus import Goal, Row, RunFailed, Settings, in_turn, parse, quantity, report

SECONDS = 1.0
RUNS = 3
HOSTS = 4
LINE_BYTES_PER_S = 125e6
BYTES = 500_000_000
MOST = Goal(high=1.2)
STATED = Goal()
CASES = ("a line of 1 Gbit/s", "no limit but this machine")

_MOST, _MOST_BYTES = 1_000, 64 << 20
_PATIENCE_S = 300.0
_TURN_S = 0.05


@dataclass(frozen=True)
class Sent:
    """`read_bytes`: of the model's files, to send them; `chunks`: pieces that went to hosts."""

    seconds: float
    read_bytes: int
    chunks: int


def measure(settings: Settings) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="ovbench-bench-") as name:
        folder = Path(name)
        model = folder / "large.xml"
        model.write_bytes(b"<net/>")
        with open(model.with_suffix(".bin"), "wb") as weights:
            for _ in range(BYTES // 10**6):
                weights.write(os.urandom(10**6))
            os.fsync(weights.fileno())
        for case, bytes_per_s, goal in zip(CASES, (LINE_BYTES_PER_S, None), (MOST, STATED), strict=True):
            if settings.only in case:
                yield from _compared(settings, model, case, bytes_per_s, goal)


def _compared(settings: Settings, model: Path, case: str, bytes_per_s: float | None, goal: Goal) -> Iterator[Row]:
    again: list[Sent] = []

    def files() -> Sent:
        with tempfile.TemporaryDirectory(dir=model.parent) as caches:
            sent = _run(model, Path(caches), bytes_per_s)
            again.append(_run(model, Path(caches), bytes_per_s))
            return sent

    ours, link = in_turn(settings.runs, files, lambda: _run(model, None, bytes_per_s))
    taken, line = median(one.seconds for one in ours), median(one.seconds for one in link)
    ratios = sorted(a.seconds / b.seconds for a, b in zip(ours, link, strict=True))
    yield Row(
        what=f"a model of {BYTES // 10**6} MB to {HOSTS} hosts, {case}",
        ours=quantity(taken, "s"),
        against=f"the link alone {quantity(line, 's')}",
        outcome=f"{taken / line:.2f} ({len(ratios)} runs: {ratios[0]:.2f} to {ratios[-1]:.2f})",
        goal=str(goal),
        reached=goal.reached(taken / line),
    )
    reads = max(one.read_bytes for one in ours) / (BYTES + len("<net/>"))
    yield Row(f"reads of it to send it, {case}", quantity(reads, ""), "-", f"{len(ours)} runs", "1", reads == 1)
    chunks, seconds = max(one.chunks for one in again), median(one.seconds for one in again)
    what = f"pieces sent when all have it, {case}"
    yield Row(what, str(chunks), "-", f"in {quantity(seconds, 's')}", "0", chunks == 0)


def _run(model: Path, caches: Path | None, bytes_per_s: float | None) -> Sent:
    """From the offer until every host has the files, the digests made before. `caches`: where they go, None for
    nowhere."""
    job = Job(
        model=Model(source=str(model)),
        runtime=Runtime(),
        load=Load(api="sync", duration_s=1.0, iterations=None, warmup_s=0.0),
        placement=Placement(cpus=(0,)),
        null=None,
        data=Data(),
        sample_bytes=1 << 20,
    )
    sender = FileSender([job], HOSTS)
    own, names = new_keys(), [f"host{number}" for number in range(HOSTS)]
    keys = {name: new_keys() for name in names}
    hub = HostHub("tcp://127.0.0.1:0", own, {keys[name].public: name for name in names})
    try:
        joins = [
            Join(tcp_endpoint(*hub.address), name, own.public, keys[name].public, keys[name].secret) for name in names
        ]
        with _hosts([(join, None if caches is None else str(caches / join.host)) for join in joins]):
            return _sent(hub, sender, names, bytes_per_s)
    finally:
        hub.close()
        sender.close()


@contextmanager
def _hosts(hosts: list[tuple[Join, str | None]]) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = [context.Process(target=_host, args=host) for host in hosts]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.join(5.0)
            process.kill()


def _sent(hub: HostHub, sender: FileSender, names: list[str], bytes_per_s: float | None) -> Sent:
    deadline = time.monotonic() + _PATIENCE_S
    while not all(hub.connected(name) for name in names):
        _heard(hub, sender, names, _TURN_S)
        _in_time(deadline)
    began, chunks, free_s = time.perf_counter(), 0, 0.0
    waiting: deque[tuple[int, FileChunk]] = deque()
    for host, name in enumerate(names):
        for offer in sender.offers(host):
            hub.send(name, offer)
    while not all(sender.ready(host) for host in range(len(names))):
        waiting += sender.orders(monotonic_ns())
        while waiting and free_s <= time.perf_counter():
            host, chunk = waiting.popleft()
            chunks += hub.send(names[host], chunk)
            if bytes_per_s is not None:
                free_s = max(free_s, time.perf_counter() - _TURN_S) + len(chunk.data) / bytes_per_s
        _heard(hub, sender, names, min(_TURN_S, max(0.0, free_s - time.perf_counter())) if waiting else _TURN_S)
        _in_time(deadline)
    seconds = time.perf_counter() - began
    for name in names:
        hub.send(name, Dismiss())
    while any(hub.connected(name) for name in names):
        _heard(hub, sender, names, _TURN_S)
        _in_time(deadline)
    return Sent(seconds, sender.bytes_read, chunks)


def _heard(hub: HostHub, sender: FileSender, names: list[str], timeout_s: float) -> None:
    hub.wait(timeout_s)
    for name, notice in hub.messages(_MOST, _MOST_BYTES):
        if isinstance(notice, WantFiles | TookChunk | HaveFiles):
            sender.heard(names.index(name), notice, monotonic_ns())
        else:
            raise RunFailed(f"{name} says {notice}")


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RunFailed("the hosts do not get ready")


def _host(join: Join, cache: str | None) -> None:
    """`cache`: where the files go, None for nowhere."""
    link = HostLink(join)
    files: _Nowhere | CacheThread = _Nowhere() if cache is None else _cache(cache)
    link.watch(files.fd)
    waiting: list[Any] = []
    while True:
        link.wait(0.05)
        for order in link.messages():
            if isinstance(order, Dismiss):
                files.close()
                link.close(1.0)
                return
            assert isinstance(order, OfferFiles | FileChunk)
            files.heard(order)
        waiting.extend(files.notices())
        while waiting and link.send(waiting[0]):
            del waiting[0]


def _cache(folder: str) -> CacheThread:
    return CacheThread(ModelCache(CachePlace(folder), allow_extensions=False))


class _Nowhere:
    """Takes all pieces, and keeps none."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)
        self._notices: list[AnyHostNotice] = []
        self._offer: OfferFiles | None = None
        self._missing: dict[str, int] = {}

    def heard(self, order: OfferFiles | FileChunk) -> None:
        if isinstance(order, OfferFiles):
            self._offer = order
            self._missing = {one.sha256: one.size for one in order.files}
            self._notices.append(WantFiles(order.set_sha256, dict.fromkeys(self._missing, 0)))
            return
        assert self._offer is not None
        end = order.offset + len(order.data)
        self._notices.append(TookChunk(order.sha256, end))
        if end == self._missing[order.sha256]:
            del self._missing[order.sha256]
        if not self._missing:
            self._notices.append(HaveFiles(self._offer.set_sha256, "/nowhere"))

    def notices(self) -> list[AnyHostNotice]:
        found, self._notices = self._notices, []
        return found

    def close(self) -> None:
        os.close(self.fd)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS, CASES))))
