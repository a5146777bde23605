"""The control side of an agent: answers orders, sends heartbeats, holds the lease; decides purely, acts through `Work`.

`Control` has no socket, no thread and no clock of its own: it is told what came and what time it is, and returns what
to send. `serve` is the loop around it.
"""

import os
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NoReturn, Protocol

import numpy as np
from msgspec import structs

from ovbench.common.bounded import as_text
from ovbench.common.clock import NS_PER_MS, Clock, monotonic_ns, to_ns
from ovbench.common.cpulist import format_cpu_list
from ovbench.common.effective import Effective
from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.histogram import COARSE
from ovbench.common.job import Job
from ovbench.common.lifecycle import IllegalMessage, State, advance
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    Again,
    AnyNotice,
    AnyOrder,
    Delivered,
    Failed,
    Finished,
    Hello,
    MaskChange,
    Prepare,
    Progress,
    Pulse,
    Ready,
    Reject,
    Release,
    Start,
    Stop,
    Warmed,
    WarmUp,
    tag,
)
from ovbench.common.wire import BadMessage, Link, check

from .host import affinity as placement
from .host.numa import Whereabouts, several_nodes
from .host.threads import thread_ids
from .host.usage import memory
from .loop.cache import load_loops
from .loop.recorder import Recorder
from .measure import Measurement, Outcome
from .openvino.capi import OpenVinoError
from .trust import Trust

_LATENCIES_PER_HEARTBEAT: Final = 256
_DISCONNECTED_NS: Final = 250_000_000
"""A connection that closed and has not come back by then: the coordinator has ended."""

_STOOD_STILL_NS: Final = 1_000_000_000
"""The control thread wakes for each heartbeat; so much later than that, it was not run."""

_HELLO_NS: Final = 500_000_000

_ABANDON_NS: Final = 2_000_000_000
"""An inference that goes on so long after a stop is left alone, and what was measured before it is delivered."""


class Work(Protocol):
    """What `Control` has done: by the measure thread, which reports back through `Control.done`."""

    def prepare(self, job: Job) -> None:
        """Again after a load was delivered: on the model as it is."""

    def warm_up(self, at_ns: int) -> None: ...
    def run(self, at_ns: int) -> None: ...
    def stop(self) -> None: ...
    def abandon(self) -> Finished: ...
    def progress(self) -> Progress: ...
    def contents(self) -> Iterator[AnyNotice]: ...


class Ended(Exception):
    """The agent is to end, with this exit code; the text, if any, is for whoever started it by hand."""

    def __init__(self, code: ExitCode, text: str = "") -> None:
        super().__init__(text)
        self.code = code


class Control:
    def __init__(self, work: Work, hello: Hello, patience_s: float, now_ns: int) -> None:
        """`patience_s`: how long to go on saying hello to a coordinator that gives no order."""
        self._work = work
        self._hello = hello
        self._next_hello_ns = now_ns
        self._patience_s = patience_s
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
        with suppress(IllegalMessage):
            self.state = advance(self.state, tag(order))
            match order:
                case Prepare():
                    self._lease_ns, self._heartbeat_ns = to_ns(order.lease_s), to_ns(order.heartbeat_s)
                    self._next_heartbeat_ns = now_ns
                    self._work.prepare(order.job)
                case Again(job):
                    self._stopped_ns = None
                    self._work.prepare(job)
                case WarmUp(at_ns):
                    self._work.warm_up(at_ns)
                case Start(at_ns):
                    self._work.run(at_ns)
                case Stop():
                    self._stopped_ns = self._stopped_ns or now_ns
                    self._work.stop()

    def done(self, notice: Ready | Warmed | Finished | Failed) -> list[AnyNotice]:
        """The measure thread has finished a part; returns what to send: nothing of a load that was abandoned, which may
        end at any time, even when the next is being prepared."""
        if self._abandoned:
            self._abandoned = False
            return []
        self.state = advance(self.state, tag(notice))
        return [notice]

    def delivery(self) -> Iterator[AnyNotice]:
        """Everything that was recorded, and a last word that says how much it was."""
        count = 0
        for notice in self._work.contents():
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
        if self.state is State.RUNNING and self._stopped_ns and now_ns - self._stopped_ns > _ABANDON_NS:
            abandoned = self.done(self._work.abandon())
            self._abandoned = True
            return [*again, *abandoned]
        if self._heartbeat_ns is None or now_ns < self._next_heartbeat_ns:
            return again
        self._next_heartbeat_ns = now_ns + self._heartbeat_ns
        return [*again, self._work.progress()]

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


