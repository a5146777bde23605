"""One run of a plan: carries out what the fleet decides, over the bus, with the launcher, by the clock.

It ends when every agent has delivered, failed or been lost, or when the user wants it to; it never leaves a process.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from ovbench.common.clock import NS_PER_MS, NS_PER_S, Clock, monotonic_ns, to_ns
from ovbench.common.errors import UsageError
from ovbench.common.job import Job
from ovbench.common.messages import AnyNotice, AnyOrder, Foreign, Prepare
from ovbench.common.runfolder import run_folder
from ovbench.common.wire import BadMessage, Hub, check, private_endpoint

from ..launch import Launcher
from ..machine.limits import OUT_OF_DESCRIPTORS, Reserve, scarce
from ..plan.plan import Plan
from .actions import AboutToBegin, Action, AllReady, Begins, Ends, Kill, LoadEnded, Lost, Refused, Send, Tallied
from .agreement import disagreement
from .counting import Counting
from .crew import Crew
from .events import AgentLost, AgentsReady, RunEnded, Sink, Stopping
from .fleet import Fleet, release
from .interrupts import Interrupts
from .observer import Observer
from .phase import Phase
from .record import AgentRecord
from .rules import Rules
from .snapshot import Tracker, awaited, ends, ready_agents
from .watch import Watch

_Read = TypeVar("_Read")

_SURVEYED: Final = (Phase.WARMING_UP, Phase.RUNNING, Phase.DELIVERING)
"""The survey looks at agents and their neighbours from the warm-up on."""

_TICK_NS: Final = NS_PER_S // 4
_DISMISS_S: Final = 2.0

_TOGETHER_NS: Final = 50 * NS_PER_MS
"""Agents that end so close together have one reading of the CPUs, which takes a millisecond, and one after the last."""

_MOST_MESSAGES: Final = 256
_MOST_BYTES: Final = 16 << 20
"""What is read at a stretch, before signals, deaths and the clock are looked at again: 16 results of 1 MiB, or 256
heartbeats, either in some milliseconds."""

_MOST_LEFT: Final = 10_000
_MOST_LEFT_BYTES: Final = 1 << 30
"""What agents that were let go may have left behind."""


class AgentHub(Protocol):
    """As `wire.Hub` has it: agents of this host, or of others through their supervisors."""

    @property
    def dropped(self) -> int: ...
    @property
    def refused(self) -> int: ...

    def wait(self, timeout_s: float) -> set[int]: ...
    def messages(self, most: int, most_bytes: int) -> Iterator[tuple[bytes, AnyNotice | Foreign | BadMessage]]: ...
    def send(self, peer: bytes, order: AnyOrder) -> bool: ...
    def let_nobody_in(self) -> None: ...
    def close(self, linger_s: float = 0.0) -> None: ...


@dataclass(frozen=True)
class Bus:
    """What agents are reached by: for one run, or for several one after the other."""

    hub: AgentHub
    launcher: Launcher
    interrupts: Interrupts
    folder: Path
    endpoint: str
    reserve: Reserve

    @classmethod
    @contextlib.contextmanager
    def open(cls, launcher: Launcher, interrupts: Interrupts, bind: str | None) -> "Iterator[Bus]":
        """Raises UsageError for a --bind that cannot be had. In the end no agent is left that was started here."""
        with run_folder() as folder, contextlib.closing(Reserve()) as reserve:
            endpoint = bind or private_endpoint(str(folder))
            try:
                hub = Hub(endpoint)
            except OSError as error:
                raise UsageError(f"--bind {endpoint}: {error.strerror or error}") from None
            for fd in (interrupts.fd, launcher.fd):
                if fd is not None:
                    hub.watch(fd)
            try:
                yield cls(hub, launcher, interrupts, folder, endpoint, reserve)
            finally:
                # The launcher first: an agent that has just been released must not outlive us either.
                launcher.close()
                hub.close(linger_s=1.0)

    def make_room(self) -> bool:
        """Where descriptors have run out: let nobody else in, as far as that can be done, and use the reserve; False
        where it has been used. What is under way goes on."""
        self.hub.let_nobody_in()
        return self.reserve.give()

    def release(self, crew: Crew) -> None:
        """Let everyone go who can still hear it."""
        for action in release(crew):
            self.hub.send(action.peer, action.order)

    def dismiss(self, crew: Crew) -> None:
        """Let agents go, and wait until they have; the bus is then as it was before them."""
        self.release(crew)
        self.launcher.await_ends(_DISMISS_S)
        for _ in self.hub.messages(_MOST_LEFT, _MOST_LEFT_BYTES):
            continue


@dataclass
class Session:
    plan: Plan
    interrupts: Interrupts
    observer: Observer
    tracker: Tracker
    sink: Sink
    rules: Rules
    python: str | None = None
    cpus_of: Callable[[int], Collection[int] | None] = lambda agent: None
    """All that there are on an agent's host, where that is known."""
    watch: Watch | None = None
    """Of a load that ends when a figure is known."""
    counting: Counting | None = None
    """Of one whose completed inferences are counted while it runs."""
    clock: Clock = monotonic_ns
    dropped_messages: int = 0
    refused_connections: int = 0
    interrupted: bool = False

    def run(self, bus: Bus, crew: Crew | None = None) -> tuple[tuple[AgentRecord, ...], Crew]:
        """One run, by agents of its own or by a whole `crew` that has delivered before: what came of each agent, and
        those that can still be reached, which are not released. Raises UsageError where the job itself is wrong, or no
        agent can run here."""
        _check_size(self.plan.jobs)
        dropped = bus.hub.dropped
        fleet = Fleet(
            self.plan.jobs, self.rules, self.clock(), self.cpus_of, bus.launcher.gives_places, self.plan.agents_per_cpu
        )
        try:
            if crew is not None:
                self._do(bus, fleet, fleet.take_over(crew, self.clock()))
            else:
                bus.launcher.start(len(self.plan.jobs), bus.endpoint, bus.folder, self.python)
            self._attend(bus, fleet)
            self._show_counts(fleet)
            self.sink.handle(RunEnded(self.clock(), self.interrupted, ends(fleet.members)))
            return fleet.records(), fleet.crew()
        finally:
            if scarce():  # and there is more to be read when the load has ended
                bus.make_room()
                if scarce():
                    bus.hub.close(linger_s=1.0)
            self.dropped_messages += bus.hub.dropped - dropped
            self.refused_connections = bus.hub.refused

    def _attend(self, bus: Bus, fleet: Fleet) -> None:
        tick_ns = self.clock()
        while not fleet.over:
            ready = bus.hub.wait(self._timeout_s(tick_ns))
            if self.interrupts.fd in ready:
                self.interrupts.drain()
            if self.interrupts.asked and not self.interrupted:
                self.interrupted = True
                self.sink.handle(Stopping(self.clock()))
                self._do(bus, fleet, fleet.stop(self.clock()))
            for peer, notice in bus.hub.messages(_MOST_MESSAGES, _MOST_BYTES):
                self._hear(bus, fleet, peer, notice)
                if self.clock() >= tick_ns or (self.interrupts.asked and not self.interrupted):
                    break
            self._bury(bus, fleet)
            now_ns = self.clock()
            read = self._reading(bus, partial(self.observer.tick, now_ns))
            if now_ns >= tick_ns or read:
                tick_ns = now_ns + _TICK_NS
                if scarce():
                    bus.make_room()
                self._do(bus, fleet, fleet.tick(now_ns))
                if fleet.phase in _SURVEYED:
                    self._reading(bus, lambda: self.observer.look(_pids(fleet)))
                if fleet.phase is not Phase.RUNNING:
                    self.sink.handle(awaited(fleet, now_ns, self.plan.host_names))
                elif read:
                    width = None if self.watch is None else self.watch.half_width_percent
                    self.sink.handle(self.tracker.snapshot(fleet, self.observer.busy_percent, now_ns, width))
                    self._show_counts(fleet)
        self.dropped_messages += fleet.illegal

    def _show_counts(self, fleet: Fleet) -> None:
        counts = None if self.counting is None else self.counting.event(fleet.members, self.clock())
        if counts is not None:
            self.sink.handle(counts)

    def _bury(self, bus: Bus, fleet: Fleet) -> None:
        for death in bus.launcher.deaths():
            if death.refused:
                raise UsageError(death.how)
            self._do(bus, fleet, fleet.died(death.agent, death.how, self.clock()))

    def _hear(self, bus: Bus, fleet: Fleet, peer: bytes, notice: AnyNotice | Foreign | BadMessage) -> None:
        if isinstance(notice, BadMessage):
            self._do(bus, fleet, fleet.garbled(peer, str(notice), self.clock()))
        else:
            self._do(bus, fleet, fleet.heard(peer, notice, self.clock()))

    def _reading(self, bus: Bus, read: Callable[[], _Read]) -> _Read | None:
        """What is read of the machine; None where strangers have taken the last descriptor, and the reserve."""
        for _ in range(2):
            try:
                return read()
            except OSError as error:
                if error.errno not in OUT_OF_DESCRIPTORS:
                    raise
            if not bus.make_room():
                break
        return None

    def _timeout_s(self, tick_ns: int) -> float:
        next_ns = self.observer.next_ns
        due_ns = tick_ns if next_ns is None else min(tick_ns, next_ns)
        return max(0, due_ns - self.clock()) / NS_PER_S

    def _do(self, bus: Bus, fleet: Fleet, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Send(peer, order):
                    if not bus.hub.send(peer, order):
                        self._bury(bus, fleet)  # what is known of its end says more
                        self._do(bus, fleet, fleet.unreachable(peer, self.clock()))
                case Kill(agent):
                    bus.launcher.kill(agent)
                case Lost(agent, why):
                    where = self.plan.host_names.get(agent)
                    name = fleet.members[agent].name + (f" on host {where}" if where else "")
                    self.sink.handle(AgentLost(self.clock(), agent, name, why))
                case Refused(message):
                    raise UsageError(message)
                case AllReady():
                    apart = disagreement(fleet.members)
                    if apart is not None:
                        raise UsageError(apart)
                    self.sink.handle(AgentsReady(self.clock(), ready_agents(fleet.living(), self.plan.host_names)))
                case AboutToBegin():
                    # First, as it may take longer than there is from setting the instant until then.
                    self._reading(bus, lambda: self.observer.survey(_pids(fleet)))
                    self._do(bus, fleet, fleet.begin(self.clock()))
                case Begins(at_ns):
                    load = self.plan.jobs[0].load
                    window_ns = at_ns + to_ns(load.lead_in_s)
                    self._reading(bus, partial(self.observer.load_begins, at_ns, window_ns, load.duration_s))
                case Tallied(agent, tally):
                    if self.watch is not None and self.watch.add(agent, fleet.members[agent].batches, tally):
                        self._do(bus, fleet, fleet.end(self.clock()))
                case Ends(at_ns):
                    self.observer.cut(at_ns)
                case LoadEnded(_, last):
                    if last:
                        self._show_counts(fleet)
                    if last or self.clock() - self.observer.last_ns >= _TOGETHER_NS:
                        self._reading(bus, self.observer.take)
                    self._reading(bus, partial(self.observer.load_ended, _pids(fleet), last))


def _check_size(jobs: Sequence[Job]) -> None:
    """An agent would pass over an order beyond the bounds of the bus, and be waited for."""
    try:
        check(Prepare(0, max(jobs, key=lambda job: len(job.placement.cpus)), heartbeat_s=1.0, lease_s=1.0))
    except BadMessage as error:
        raise UsageError(
            f"The job is too large to be sent to agents: {error}. Use shorter names, or fewer files"
        ) from None


def _pids(fleet: Fleet) -> Iterator[int]:
    return (member.pid for member in fleet.members if member.pid is not None)
