"""The process that forks the agents of this host, as whoever starts it sees it: lines to it, and lines from it."""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from .errors import ExitCode, UsageError

_MODULE: Final = "ovbench.agent.forkserver"
_STANDARD: Final = 3
"""Descriptors below this one are standard input, output and error."""


class ForkServer:
    """One of them, of one Python. `over`: it has ended, or its last word has been read."""

    def __init__(self, python: str, words: Sequence[str]) -> None:
        """`words`: what its command line has beside its parent's pid."""
        environment = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",  # a user's own select.py is not for the agents either
        }
        command = [python, "-m", _MODULE, str(os.getpid()), *words]
        theirs, self.input = _pipe()
        self.fd, said = _pipe()
        self._complaints, complained = _pipe()
        ends = ((theirs, 0), (said, 1), (complained, 2))
        try:
            self.pid = _spawn(command, environment, ends)
        except OSError as error:
            for end in (self.input, self.fd, self._complaints):
                os.close(end)
            raise UsageError(f"{python}, which starts the agents, cannot be run: {error.strerror}") from None
        finally:
            for end, _ in ends:
                os.close(end)
        for end in (self.input, self.fd):
            os.set_blocking(end, False)
        self._unsent = b""
        self._pending = b""
        self._reaped = False
        self.over = False

    def ask(self, orders: Iterable[Sequence[object]]) -> None:
        """Have them written when they can be: it may be waiting for its own words to be read."""
        self._unsent += b"".join(json.dumps(order).encode() + b"\n" for order in orders)

    def send(self) -> bool:
        """As much as goes now of what is still to be written; whether there is more."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self.input, self._unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # its end is seen where it is read
            self._unsent = b""
        return bool(self._unsent)

    def lines(self) -> Iterator[list[str]]:
        """What it has said since the last call, in words."""
        while not self.over:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return
            self.over = not data
            *lines, self._pending = (self._pending + data).split(b"\n")
            yield from (line.decode().split() for line in lines)

    def last_words(self) -> str:
        """Of one that is over; empty if it left none."""
        with open(self._complaints, errors="replace", closefd=False) as stream:
            lines = stream.read().strip().splitlines()
        return lines[-1] if lines else ""

    def was_killed(self) -> bool:
        """Of one that is over: whether by SIGKILL."""
        return self._end() == (os.CLD_KILLED, signal.SIGKILL)

    def has_refused(self) -> bool:
        """Of one that is over: whether because no agent can run here."""
        return self._end() == (os.CLD_EXITED, ExitCode.USAGE)

    def _end(self) -> tuple[int, int] | None:
        with contextlib.suppress(ChildProcessError):
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            return None if ended is None else (ended.si_code, ended.si_status)
        return None

    def kill(self) -> None:
        """In a handler of signals, too. Its agents die with it."""
        if not self._reaped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self._reaped = True  # from here on its number may be another's
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        for end in (self.input, self.fd, self._complaints):
            os.close(end)


def _spawn(command: list[str], environment: Mapping[str, str], ends: Sequence[tuple[int, int]]) -> int:
    """The pid. `ends`: descriptors, and the numbers that they get there. Raises OSError."""
    closed = [(os.POSIX_SPAWN_CLOSE, number) for number in _inheritable()]
    moved = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in ends]
    return os.posix_spawnp(
        command[0],
        command,
        environment,
        file_actions=[*closed, *moved],
        setsid=True,  # the terminal's Ctrl-C is not for the agents
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
    )


def _inheritable() -> Iterator[int]:
    """Descriptors that this process was started with, beside the standard ones: somebody may wait for their end."""
    for number in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):
            if number >= _STANDARD and os.get_inheritable(number):
                yield number


def _pipe() -> tuple[int, int]:
    """To read and to write; neither has a number of the standard streams, should these be closed."""
    ends = os.pipe()
    raised = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _STANDARD) for end in ends]
    for end in ends:
        os.close(end)
    return raised[0], raised[1]
