"""What observes the CPUs and neighbours of other hosts: their supervisors do, and here it comes together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from ovbench.common.clockline import NoInstant
from ovbench.common.hostclock import NoRoundTrip
from ovbench.common.hostmessages import AnyHostOrder, CutLoad, EndObserving, ObserveLoad

from ...machine.utilization import cpu_shares
from ...plan.plan import Plan
from .host import Host
from .hosts import Hosts


@dataclass
class RemoteObserver:
    """Of one epoch."""

    hosts: Hosts
    plan: Plan
    next_ns: None = None
    _shown: int = 0
    _finished: bool = False

    @property
    def last_ns(self) -> int:
        """A supervisor reads on its own account, so nothing has to be spaced here."""
        return self.hosts.clock()

    @property
    def busy_percent(self) -> float | None:
        shares = [share for host in self.hosts.hosts for share in self._busy(host)]
        return sum(shares) / len(shares) if shares else None

    def survey(self, agents: Iterable[int]) -> None:
        """Supervisors do so when they hear of the load."""

    def load_begins(self, begin_ns: int, window_ns: int, duration_s: float | None) -> None:
        for host in self.hosts.staffed:
            self._send(host, partial(host.load, ObserveLoad(self.hosts.epoch, begin_ns, window_ns, duration_s)))

    def cut(self, end_ns: int) -> None:
        for host in self.hosts.staffed:
            self._send(host, partial(host.time.host_order, CutLoad(self.hosts.epoch, end_ns)))

    def _send(self, host: Host, order: Callable[[], AnyHostOrder]) -> None:
        """One with instants: a host whose clock has none for them is lost, and nobody else is."""
        try:
            self.hosts.send(host, order())
        except (NoInstant, NoRoundTrip) as strange:
            self.hosts.lose(host, f"its clock cannot be: {strange}")

    def tick(self, now_ns: int) -> bool:
        """Whether one of the hosts has been read again by all."""
        read = min((len(host.observed.readings) for host in self.hosts.staffed), default=0)
        more, self._shown = read > self._shown, read
        return more

    def look(self, agents: Iterable[int]) -> None: ...

    def take(self) -> None: ...

    def load_ended(self, agents: Iterable[int], last: bool) -> None:
        if last:
            self.finish()

    def finish(self) -> None:
        """Have all hosts send what they have observed. Where no agent ended a load, nobody has asked for it before."""
        if not self._finished:
            self._finished = True
            for host in self.hosts.staffed:
                self.hosts.send(host, EndObserving(self.hosts.epoch))

    def _busy(self, host: Host) -> list[float]:
        if len(host.observed.readings) < 2:
            return []
        before, now = host.observed.readings[-2:]
        shares = cpu_shares([before, now], before.at_ns, now.at_ns)
        return [shares[cpu].busy for cpu in self.plan.on(host.index).measured_cpus if cpu in shares]
