"""An agent at work: the loop around its control side, and the thread that measures."""

import os
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NoReturn

import numpy as np
from msgspec import structs

from ovbench.common.bounded import as_text
from ovbench.common.clock import NS_PER_MS, Clock, monotonic_ns
from ovbench.common.cpulist import format_cpu_list
from ovbench.common.errors import UsageError
from ovbench.common.histogram import COARSE
from ovbench.common.job import Job
from ovbench.common.lifecycle import IllegalMessage, State
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    AnyNotice,
    Counted,
    Failed,
    Finished,
    Hello,
    Progress,
    Ready,
    Tally,
)
from ovbench.common.wire import BadMessage, Link, check

from .control import Control, Done
from .host import affinity as placement
from .host.threads import thread_ids
from .loop.cache import load_loops
from .measure import ReadyLoad, prepare
from .openvino.model import StepTimes
from .openvino.package import OpenVinoError
from .trust import Trust

_LATENCIES_PER_HEARTBEAT: Final = 256


class MeasureThread:
    """The `Measurer` of an agent: a thread that measures one load after the other. The control thread stops a load,
    looks at it meanwhile and reads what it recorded."""

    def __init__(self, wake: Callable[[], None], trust: Trust | None = None) -> None:
        """`wake` is called, from the measure thread, when `finished` has something. `trust`: see `serve`."""
        self._wake = wake
        self._trust = trust
        self._control_threads = thread_ids()
        self._thread: threading.Thread | None = None
        self._times = StepTimes()
        self._load: ReadyLoad | None = None
        self._stopped = False
        """Of the load that is being prepared."""
        self._tasks: queue.SimpleQueue[Callable[[], Done]] = queue.SimpleQueue()
        self.finished: queue.SimpleQueue[Done] = queue.SimpleQueue()

    def prepare(self, job: Job) -> None:
        # Until OpenVINO is loaded: it looks at the main thread, too, and runs its streams on the CPUs of that.
        self._pin_control_threads(job.placement.cpus)
        self._stopped = False
        former, self._load = self._load, None
        times = self._times = StepTimes()

        def task() -> Ready:
            if self._trust is not None:
                self._trust.check(job)
            load = prepare(job, self._control_threads, times, former)
            # Off the measured CPUs where there are others, else on this agent's own, not on its neighbours'.
            refused = self._pin_control_threads(job.placement.housekeeping or job.placement.cpus)
            ready = load.ready(_notes(refused, load_loops().note))
            check(ready)  # it says what the model and the user's files say, so any of it may be too much
            self._load = load
            if self._stopped:  # before it could be seen
                load.stop()
            return ready

        if self._thread is None:
            # A daemon: it may be inside OpenVINO when the agent ends.
            self._thread = threading.Thread(target=self._work, name="measure", daemon=True)
            self._thread.start()
        self._tasks.put(task)

    def warm_up(self, at_ns: int) -> None:
        load = self._ready
        self._tasks.put(lambda: load.warm_up(at_ns))

    def run(self, at_ns: int) -> None:
        load = self._ready

        def task() -> Finished:
            finished = load.run(at_ns)
            error = finished.error or _text(load.recheck())
            return structs.replace(finished, error=error, outputs=None if error else load.outputs())

        self._tasks.put(task)

    def end(self, at_ns: int) -> None:
        self._ready.end(at_ns)

    def stop(self) -> None:
        self._stopped = True
        load = self._load
        if load is not None:
            load.stop()

    def progress(self) -> Progress:
        """A heartbeat; during the load also a look at where the threads are and what they have used."""
        load, step = self._load, self._times.step
        if load is None or not load.running:
            return Progress(step=step, completed=0, busy_ms=_busy_ms())
        completed, latencies = load.look(_LATENCIES_PER_HEARTBEAT)
        buckets, counts = np.unique(COARSE.buckets(latencies), return_counts=True)
        return Progress(
            step=step,
            completed=completed,
            busy_ms=_busy_ms(),
            buckets=tuple(buckets.tolist()),
            counts=tuple(counts.tolist()),
            idle=load.idle,
            backlog=load.backlog(monotonic_ns()),
        )

    def tallies(self) -> list[Tally]:
        """Of the cells of time that are over and were not sent yet."""
        return [] if self._load is None else self._load.tallies()

    def counted(self) -> list[Counted]:
        """All that the load has completed, where that is wanted and due."""
        return [] if self._load is None else self._load.counted()

    def abandon(self) -> Finished:
        return self._ready.abandon()

    def contents(self) -> Iterator[AnyNotice]:
        return self._ready.contents()

    @property
    def _ready(self) -> ReadyLoad:
        """What orders are for that cannot come before `Ready` was sent: `Control` passes on no others."""
        if self._load is None:
            raise IllegalMessage("no load is ready")
        return self._load

    def _work(self) -> None:
        while True:
            self._do(self._tasks.get())  # kept in no name: a task has the memory of its load, and of the former one

    def _do(self, task: Callable[[], Done]) -> None:
        try:
            done = task()
        except (UsageError, OSError) as error:
            done = Failed(kind="usage", message=as_text(str(error)))
        except (OpenVinoError, BadMessage) as error:
            done = Failed(kind="runtime", message=as_text(str(error)))
        except Exception as error:
            self._report(Failed(kind="runtime", message=as_text(f"{type(error).__name__}: {error}")))
            raise
        self._report(done)

    def _report(self, done: Done) -> None:
        self.finished.put(done)
        self._wake()

    def _pin_control_threads(self, cpus: tuple[int, ...]) -> frozenset[int]:
        """Returns the CPUs that were refused. What inference needs of them, `measure.prepare` asks for itself."""
        return placement.pin_all(self._control_threads, cpus)


def _text(message: str | None) -> str | None:
    return None if message is None else as_text(message)


def _busy_ms() -> int:
    """CPU time of this process without that of the thread that asks."""
    return max(0, time.process_time_ns() - time.thread_time_ns()) // NS_PER_MS


def _notes(refused: frozenset[int], cache: str) -> list[str]:
    """`refused`: CPUs that control threads cannot have; `cache`: a note on that of the loops, if there is any."""
    notes = [as_text(cache)] if cache else []
    if refused:
        cpus = format_cpu_list(refused)
        notes.append(f"Control threads may not run on CPUs {cpus} as planned, and run elsewhere.")
    return notes


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
    control = Control(work, hello, patience_s, clock(), None if trust is None else trust.caps.duration_s)
    attend(link, control, work.finished, wake_read, clock)


def attend(
    link: Link,
    control: Control,
    done: queue.SimpleQueue[Done],
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