class MeasureThread:
    """`Work` for real: a thread that owns the measurement, and what the control thread reads of it meanwhile."""

    def __init__(self, wake: Callable[[], None], trust: Trust | None = None) -> None:
        """`wake` is called, from the measure thread, when `finished` has something. `trust`: see `serve`."""
        self._wake = wake
        self._trust = trust
        self._control_threads = thread_ids()
        self._whereabouts = Whereabouts(several_nodes())
        self._running = False
        self._abandoned = False
        self._counts: list[int] = []
        self._measurement: Measurement | None = None
        self._tasks: queue.SimpleQueue[Callable[[], Ready | Warmed | Finished | Failed]] = queue.SimpleQueue()
        self.finished: queue.SimpleQueue[Ready | Warmed | Finished | Failed] = queue.SimpleQueue()

    def prepare(self, job: Job) -> None:
        # Until OpenVINO is loaded: it looks at the main thread, too, and runs its streams on the CPUs of that.
        self._pin_control_threads(job.placement.cpus)
        self._abandoned = False
        former = self._measurement
        measurement = self._measurement = Measurement(job, self._control_threads, former)

        def task() -> Ready:
            if self._trust is not None:
                self._trust.check(job)
            prepared = measurement.prepare()
            # Off the measured CPUs where there are others, else on this agent's own, not on its neighbours'.
            refused = self._pin_control_threads(job.placement.housekeeping or job.placement.cpus)
            backend = prepared.backend
            effective = _with_notes(backend.effective, refused, load_loops())
            self._counts = [0] * effective.requests
            self._whereabouts.start(monotonic_ns())
            before, after = backend.peaks_mb
            ready = Ready(
                effective=effective,
                phases=prepared.phases,
                mask=prepared.mask,
                openvino=backend.version,
                peak_before_mb=before,
                peak_after_mb=after,
                outputs=prepared.outputs,
                memory_policy=prepared.memory_policy,
            )
            check(ready)  # it says what the model and the user's files say, so any of it may be too much
            return ready

        if former is None:
            # A daemon: it may be inside OpenVINO when the agent ends.
            threading.Thread(target=self._loop, name="measure", daemon=True).start()
        self._tasks.put(task)

    def warm_up(self, at_ns: int) -> None:
        def task() -> Warmed | Failed:
            completed, error = self._prepared.warm_up(at_ns)
            if error is not None:
                return Failed(kind="runtime", message=as_text(error))
            return Warmed(completed=completed)

        self._tasks.put(task)

    def run(self, at_ns: int) -> None:
        def task() -> Finished:
            self._counts = [0] * len(self._counts)
            self._running = True
            outcome = self._prepared.run(at_ns)
            self._running = False
            changes = self._prepared.account.mask_changes(self._prepared.cpus)
            finished = self._finished(outcome, changes)  # before there are further inferences
            error = outcome.error or self._prepared.recheck()
            return structs.replace(finished, error=_text(error), outputs=None if error else self._prepared.outputs())

        self._tasks.put(task)

    def stop(self) -> None:
        if self._measurement is not None:
            self._measurement.stop()

    def progress(self) -> Progress:
        """A heartbeat; during the load also a look at where the threads are and what they have used."""
        step = self._measurement.times.step if self._measurement is not None else 0
        recorder = self._measurement.recorder if self._measurement is not None else None
        if recorder is None or not self._running:
            return Progress(step=step, completed=0, busy_ms=_busy_ms())
        self._prepared.account.look()
        self._whereabouts.look(monotonic_ns())
        latencies = []
        most = max(1, _LATENCIES_PER_HEARTBEAT // len(self._counts))
        for request, since in enumerate(self._counts):
            latencies.append(recorder.latest_latencies(request, since, most))
            self._counts[request] = recorder.count(request)
        sample = np.concatenate(latencies)[:_LATENCIES_PER_HEARTBEAT]
        buckets, counts = np.unique(COARSE.buckets(sample), return_counts=True)
        return Progress(
            step=step,
            completed=recorder.completed,
            busy_ms=_busy_ms(),
            buckets=tuple(buckets.tolist()),
            counts=tuple(counts.tolist()),
        )

    def abandon(self) -> Finished:
        self._abandoned = True
        # What is still inside OpenVINO is pinned by it, so masks tell nothing of who changed them.
        return self._finished(self._prepared.abandon(), ())

    def contents(self) -> Iterator[AnyNotice]:
        yield from self._recorder.contents()
        if not self._abandoned:  # else a request is still inside OpenVINO
            yield from self._prepared.findings()

    @property
    def _prepared(self) -> Measurement:
        assert self._measurement is not None
        return self._measurement

    @property
    def _recorder(self) -> Recorder:
        recorder = self._prepared.recorder
        assert recorder is not None
        return recorder

    def _loop(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                notice = task()
            except (UsageError, OSError) as error:
                notice = Failed(kind="usage", message=as_text(str(error)))
            except (OpenVinoError, BadMessage) as error:
                notice = Failed(kind="runtime", message=as_text(str(error)))
            except Exception as error:
                notice = Failed(kind="runtime", message=as_text(f"{type(error).__name__}: {error}"))
                self.finished.put(notice)
                self._wake()
                raise
            self.finished.put(notice)
            self._wake()

    def _finished(self, outcome: Outcome, changes: tuple[MaskChange, ...]) -> Finished:
        return Finished(
            start_ns=outcome.start_ns,
            stop_ns=outcome.stop_ns,
            completed=outcome.completed,
            usage=self._prepared.account.readings,
            memory=memory(),
            seen=self._prepared.account.seen,
            mask=placement.mask(thread_ids() - self._control_threads),
            error=_text(outcome.error),
            mask_changes=changes,
            nodes=self._whereabouts.end(),
        )

    def _pin_control_threads(self, cpus: tuple[int, ...]) -> frozenset[int]:
        """Returns the CPUs that were refused. What inference needs of them, `Measurement.prepare` asks for itself."""
        return placement.pin_all(self._control_threads, cpus)


def _text(message: str | None) -> str | None:
    return None if message is None else as_text(message)


def _busy_ms() -> int:
    """CPU time of this process without that of the thread that asks."""
    return max(0, time.process_time_ns() - time.thread_time_ns()) // NS_PER_MS


def _with_notes(effective: Effective, refused: frozenset[int], cache: str) -> Effective:
    """`refused`: CPUs that control threads cannot have; `cache`: what is to be said of it, if anything."""
    notes = [as_text(cache)] if cache else []
    if refused:
        cpus = format_cpu_list(refused)
        notes.append(f"Control threads may not run on CPUs {cpus} as planned, and run elsewhere.")
    return structs.replace(effective, notes=(*effective.notes, *notes))


def serve(
    endpoint: str, agent: int | None, patience_s: float, trust: Trust | None = None, clock: Clock = monotonic_ns
) -> NoReturn:
    """Serve a job, and more loads on its model. Raises Ended when there is nothing more to do, and OSError for an
    endpoint that is no address.

    `patience_s`: how long to try to reach a coordinator. `trust`: what a job may ask for; None is anything.
    """
    link = Link(endpoint)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    link.watch(wake_read)

    def wake() -> None:
        os.write(wake_write, b".")

    work = MeasureThread(wake, trust)
    hello = Hello(PROTOCOL_VERSION, os.getpid(), socket.gethostname(), agent, nonce=secrets.token_hex(16))
    control = Control(work, hello, patience_s, clock())
    attend(link, control, work.finished, wake_read, clock)


def attend(
    link: Link,
    control: Control,
    done: queue.SimpleQueue[Ready | Warmed | Finished | Failed],
    wake: int,
    clock: Clock,
) -> NoReturn:
    """Until Ended is raised. `done`: what the measure thread has finished; `wake`: readable when there is more."""
    outbox: list[AnyNotice] = []
    delivery: Iterator[AnyNotice] | None = None
    while True:
        link.want_to_send(bool(outbox) or delivery is not None)
        link.wait(0.0 if not done.empty() else control.timeout_s(clock()))
        with suppress(BlockingIOError):
            os.read(wake, 4096)
        for order in link.messages():
            control.on_order(order, clock())
        while not done.empty():
            outbox += control.done(done.get())
        due = control.tick(clock(), link.connected)
        if due and isinstance(due[0], Hello):  # once, and before all else, as nothing is taken from a stranger
            outbox = [notice for notice in outbox if not isinstance(notice, Hello)]
            outbox.insert(0, due.pop(0))
        outbox += due
        if control.state is State.DELIVERING and delivery is None:
            delivery = control.delivery()  # which moves the state on before its last word, so there is one of each load
        while outbox and link.send(outbox[0]):
            outbox.pop(0)
        if not outbox and delivery is not None:
            delivery = _deliver(link, delivery, outbox)


def _deliver(link: Link, delivery: Iterator[AnyNotice], outbox: list[AnyNotice]) -> Iterator[AnyNotice] | None:
    """Send as much as goes now; what did not go waits in the outbox. None when all has been taken."""
    for notice in delivery:
        if not link.send(notice):
            outbox.append(notice)
            return delivery
    return None
