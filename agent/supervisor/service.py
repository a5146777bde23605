"""A supervisor at work: the loop around its duty."""

import contextlib
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Final, NoReturn, Protocol

from ovbench.common.clock import Clock, monotonic_ns
from ovbench.common.errors import ExitCode
from ovbench.common.forks import Birth, Death, Forks
from ovbench.common.hostlink import HostLink
from ovbench.common.hostmessages import AnyHostNotice, AnyHostOrder, Pong
from ovbench.common.join import Join, read_join_file
from ovbench.common.printable import one_line
from ovbench.common.runfolder import run_folder
from ovbench.common.topology import read_topology

from ..modelcache.cache import ModelCache
from ..modelcache.thread import CacheThread
from .arrivals import HostSchedules
from .crew import HostCrew
from .duty import Duty, Ended
from .launcherpipe import LauncherPipe
from .outlook import HostOutlook, stay_off, watching
from .presence import check_usable, present

_MOST_MESSAGES: Final = 256
_MOST_BYTES: Final = 16 << 20
"""Passed on at a stretch, before orders, deaths and the clock are looked at again."""

_BLOCKED_S: Final = 0.02
"""Looked at again when what is to be sent finds no room."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_DESCRIPTORS: Final = 1 << 16


class Link(Protocol):
    """As `hostlink.HostLink` has it."""

    @property
    def room(self) -> bool: ...
    @property
    def connected(self) -> bool: ...
    def wait(self, timeout_s: float) -> set[int]: ...
    def messages(self) -> Iterator[AnyHostOrder]: ...
    def send(self, notice: AnyHostNotice, urgent: bool = False) -> bool: ...


class Voices(Protocol):
    """As `HostCrew` has them: what agents say, and how they come and go."""

    @property
    def waiting(self) -> bool: ...
    def receive(self) -> tuple[bytes, bytes] | None: ...
    def births(self) -> Iterator[Birth]: ...
    def deaths(self) -> Iterator[Death]: ...


class Answers(Protocol):
    """As `CacheThread` has them, of what it was sent."""

    def notices(self) -> Sequence[AnyHostNotice]: ...


@dataclass(frozen=True)
class Terms:
    """What the owner of a host allows, and how long a coordinator is waited for.

    `pythons`: those that agents may run in beside this process's. `memory_mb`: the most for a schedule. `trust`: of the
    agents, as their fork server is given it.
    """

    patience_s: float
    pythons: Sequence[str]
    allow_extensions: bool
    memory_mb: int
    trust: str


def read_join(path: str, pipe: LauncherPipe | None, patience_s: float) -> Join:
    """From the pipe, or else from the file. Raises UsageError."""
    return read_join_file(path) if pipe is None else pipe.read_join(patience_s)


def supervise(join: Join, pipe: LauncherPipe | None, terms: Terms, cache: ModelCache) -> NoReturn:
    """Serve a coordinator until it needs this host no more. Raises Ended then, and UsageError where it cannot begin.

    `pipe`: by which the join came, if it did; when it ends, so does this. However this process ends, the kernel ends
    the fork server after it, and the agents after that.
    """
    topology = read_topology()
    check_usable(topology)
    _raise_limit()
    with contextlib.ExitStack() as open_until_the_end:
        signals = open_until_the_end.enter_context(_asked_to_end())
        folder = open_until_the_end.enter_context(run_folder())
        # First, so that it loads what agents need while this connects.
        crew = HostCrew(Forks(words=(terms.trust,)), folder, terms.pythons)
        link = open_until_the_end.enter_context(contextlib.closing(HostLink(join)))
        open_until_the_end.enter_context(contextlib.closing(crew))  # ends before the link does
        outlook = HostOutlook(watching(topology), lambda: crew.pids, partial(stay_off, topology=topology))
        told = present(topology, terms.allow_extensions, link.nonce)
        schedules = open_until_the_end.enter_context(contextlib.closing(HostSchedules(terms.memory_mb << 20)))
        files = open_until_the_end.enter_context(contextlib.closing(CacheThread(cache)))
        duty = Duty(told, crew, outlook, files, schedules, terms.patience_s, monotonic_ns())
        link.watch(crew.fd)
        link.watch(files.fd)
        link.watch(signals)
        if pipe is not None:
            link.watch(pipe.fd)
        greeting = _Greeting(f"host {join.host} has joined the run at {join.endpoint}")

        def look() -> None:
            _look_for_an_end(signals, pipe)
            greeting.say_once(duty.admitted)

        attend(link, duty, crew, files, look)


def attend(
    link: Link, duty: Duty, crew: Voices, files: Answers, look: Callable[[], None], clock: Clock = monotonic_ns
) -> NoReturn:
    """Until Ended is raised, by `look` or by the duty."""
    outbox: deque[AnyHostNotice] = deque()
    while True:
        link.wait(_timeout_s(link, duty, crew, bool(outbox), clock))
        look()
        for order in link.messages():
            for notice in duty.on_order(order, clock()):
                if isinstance(notice, Pong):
                    link.send(notice, urgent=True)
                else:
                    outbox.append(notice)
        for birth in crew.births():
            outbox += duty.born(birth.agent, birth.pid)
        _relay(link, duty, crew, outbox)
        if not crew.waiting:  # first what it has said
            for death in crew.deaths():
                outbox += duty.died(death)
        outbox += files.notices()
        outbox += duty.tick(clock(), link.connected)
        _send(link, outbox)


def _timeout_s(link: Link, duty: Duty, crew: Voices, unsent: bool, clock: Clock) -> float:
    waiting = crew.waiting  # to be asked in any case: until then its descriptor is readable
    if unsent or not link.room:
        return min(_BLOCKED_S, duty.timeout_s(clock()))
    return 0.0 if waiting else duty.timeout_s(clock())


def _relay(link: Link, duty: Duty, crew: Voices, outbox: deque[AnyHostNotice]) -> None:
    """What agents have said, after what came before it, as long as there is room: else it stays where they left it."""
    passed_bytes = 0
    for _ in range(_MOST_MESSAGES):
        _send(link, outbox)
        if outbox or not link.room or passed_bytes >= _MOST_BYTES:
            return
        message = crew.receive()
        if message is None:
            return
        passed_bytes += len(message[1])
        outbox.append(duty.from_agent(*message))
    _send(link, outbox)


def _send(link: Link, outbox: deque[AnyHostNotice]) -> None:
    while outbox and link.send(outbox[0]):
        outbox.popleft()


@contextlib.contextmanager
def _asked_to_end() -> Iterator[int]:
    """A descriptor that becomes readable when a signal asks this process to end."""
    ready, write = os.pipe()
    os.set_blocking(ready, False)
    os.set_blocking(write, False)

    def note(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(write, bytes((number,)))

    heeded = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # not as under nohup
    former = {number: signal.signal(number, note) for number in heeded}
    try:
        yield ready
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(ready)
        os.close(write)


def _look_for_an_end(signals: int, pipe: LauncherPipe | None) -> None:
    with contextlib.suppress(BlockingIOError):
        name = signal.Signals(os.read(signals, 1)[0]).name
        raise Ended(ExitCode.INTERRUPTED, f"{name} came; the agents are ended")
    if pipe is not None and pipe.look():
        raise Ended(ExitCode.PARTIAL, "whoever started this has gone; the agents are ended")


class _Greeting:
    """For somebody who has started this by hand, at a terminal; a launcher is told nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._said = sys.stdout is None or not sys.stdout.isatty()

    def say_once(self, due: bool) -> None:
        if due and not self._said:
            self._said = True
            with contextlib.suppress(OSError):
                print(one_line(f"ovbench-agent: {self._text}"), flush=True)


def _raise_limit() -> None:
    """On descriptors, as far as it goes: each agent takes some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
