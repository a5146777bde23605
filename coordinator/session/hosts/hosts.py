"""The hosts of a run: joined once, then reached for one session after another; carries out what a session wants.

Each has a supervisor that was started by a launcher, or by hand. What comes from it is dropped where it belongs to an
earlier epoch, and a host from which nothing is heard any more is lost with all its agents.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from ovbench.common.clock import NS_PER_S, Clock, monotonic_ns, to_ns
from ovbench.common.clockline import NoInstant
from ovbench.common.errors import UsageError
from ovbench.common.hostbus import HostHub
from ovbench.common.hostclock import NoRoundTrip
from ovbench.common.hostmessages import (
    HOST_PROTOCOL_VERSION,
    Admit,
    AnyHostNotice,
    AnyHostOrder,
    Born,
    CpuReading,
    Died,
    Disband,
    Disbanded,
    Dismiss,
    ForeignHost,
    FromAgent,
    HaveFiles,
    HostFailed,
    Muster,
    NeighbourTime,
    Pong,
    Present,
    Refuse,
    Regroup,
    ScheduleAt,
    SensorsAt,
    Surveyed,
    ToAgent,
    TookChunk,
    WantFiles,
)
from ovbench.common.job import Job, ScheduleAddress
from ovbench.common.messages import Again, AnyNotice, AnyOrder, Foreign, Prepare
from ovbench.common.wire import BadMessage, decode_notice, encode

from ...launch import Death, HostLauncher
from ...plan.plan import Plan
from ..events import Sink
from ..interrupts import Interrupts
from .host import HEARTBEAT_S, Host, TooMuch
from .patience import Patience
from .supply import Supply
from .teller import files_under_way, hosts_awaited, not_joined, teller

_INDEX_BYTES: Final = 2
_TURN_S: Final = 0.1
_AT_ONCE_S: Final = 0.005
_STUCK_NS: Final = 300 * NS_PER_S
_STILL_NS: Final = 30 * NS_PER_S
"""Nothing is seen of a host for so long that verifies what it has, or writes; of one that has only to answer."""
_MOST_UNSENT: Final = 16 << 20  # bytes of a schedule under way to a host; the bus keeps 64 MiB
_STOOD_STILL_NS: Final = NS_PER_S
_REST_S: Final = 600.0
_MOST: Final = 512
_MOST_BYTES: Final = 32 << 20

Spoken = tuple[bytes, AnyNotice | Foreign | BadMessage]
"""The agent that spoke, as it is reached, and what came from it."""


@dataclass
class Hosts:
    """`lost_s`: a host that says nothing for so long is lost; also how long it outlives a silent coordinator."""

    hub: HostHub
    launcher: HostLauncher
    interrupts: Interrupts
    hosts: tuple[Host, ...]
    lost_s: float
    clock: Clock = monotonic_ns
    epoch: int = 0
    dropped: int = 0
    """What belonged to another epoch, or to no agent."""
    deaths: deque[Death] = field(default_factory=deque)
    failures: deque[str] = field(default_factory=deque)
    """What hosts could not do, by the user's fault: a sentence each, with the host."""
    supply: Supply = field(default_factory=Supply)
    _ticked_ns: int = 0
    _disbanded: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._by_name = {host.name: host for host in self.hosts}
        self._ticked_ns = self.clock()
        for fd in (self.interrupts.fd, self.launcher.fd):
            if fd is not None and fd >= 0:
                self.hub.watch(fd)

    # Joining and leaving

    def join(self, timeout_s: float, sink: Sink | None = None) -> None:
        """Until every host is there; `sink` is told of those that are not. Raises UsageError, with what to try, for one
        that does not come within `timeout_s` of the one before it, and KeyboardInterrupt where the user wants it."""
        until_ns, there, tell = self.clock() + to_ns(timeout_s), 0, teller(sink)
        while (awaited := hosts_awaited(self.hosts, self.clock())).missing:
            tell(awaited)
            self._turn()
            before, there = there, sum(host.present is not None for host in self.hosts)
            if there > before:
                until_ns = self.clock() + to_ns(timeout_s)
            for host in self.hosts:
                if host.lost:
                    raise UsageError(f"host {host.name}: {host.lost}")
                if host.present is None and self.clock() > until_ns:
                    raise UsageError(not_joined(host, timeout_s, self.hub.address))
            self.raise_failure()
        self._await_clocks()
        self.rest()  # what is loaded, planned and read before the first load takes as long as it takes

    def _await_clocks(self) -> None:
        """Until the clock of each host is known well."""
        for host in self.living:
            if not host.time.pinger.in_burst:
                host.time.pinger.burst(self.clock())
        self.tick()
        patience = Patience(_STILL_NS)
        while waiting := [host for host in self.living if not host.time.known]:
            self._turn()
            for host in waiting:
                if patience.ran_out(host.index, host.time.clock.round_trips, self.clock()):
                    self.lose(host, "its clock cannot be read, as it does not answer")

    def dismiss(self, timeout_s: float = 2.0) -> None:
        """Let the supervisors go, and wait until they have."""
        for host in self.living:
            self.send(host, Dismiss())
        until_ns = self.clock() + to_ns(timeout_s)
        while self.living and self.clock() < until_ns:
            self.hub.wait(_TURN_S)
            for end in self.launcher.ends():
                self._by_name[end.host].lost = end.how
            for host in self.living:
                if not self.hub.connected(host.name):
                    host.lost = "it was dismissed"
            list(self.hub.messages(_MOST, _MOST_BYTES))

    def raise_failure(self) -> None:
        """Raises UsageError where a host could not do what it was to."""
        if self.failures:
            raise UsageError(self.failures.popleft())

    @property
    def living(self) -> list[Host]:
        return [host for host in self.hosts if not host.lost]

    @property
    def staffed(self) -> list[Host]:
        """Those that have agents in this epoch."""
        return [host for host in self.living if len(host.agents)]

    # Epochs

    def give_files(self, jobs: Sequence[Job], allow_extensions: bool, sink: Sink | None = None) -> None:
        """Until every host has the files that the jobs name; `sink` is told of those that have not. Raises UsageError
        where one cannot have them."""
        tell = teller(sink)
        self.failures.clear()  # of a trial before this one
        self.supply.prepare_files(jobs, len(self.hosts), allow_extensions)
        while not self.supply.prepared(within_s=_AT_ONCE_S):
            self._turn()
        for host in self.living:
            for offer in self.supply.offers(host.index):
                self.send(host, offer)
        while (awaited := files_under_way(self.living, self.supply, self.clock())).missing:
            tell(awaited)
            for index, chunk in self.supply.chunks(self.clock()):
                self.send(self.hosts[index], chunk)
            self._turn()
            self.raise_failure()
            for host in self.living:
                if self.supply.idle_ns(host.index, self.clock()) > _STUCK_NS:
                    self.lose(host, f"it has not got on with the files of the run for {_STUCK_NS // NS_PER_S} s")

    def begin(self, plan: Plan) -> None:
        """Another epoch, with the clocks known anew and the schedules where the agents will look for them."""
        self._grant(self.lost_s)
        self._begin(plan)
        orders = {
            host.index: self.supply.schedule(self.epoch, host.index)
            for host in self.living
            if self.supply.has_schedule(host.index)
        }
        patience = Patience(_STILL_NS)
        while waiting := [host for host in self.living if host.index in orders and host.schedule is None]:
            for host in waiting:
                while self.hub.unsent_bytes(host.name) < _MOST_UNSENT and (order := next(orders[host.index], None)):
                    self.send(host, order)
                if patience.ran_out(host.index, self.hub.unsent_bytes(host.name), self.clock()):
                    self.lose(host, "it has not taken its part of the schedule")
            self._turn()
            self.raise_failure()

    def rest(self) -> None:
        """No load runs: hosts may hear nothing for as long as a report takes, while the connection stands."""
        self._grant(_REST_S)

    def _grant(self, lease_s: float) -> None:
        for host in self.living:
            self.send(host, Admit(HEARTBEAT_S, lease_s))

    def muster(self, plan: Plan, python: str | None) -> None:
        """Have the agents of a plan started, in the epoch that has begun."""
        for host in self.staffed:
            part = plan.on(host.index)
            self.send(host, Muster(self.epoch, tuple(host.agents), part.measured_cpus, part.housekeeping, python))

    def regroup(self, plan: Plan) -> None:
        """Go on with the agents that are there, in the epoch that has begun."""
        for host in self.staffed:
            part = plan.on(host.index)
            self.send(host, Regroup(self.epoch, part.measured_cpus, part.housekeeping))

    def _begin(self, plan: Plan) -> None:
        self.epoch += 1
        self.deaths.clear()
        for host in self.hosts:
            host.muster(plan.agents_on(host.index))
            if host.lost:
                self._bury(host)
        self._await_clocks()

    def disband(self, timeout_s: float) -> None:
        """End the agents that are left, and wait until the hosts say so; supervisors stay."""
        self._disbanded.clear()
        for host in self.living:
            self.send(host, Disband(self.epoch))
        until_ns = self.clock() + to_ns(timeout_s)
        while any(host.index not in self._disbanded for host in self.living) and self.clock() < until_ns:
            self._turn(measured=True)

    def await_surveys(self, timeout_s: float) -> None:
        """Until all hosts have sent what they observed."""
        until_ns = self.clock() + to_ns(timeout_s)
        while any(not host.observed.over for host in self.staffed) and self.clock() < until_ns:
            self._turn(measured=True)

    # One turn

    def spoken(self, most: int, most_bytes: int) -> Iterator[Spoken]:
        """What agents have said, by the coordinator's clock; everything else that has come is dealt with."""
        for name, notice in self.hub.messages(most, most_bytes):
            now_ns = self.clock()
            host = self._by_name[name]
            host.heard_ns = now_ns
            if host.lost:
                self.dropped += 1
            elif isinstance(notice, FromAgent):
                yield from self._passed_on(host, notice, now_ns)
            elif isinstance(notice, BadMessage):
                self.lose(host, f"it sent something that is not a message: {notice}")
            else:
                self._heard(host, notice, now_ns)

    def tick(self) -> None:
        """What is due: pings, and hosts that are to be given up. Call it several times a second."""
        now_ns = self.clock()
        gap_ns = now_ns - self._ticked_ns
        self._ticked_ns = now_ns
        for host in self.hosts:
            if gap_ns > _STOOD_STILL_NS:  # this process was not run, so that silence is not the hosts'
                host.heard_ns = min(now_ns, host.heard_ns + gap_ns)
        for end in self.launcher.ends():
            self.lose(self._by_name[end.host], end.how)
        for host in self.living:
            if host.present is None:
                continue
            self._ping(host)
            silent_s = (now_ns - host.heard_ns) / NS_PER_S
            if silent_s > self.lost_s:
                self.lose(host, f"nothing was heard from it for {silent_s:.1f} s")

    @property
    def next_ns(self) -> int:
        """When `tick` has something to do again."""
        return min((host.time.next_ns for host in self.living if host.present is not None), default=1 << 62)

    def send(self, host: Host, order: AnyHostOrder) -> bool:
        """False where it is lost, as one is that does not take what it is sent."""
        if not host.lost and not self.hub.send(host.name, order):
            self.lose(host, "it does not take what it is sent")
        return not host.lost

    def send_to(self, peer: bytes, order: AnyOrder) -> bool:
        """To an agent. False where its host is lost, or cannot be reached."""
        host = self.hosts[int.from_bytes(peer[:_INDEX_BYTES], "big")]
        if host.lost:
            return False
        own = peer[_INDEX_BYTES:]
        if isinstance(order, Prepare | Again):
            order = structs.replace(order, job=self.supply.job_for(host.index, host.schedule, order.job))
        try:
            data = encode(host.time.order(order))
        except (NoInstant, NoRoundTrip) as strange:
            self.lose(host, f"its clock cannot be: {strange}")
            return False
        return self.send(host, ToAgent(self.epoch, own, data))

    def _turn(self, measured: bool = False) -> None:
        """Where no session attends: what agents say now is of no run. Raises KeyboardInterrupt where the user wants an
        end, unless there is something `measured` to wait for."""
        self.hub.wait(max(0.0, min(_TURN_S, (self.next_ns - self.clock()) / NS_PER_S)))
        if self.interrupts.asked:
            self.interrupts.drain()
            if not measured:
                raise KeyboardInterrupt
        for _ in self.spoken(_MOST, _MOST_BYTES):
            self.dropped += 1
        self.tick()

    def _passed_on(self, host: Host, told: FromAgent, now_ns: int) -> Iterator[Spoken]:
        peer = host.index.to_bytes(_INDEX_BYTES, "big") + told.peer
        if told.epoch != self.epoch:
            self.dropped += 1
            return
        notice = decode_notice(told.notice)
        if isinstance(notice, BadMessage | Foreign):
            yield peer, notice
            return
        try:
            heard = host.heard(notice, now_ns)
        except (NoInstant, NoRoundTrip) as strange:
            yield peer, BadMessage(str(strange))
            return
        if heard is not None:
            yield peer, self.supply.local(host.index, heard)

    def _ping(self, host: Host) -> None:
        if (ping := host.time.due(self.clock())) is not None:
            self.hub.send(host.name, ping, urgent=True)

    def _heard(self, host: Host, notice: AnyHostNotice | ForeignHost, now_ns: int) -> None:
        match notice:
            case Pong():
                host.pong(notice, now_ns)
                self._ping(host)
            case WantFiles() | TookChunk() | HaveFiles():
                self.supply.heard(host.index, notice, now_ns)
            case Present() | ForeignHost():
                self._present(host, notice)
            case HostFailed(kind="usage", message=message) if not host.loaded:
                self.failures.append(f"host {host.name}: {message}")
            case HostFailed(message=message):
                self.lose(host, message)
            case _ if getattr(notice, "epoch", self.epoch) != self.epoch:
                self.dropped += 1
            case Born():
                pass  # the agent itself says so soon
            case Died(agent=agent, how=how) if agent in host.agents:
                self.deaths.append(Death(agent, how))
            case CpuReading() | NeighbourTime() | SensorsAt() | Surveyed():
                self._observe(host, notice)
            case ScheduleAt(pid=pid, descriptor=descriptor, count=count, nonce=nonce):
                host.schedule = ScheduleAddress(pid, descriptor, count, nonce)
            case Disbanded():
                self._disbanded.add(host.index)
            case _:
                self.dropped += 1

    def _present(self, host: Host, told: Present | ForeignHost) -> None:
        if told.version != HOST_PROTOCOL_VERSION or isinstance(told, ForeignHost):
            why = f"its ovbench speaks protocol {told.version}, this one {HOST_PROTOCOL_VERSION}"
            self.send(host, Refuse(f"{why}; install the same ovbench on both"))
            self.failures.append(f"host {host.name}: {why}; install the same ovbench there (--install does)")
            return
        host.joins(told, self.clock())
        self.send(host, Admit(HEARTBEAT_S, self.lost_s))

    def _observe(self, host: Host, notice: AnyHostNotice) -> None:
        try:
            host.observes(notice)
        except (NoInstant, NoRoundTrip, TooMuch) as strange:
            self.lose(host, f"it sent what cannot be: {strange}")

    def lose(self, host: Host, why: str) -> None:
        """Give it up, and its agents with it."""
        if host.lost:
            return
        host.lost = why
        self.launcher.end(host.name)
        self.supply.lost(host.index)
        self.hub.forget(host.name)
        self._bury(host)

    def _bury(self, host: Host) -> None:
        """Its agents go with it."""
        self.deaths.extend(Death(agent, f"host {host.name} is lost: {host.lost}") for agent in host.agents)
