"""What the supervisor of a host does about what comes; decides purely, as `agent.control` does for an agent.

`Duty` has no socket and no clock: it is given what came and what time it is, and returns what to send to the
coordinator. A `Crew` has the agents and an `Outlook` observes the host; they do what it decides.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from ovbench.common.bounded import as_text
from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.forks import Death
from ovbench.common.hostmessages import (
    Admit,
    AnyHostNotice,
    AnyHostOrder,
    Born,
    CutLoad,
    Died,
    Disband,
    Disbanded,
    Dismiss,
    EndAgent,
    EndObserving,
    FileChunk,
    FromAgent,
    HostFailed,
    Muster,
    ObserveLoad,
    OfferFiles,
    Ping,
    Pong,
    Present,
    Refuse,
    Regroup,
    ScheduleAt,
    SchedulePart,
    ShareSchedule,
    ToAgent,
)
from ovbench.common.instants import absurd

from .lease import Lease

_LONGEST_NAP_NS: Final = 250_000_000
_NO_EPOCH: Final = -1


class Crew(Protocol):
    """The agents of this host."""

    @property
    def empty(self) -> bool:
        """Whether none runs, or is still to be started."""

    def muster(self, agents: Sequence[int], python: str | None) -> None:
        """Have these started, when none of those before is left. Raises UsageError where that cannot be done."""

    def pass_on(self, peer: bytes, order: bytes) -> bool:
        """False where that agent cannot be reached."""

    def kill(self, agent: int) -> None:
        """If it was started here."""

    def kill_all(self) -> None: ...


class Outlook(Protocol):
    """What observes the host."""

    @property
    def next_ns(self) -> int | None:
        """When `look` has something to do; None where nothing is observed."""

    def begin(self, epoch: int, measured: Sequence[int], housekeeping: Sequence[int]) -> None:
        """From now on these CPUs, and from outside of them, where there are others."""

    def load_begins(self, begin_ns: int, window_ns: int, duration_s: float | None) -> None: ...
    def cut(self, end_ns: int) -> None: ...

    def look(self, now_ns: int) -> list[AnyHostNotice]:
        """Read what is due; returns what is new."""

    def conclude(self) -> list[AnyHostNotice]:
        """A last reading, and all that was not sent."""

    def end(self) -> None:
        """Observe nothing any more."""


class Files(Protocol):
    """What keeps models and inputs; it answers in its own time."""

    def heard(self, order: OfferFiles | FileChunk) -> None: ...


class Schedules(Protocol):
    """What keeps the instants at which agents are to infer."""

    def share(self, epoch: int, count: int) -> None:
        """Make room for so many, in place of those before. Raises UsageError where there is none."""

    def add(self, epoch: int, first: int, data: bytes) -> ScheduleAt | None:
        """Some of them; where all are when the last has come. Raises ValueError for those that cannot come now."""

    def begin(self, epoch: int) -> None:
        """Those of an epoch before are of no use any more."""


class Ended(Exception):
    """The supervisor is to end, with this exit code; the text, if any, is for whoever started it."""

    def __init__(self, code: ExitCode, text: str = "") -> None:
        super().__init__(text)
        self.code = code


class Duty:
    def __init__(
        self,
        present: Present,
        crew: Crew,
        outlook: Outlook,
        files: Files,
        schedules: Schedules,
        patience_s: float,
        now_ns: int,
    ) -> None:
        """`patience_s`: how long to wait for a coordinator that admits this host."""
        self._present = present
        self._crew = crew
        self._outlook = outlook
        self._files = files
        self._schedules = schedules
        self._patience_s = patience_s
        self._lease = Lease(patience_s, now_ns)
        self._introduced = False
        self._epoch = _NO_EPOCH
        self._disbanding = False
        self._next: Muster | None = None
        """To begin when the agents before have ended."""
        self.dropped = 0
        """Orders of an epoch that is not under way, and those for agents that are gone."""

    @property
    def admitted(self) -> bool:
        """Whether a coordinator has taken this host."""
        return self._lease.granted

    def on_order(self, order: AnyHostOrder, now_ns: int) -> list[AnyHostNotice]:
        """Act on an order; returns what to send. Raises Ended where it says so."""
        self._lease.renew(now_ns)
        match order:
            case Ping():
                return [Pong(order.number, order.sent_ns, now_ns)]
            case Admit():
                self._lease.grant(order.heartbeat_s, order.lease_s)
            case Refuse(reason):
                raise Ended(ExitCode.USAGE, reason)
            case Dismiss():
                raise Ended(ExitCode.VALID)
            case OfferFiles() | FileChunk():
                self._files.heard(order)
            case ShareSchedule() | SchedulePart():
                return self._schedule(order)
            case Muster() | Regroup():
                return self._new_epoch(order)
            case Disband(epoch) if epoch >= self._epoch:
                self._epoch = epoch
                if self._next is not None and self._next.epoch <= epoch:
                    self._next = None
                return self._disband()
            case _ if order.epoch != self._epoch:
                self.dropped += 1
            case ToAgent():
                self.dropped += not self._crew.pass_on(order.peer, order.order)
            case EndAgent(_, agent):
                self._crew.kill(agent)
            case ObserveLoad():
                if mistake := absurd(order.begin_ns, now_ns) or absurd(order.window_ns, now_ns):
                    return [HostFailed("runtime", as_text(mistake))]
                self._outlook.load_begins(order.begin_ns, order.window_ns, order.duration_s)
            case CutLoad(_, end_ns):
                if mistake := absurd(end_ns, now_ns):
                    return [HostFailed("runtime", as_text(mistake))]
                self._outlook.cut(end_ns)
            case EndObserving():
                return self._outlook.conclude()
        return []

    def from_agent(self, peer: bytes, notice: bytes) -> FromAgent:
        return FromAgent(self._epoch, peer, notice)

    def born(self, agent: int, pid: int) -> list[AnyHostNotice]:
        return [Born(self._epoch, agent, pid)]

    def died(self, death: Death) -> list[AnyHostNotice]:
        return [_failed(death.how) if death.refused else Died(self._epoch, death.agent, as_text(death.how))]

    def tick(self, now_ns: int, connected: bool) -> list[AnyHostNotice]:
        """What is due. Raises Ended when no coordinator came, or it was silent for too long."""
        if self._lease.expired(now_ns, connected):
            if not self._lease.granted:
                raise Ended(ExitCode.PARTIAL, f"no coordinator answered within {self._patience_s:g} s")
            raise Ended(ExitCode.PARTIAL, "nothing was heard from the coordinator for too long; the load is stopped")
        notices: list[AnyHostNotice] = []
        if connected and not self._introduced:
            self._introduced = True
            notices.append(self._present)
        if self._disbanding and self._crew.empty:
            notices += self._disbanded()
        return notices + self._outlook.look(now_ns)

    def timeout_s(self, now_ns: int) -> float:
        """How long nothing needs to be done if nothing comes."""
        due_ns = [now_ns + _LONGEST_NAP_NS, self._lease.next_ns()]
        if self._outlook.next_ns is not None:
            due_ns.append(self._outlook.next_ns)
        return max(0, min(due_ns) - now_ns) / 1e9

    def _schedule(self, order: ShareSchedule | SchedulePart) -> list[AnyHostNotice]:
        """It comes before the agents that are to serve it."""
        if order.epoch < self._epoch:
            self.dropped += 1
            return []
        try:
            if isinstance(order, ShareSchedule):
                self._schedules.share(order.epoch, order.count)
                return []
            told = self._schedules.add(order.epoch, order.first, order.data)
        except (UsageError, ValueError) as error:
            return [_failed(str(error))]
        return [] if told is None else [told]

    def _new_epoch(self, order: Muster | Regroup) -> list[AnyHostNotice]:
        if order.epoch <= self._epoch or (self._next is not None and order.epoch <= self._next.epoch):
            self.dropped += 1
            return []
        if isinstance(order, Regroup):
            self._begin(order)
            return []
        if self._crew.empty:
            return self._muster(order)
        self._next = order
        return self._disband()

    def _muster(self, order: Muster) -> list[AnyHostNotice]:
        self._begin(order)
        try:
            self._crew.muster(order.agents, order.python)
        except UsageError as error:
            return [_failed(str(error))]
        except OSError as error:
            return [HostFailed("runtime", as_text(f"the agents' socket cannot be made: {error.strerror or error}"))]
        return []

    def _begin(self, order: Muster | Regroup) -> None:
        self._epoch = order.epoch
        self._schedules.begin(order.epoch)
        self._outlook.begin(order.epoch, order.measured, order.housekeeping)

    def _disband(self) -> list[AnyHostNotice]:
        self._outlook.end()
        self._crew.kill_all()
        self._disbanding = True
        return self._disbanded() if self._crew.empty else []

    def _disbanded(self) -> list[AnyHostNotice]:
        """When no agent is left."""
        self._disbanding = False
        notices: list[AnyHostNotice] = [Disbanded(self._epoch)]
        if self._next is not None:
            order, self._next = self._next, None
            notices += self._muster(order)
        return notices


def _failed(message: str) -> HostFailed:
    return HostFailed("usage", as_text(message))
