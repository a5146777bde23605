"""Processes here that each carry a secret to a host on their standard input, and hold what they started there by it:
those of ssh, of srun. They end with the coordinator; their output and their ends are read without waiting.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ovbench.common.printable import one_line

from .tether import tethered

_AT_ONCE: Final = 32
"""Couriers that are on their way: each takes a core's time for its keys, here and at a jump host."""

_MOST_LINES: Final = 30
_MOST_LINE_BYTES: Final = 4096


@dataclass(frozen=True)
class Ended:
    """How a courier has ended.

    * `status`: its exit code; 0 where `killed_by` names a signal.
    * `reached`: whether its mark was seen.
    * `lines`: what was said last, after the mark if it was seen, printable, oldest first.
    """

    status: int
    reached: bool
    lines: tuple[str, ...]
    killed_by: str = ""

    def last(self) -> str:
        return self.lines[-1] if self.lines else ""


class Courier:
    """A process that was started here. `name`: of the host that it is for. `over` can be read when it has ended."""

    def __init__(
        self, name: str, command: Sequence[str], data: bytes, mark: str | None, ending: signal.Signals = signal.SIGKILL
    ) -> None:
        self.name = name
        self._ending = ending
        self._mark = None if mark is None else mark.encode()
        self.reached = mark is None
        self._process = subprocess.Popen(
            tethered(command, ending),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is not for it
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.input, self.output = self._process.stdin, self._process.stdout
        for end in (self.input, self.output):
            os.set_blocking(end.fileno(), False)
        try:
            self.over = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.communicate()
            raise
        self._unsent = memoryview(data)
        self._pending = b""
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def sending(self) -> bool:
        return self.reached and len(self._unsent) > 0 and not self.input.closed

    def also_send(self, data: bytes) -> None:
        self._unsent = memoryview(bytes(self._unsent) + data)

    def send(self) -> None:
        """As much as goes now of what is still to be sent."""
        try:
            while self.sending:
                self._unsent = self._unsent[os.write(self.input.fileno(), self._unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # its end is seen where it is read
            self._unsent = memoryview(b"")

    def read(self) -> Iterator[str]:
        """What it has said since the last call, by lines."""
        while not self.output.closed:
            try:
                data = os.read(self.output.fileno(), 65536)
            except BlockingIOError:
                return
            if not data:
                self.output.close()
            *lines, self._pending = (self._pending + data).split(b"\n")
            if self._pending and (not data or len(self._pending) > _MOST_LINE_BYTES):
                lines, self._pending = [*lines, self._pending], b""
            for line in lines:
                if not self.reached and line.strip() == self._mark:
                    self.reached = True
                    self._lines.clear()  # what was said on the way is not what is said there
                elif words := one_line(line[:_MOST_LINE_BYTES].decode(errors="replace").strip()):
                    self._lines.append(words)
                    yield words

    def ended(self) -> Ended:
        """Of one that has, when all that it said was read."""
        status = self._process.wait()
        killed_by = signal.Signals(-status).name if status < 0 else ""
        return Ended(max(status, 0), self.reached, tuple(self._lines), killed_by)

    def hang_up(self) -> None:
        """Close its standard input, which ends what it has reached; one that has reached nothing is ended itself."""
        if self.reached:
            with contextlib.suppress(BrokenPipeError):
                self.input.close()
        else:
            self.end()

    def end(self) -> None:
        """As its kind is ended, by descriptor: without a lock, and never somebody else's process."""
        self._send(self._ending)

    def kill(self) -> None:
        """With what it has started here itself, as ssh does for a jump host."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self.over, number)
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)  # it leads a group, whose number is its own until it is waited for

    def close(self) -> None:
        """Of one that has ended or was killed."""
        self._process.wait()
        for end in (self.input, self.output):
            with contextlib.suppress(BrokenPipeError):
                end.close()
        os.close(self.over)


class Couriers:
    """Must be made, and used, in the main thread: see `tether`."""

    def __init__(self, ending: signal.Signals = signal.SIGKILL, grace_s: float = 0.0) -> None:
        """`ending`: the signal that ends a courier, also when this process dies. One that has to end something
        elsewhere may need another than SIGKILL, and after that `grace_s` before SIGKILL follows."""
        self._ending = ending
        self._grace_s = grace_s
        self._news = select.epoll()
        self._waiting: deque[tuple[str, Sequence[str], bytes, str | None]] = deque()
        self._running: dict[str, Courier] = {}
        self._watched: dict[int, Courier] = {}

    @property
    def fd(self) -> int:
        """Can be read when `turn` has news."""
        return self._news.fileno()

    @property
    def running(self) -> Mapping[str, Courier]:
        """By the names of their hosts."""
        return self._running

    @property
    def idle(self) -> bool:
        return not self._running and not self._waiting

    def add(self, name: str, command: Sequence[str], data: bytes, mark: str | None = None) -> None:
        """Have `data` carried to its standard input: at once, or when it has printed `mark` as a line, and leave that
        open. Few couriers whose mark was not seen run at a time, and for a host one, after the end of the one before.
        Raises OSError where no process can be started."""
        self._waiting.append((name, command, data, mark))
        self._begin()

    def tell(self, name: str, data: bytes) -> None:
        """Have more carried to it, after what is still to be sent; to one that does not run, nothing."""
        courier = self._running.get(name)
        if courier is not None and not courier.input.closed:
            courier.also_send(data)
            courier.send()
            self._watch_input(courier)

    def turn(self, timeout_s: float) -> Iterator[tuple[str, str | Ended]]:
        """Wait so long for news at the most. By the names of hosts: lines that were said, and ends."""
        for fd, events in self._news.poll(timeout_s, maxevents=max(64, len(self._watched))):
            courier = self._watched.get(fd)
            if courier is None:
                continue
            if fd == courier.over:
                yield from self._end_of(courier)
            elif events & select.EPOLLOUT:
                courier.send()
                self._watch_input(courier)
            else:
                yield from ((courier.name, line) for line in courier.read())
                if courier.output.closed:
                    del self._watched[fd]  # epoll itself forgets a descriptor that is closed
                courier.send()
                self._watch_input(courier)
        self._begin()

    def hang_up(self, name: str) -> bool:
        """End what a courier holds by its standard input; False where none runs, nor will."""
        before = len(self._waiting)
        self._waiting = deque(one for one in self._waiting if one[0] != name)
        courier = self._running.get(name)
        if courier is not None:
            if not courier.input.closed:
                self._unwatch(courier.input.fileno())
            courier.hang_up()
        return courier is not None or len(self._waiting) < before

    def kill(self) -> None:
        """All of them, as they are ended, without a lock, so in a handler of signals, too."""
        for courier in tuple(self._running.values()):
            courier.end()

    def close(self, patience_s: float) -> None:
        """Hang up on all, and end those that have not ended after that long. Returns when none is left."""
        self._waiting.clear()
        for name in tuple(self._running):
            self.hang_up(name)
        self._await_ends(patience_s)
        self.kill()
        self._await_ends(self._grace_s)
        for courier in self._running.values():
            courier.kill()
            courier.close()
        self._running.clear()
        self._watched.clear()
        self._news.close()

    def _await_ends(self, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while self._running and (left_s := deadline - time.monotonic()) > 0:
            deque(self.turn(left_s), maxlen=0)

    def _begin(self) -> None:
        on_the_way = sum(not courier.reached for courier in self._running.values())
        while self._waiting and on_the_way < _AT_ONCE and self._waiting[0][0] not in self._running:
            try:
                courier = Courier(*self._waiting[0], self._ending)
            except OSError:
                if not self._running:
                    raise
                return  # one that ends leaves room
            self._waiting.popleft()
            self._running[courier.name] = courier
            for fd in (courier.output.fileno(), courier.over):
                self._news.register(fd, select.EPOLLIN)
                self._watched[fd] = courier
            courier.send()
            self._watch_input(courier)
            on_the_way += not courier.reached

    def _watch_input(self, courier: Courier) -> None:
        if courier.input.closed:
            return
        fd = courier.input.fileno()
        if courier.sending and fd not in self._watched:
            self._news.register(fd, select.EPOLLOUT)
            self._watched[fd] = courier
        elif not courier.sending:
            self._unwatch(fd)

    def _unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._news.unregister(fd)

    def _end_of(self, courier: Courier) -> Iterator[tuple[str, str | Ended]]:
        for fd in [fd for fd, one in self._watched.items() if one is courier]:
            self._unwatch(fd)
        del self._running[courier.name]
        yield from ((courier.name, line) for line in courier.read())
        courier.kill()  # what it has left
        ended = courier.ended()
        courier.close()
        yield courier.name, ended
