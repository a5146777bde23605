"""The control side of an agent: answers orders, sends heartbeats, holds the lease; decides purely.

`Control` has no socket, no thread and no clock of its own: it is given what came and what time it is, and returns what
to send; a `Measurer` does what it decides.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Protocol

from ovbench.common.clock import to_ns
from ovbench.common.errors import ExitCode
from ovbench.common.instants import absurd
from ovbench.common.job import Job
from ovbench.common.lifecycle import IllegalMessage, State, advance
from ovbench.common.messages import (
    Again,
    AnyNotice,
    AnyOrder,
    Counted,
    Delivered,
    End,
    Failed,
    Finished,
    Hello,
    Prepare,
    Progress,
    Pulse,
    Ready,
    Reject,
    Release,
    Start,
    Stop,
    Tally,
    Warmed,
    WarmUp,
    tag,
)

Done = Ready | Warmed | Finished | Failed
"""What the measure thread reports when it has done something."""

_DISCONNECTED_NS: Final = 250_000_000
"""A connection that closed and has not come back by then: the coordinator has ended."""

_STOOD_STILL_NS: Final = 1_000_000_000
"""The control thread wakes for each heartbeat; so much later than that, it was not run."""

_HELLO_NS: Final = 500_000_000

_ABANDON_NS: Final = 2_000_000_000
"""An inference that goes on so long after a stop is left alone, and what was measured before it is delivered."""


class Measurer(Protocol):
    """What carries out what `Control` decides: the measure thread, which reports back through `Control.done`."""

    def prepare(self, job: Job) -> None:
        """Again after a load was delivered: on the model as it is."""

    def warm_up(self, at_ns: int) -> None: ...
    def run(self, at_ns: int) -> None: ...
    def end(self, at_ns: int) -> None: ...
    def stop(self) -> None: ...
    def abandon(self) -> Finished: ...
    def progress(self) -> Progress: ...
    def tallies(self) -> list[Tally]: ...
    def counted(self) -> list[Counted]: ...
    def contents(self) -> Iterator[AnyNotice]: ...


class Ended(Exception):
    """The agent is to end, with this exit code; the text, if any, is for whoever started it by hand."""

    def __init__(self, code: ExitCode, text: str = "") -> None:
        super().__init__(text)
        self.code = code


class Control:
    def __init__(
        self, measurer: Measurer, hello: Hello, patience_s: float, now_ns: int, longest_s: float | None = None
    ) -> None:
        """`patience_s`: how long to go on saying hello to a coordinator that gives no order. `longest_s`: how long a
        load may last, which a number of inferences does not say; None is for ever."""
        self._measurer = measurer
        self._hello = hello
        self._next_hello_ns = now_ns
        self._patience_s = patience_s
        self._longest_s = longest_s
        self._until_ns: int | None = None
        self._since_ns = now_ns
        self.state = State.EXPECTED
        self._lease_ns: int | None = None
        self._heartbeat_ns: int | None = None
        self._heard_ns = now_ns
        self._ticked_ns = now_ns
        self._next_heartbeat_ns = now_ns
        self._disconnected_ns: int | None = None
        self._stopped_ns: int | None = None
        self._abandoned = False

    def on_order(self, order: AnyOrder, now_ns: int) -> None:
        """Act on an order. Raises Ended where it says so; one that cannot come now is passed over."""
        self._heard_ns = now_ns
        match order:
            case Pulse():
                return
            case Release():
                raise Ended(ExitCode.VALID)
            case Reject(reason):
                raise Ended(ExitCode.USAGE, reason)
            case WarmUp(at_ns) | Start(at_ns) | End(at_ns) if mistake := absurd(at_ns, now_ns):
                raise Ended(ExitCode.USAGE, mistake)
        with suppress(IllegalMessage):
            self.state = advance(self.state, tag(order))
            match order:
                case Prepare():
                    self._lease_ns, self._heartbeat_ns = to_ns(order.lease_s), to_ns(order.heartbeat_s)
                    self._next_heartbeat_ns = now_ns
                    self._measurer.prepare(order.job)
                case Again(job):
                    self._stopped_ns = None
                    self._measurer.prepare(job)
                case WarmUp(at_ns):
                    self._measurer.warm_up(at_ns)
                case Start(at_ns):
                    self._until_ns = None if self._longest_s is None else at_ns + to_ns(self._longest_s)
                    self._measurer.run(at_ns)
                case End(at_ns):
                    self._measurer.end(at_ns)
                case Stop():
                    self._stopped_ns = self._stopped_ns or now_ns
                    self._measurer.stop()

    def done(self, notice: Done) -> list[AnyNotice]:
        """The measure thread has finished a part; returns what to send: nothing of a load that was abandoned, which may
        end at any time, even when the next is being prepared."""
        if self._abandoned:
            self._abandoned = False
            return []
        # What has been counted comes first, as none of it may come when the load is known to have ended.
        counted: list[AnyNotice] = []
        if isinstance(notice, Finished):
            counted = [*self._measurer.tallies(), *self._measurer.counted()]
        self.state = advance(self.state, tag(notice))
        return [*counted, notice]

    def delivery(self) -> Iterator[AnyNotice]:
        """Everything that was recorded, and a last word that says how much it was."""
        count = 0
        for notice in self._measurer.contents():
            yield notice
            count += 1
        last = Delivered(messages=count)
        self.state = advance(self.state, tag(last))
        yield last

    def tick(self, now_ns: int, connected: bool) -> list[AnyNotice]:
        """What is due: hello, then heartbeats. Raises Ended when the coordinator was silent, or gone, for too long."""
        self._forgive(now_ns)
        if self._lease_ns is None:
            return self._introduce(now_ns)
        again: list[AnyNotice] = []
        if connected:
            # To a new connection the coordinator knows nobody.
            again = [] if self._disconnected_ns is None else [self._hello]
            self._disconnected_ns = None
        elif self.state.ended:
            # A connection that closes takes along what was not yet read, so `Release` may never arrive.
            raise Ended(ExitCode.VALID)
        else:
            self._disconnected_ns = self._disconnected_ns or now_ns
            if now_ns - self._disconnected_ns > _DISCONNECTED_NS:
                raise Ended(ExitCode.PARTIAL, "the coordinator has gone; the load is stopped")
        if now_ns - self._heard_ns > self._lease_ns:
            raise Ended(ExitCode.PARTIAL, "nothing was heard from the coordinator for too long; the load is stopped")
        if self.state is State.RUNNING and self._until_ns is not None and now_ns > self._until_ns:
            raise Ended(ExitCode.PARTIAL, f"the load lasted longer than the {self._longest_s:g} s of --max-duration")
        if self.state is State.RUNNING and self._stopped_ns and now_ns - self._stopped_ns > _ABANDON_NS:
            abandoned = self.done(self._measurer.abandon())
            self._abandoned = True
            return [*again, *abandoned]
        if self._heartbeat_ns is None or now_ns < self._next_heartbeat_ns:
            return again
        self._next_heartbeat_ns = now_ns + self._heartbeat_ns
        counted = self._measurer.counted() if self.state is State.RUNNING else []
        return [*again, *self._measurer.tallies(), *counted, self._measurer.progress()]

    def _forgive(self, now_ns: int) -> None:
        """On a machine that stood still for a while, as a paused virtual one, a coordinator could not speak either."""
        gap_ns = now_ns - self._ticked_ns
        self._ticked_ns = now_ns
        if self._heartbeat_ns is not None and gap_ns > self._heartbeat_ns + _STOOD_STILL_NS:
            self._heard_ns = min(now_ns, self._heard_ns + gap_ns)

    def _introduce(self, now_ns: int) -> list[AnyNotice]:
        """Say hello, again and again: with a connection that breaks while it is made, what was sent is lost."""
        if now_ns - self._since_ns > to_ns(self._patience_s):
            raise Ended(ExitCode.PARTIAL, f"no coordinator answered within {self._patience_s:g} s")
        if now_ns < self._next_hello_ns:
            return []
        self._next_hello_ns = now_ns + _HELLO_NS
        return [self._hello]

    def timeout_s(self, now_ns: int) -> float:
        """How long nothing needs to be done if nothing comes."""
        if self._heartbeat_ns is None:
            return 0.1
        if self._disconnected_ns is not None:
            return 0.05
        return max(0.0, (self._next_heartbeat_ns - now_ns) / 1e9)
