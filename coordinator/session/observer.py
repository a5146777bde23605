"""What observes the hosts of a run while it goes on; the coordinator's own host is one like any other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ovbench.common.survey import Survey
from ovbench.common.utilization import Meter

from ..machine.utilization import cpu_shares


class Observer(Protocol):
    """It reads when it is told to, by the loop that keeps agents alive. `agents`: pids of this host's, consumed only
    where they are needed. Any reading may raise OSError where descriptors have run out."""

    @property
    def next_ns(self) -> int | None:
        """When `tick` has something to read; None where that is not known."""

    @property
    def last_ns(self) -> int:
        """When the CPUs were last read; 0 where they have not been."""

    @property
    def busy_percent(self) -> float | None:
        """Of the measured CPUs, between the last two readings; None before there are two."""

    def survey(self, agents: Iterable[int]) -> None:
        """All agents wait to begin something."""

    def load_begins(self, begin_ns: int, window_ns: int, duration_s: float | None) -> None:
        """At `begin_ns`, and its window at `window_ns` for `duration_s`, if that is known."""

    def cut(self, end_ns: int) -> None:
        """The load ends at an instant, if not before."""

    def tick(self, now_ns: int) -> bool:
        """Read the CPUs if that is due; whether there is something new."""

    def look(self, agents: Iterable[int]) -> None:
        """Look at neighbours and sensors if that is due."""

    def take(self) -> None:
        """Read the CPUs."""

    def load_ended(self, agents: Iterable[int], last: bool) -> None:
        """Of one agent or several: look at neighbours and sensors. `last`: no agent's load runs any more."""


@dataclass
class LocalObserver:
    """Of the coordinator's own host. `measured_cpus`: those whose load is shown."""

    meter: Meter
    _survey: Survey
    measured_cpus: tuple[int, ...]

    @property
    def surveyed(self) -> Survey:
        return self._survey

    @property
    def next_ns(self) -> int | None:
        return self.meter.next_ns

    @property
    def last_ns(self) -> int:
        return self.meter.last_ns

    @property
    def busy_percent(self) -> float | None:
        if len(self.meter.readings) < 2:
            return None
        before, now = self.meter.readings[-2:]
        shares = cpu_shares([before, now], before.at_ns, now.at_ns)
        busy = [shares[cpu].busy for cpu in self.measured_cpus if cpu in shares]
        return sum(busy) / len(busy) if busy else None

    def survey(self, agents: Iterable[int]) -> None:
        self._survey.begin(agents)

    def load_begins(self, begin_ns: int, window_ns: int, duration_s: float | None) -> None:
        self.meter.plan(window_ns, duration_s)
        self._survey.hold(begin_ns)

    def cut(self, end_ns: int) -> None:
        self.meter.cut(end_ns)

    def tick(self, now_ns: int) -> bool:
        return self.meter.tick(now_ns)

    def look(self, agents: Iterable[int]) -> None:
        self._survey.tick(agents)

    def take(self) -> None:
        self.meter.take()

    def load_ended(self, agents: Iterable[int], last: bool) -> None:
        self._survey.end(agents)
