"""Agents of this host: real processes, forked by a fork server that dies with its parent and takes them along."""

import contextlib
import itertools
import math
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .cgroup import read_oom_kills
from .forkprocess import ForkServer


@dataclass(frozen=True)
class Death:
    """`refused`: it never was, as no agent can run here; `how` is a sentence on that."""

    agent: int
    how: str
    refused: bool = False


@dataclass(frozen=True)
class Birth:
    agent: int
    pid: int


def _oom_kills() -> int | None:
    return read_oom_kills(Path("/"))


class Forks:
    """Starts a fork server at once, so that it loads while its owner does other things; one for each further Python
    when it is first wanted.

    Must be made, and used, in its owner's main thread: the kernel's word of a parent's death follows the thread.
    """

    def __init__(
        self,
        python: str | None = None,
        oom_kills: Callable[[], int | None] = _oom_kills,
        words: Sequence[str] = (),
    ) -> None:
        """`python`: the one that agents are likely to be wanted of; None is this process's. `oom_kills`: how many
        processes the kernel has killed for lack of memory where agents run, None if nobody counts. `words`: for the
        command lines of fork servers. Raises UsageError where that Python cannot be run."""
        self._words = tuple(words)
        self._count_oom_kills = oom_kills
        self._oom_kills = oom_kills()
        self._killed: set[int] = set()
        self._news = select.epoll()
        self._servers: dict[str, ForkServer] = {}
        self._serving = self._server(python)
        self._tickets = itertools.count()
        self._crew: dict[int, int] = {}
        """Agents by ticket: a number that only one start of one agent has, so late words of another are not for it."""
        self._pids: dict[int, int] = {}
        self._unborn: set[int] = set()
        self._logs: Path | None = None
        self._births: deque[Birth] = deque()
        self._deaths: deque[Death] = deque()
        self._ended = ""
        self._refused = False

    @property
    def ended(self) -> str:
        return self._ended

    @property
    def fd(self) -> int:
        """Can be read when something has happened: `deaths` has news."""
        return self._news.fileno()

    @property
    def pids(self) -> tuple[int, ...]:
        """Of agents that run, as far as it is known."""
        return tuple(self._pids.values())

    @property
    def empty(self) -> bool:
        """Whether no agent runs, or is still to be started."""
        return not self._pids and not self._unborn

    def fork(self, agents: Iterable[int], endpoint: str, folder: Path, python: str | None = None) -> None:
        """Have these agents started; those before are forgotten. What they print goes to files in `folder`. Raises
        UsageError where the Python cannot be run."""
        self._read()  # that a fork server has ended meanwhile
        self._births.clear()
        self._deaths.clear()
        self._logs = folder
        self._pids.clear()
        self._killed.clear()
        self._oom_kills = self._count_oom_kills()
        self._crew = {next(self._tickets): agent for agent in agents}
        if self._ended:
            self._server_ended(self._ended)
            return
        self._unborn = set(self._crew.values())
        self._serving = self._server(python)
        self._serving.ask((ticket, agent, endpoint, str(self._log(agent))) for ticket, agent in self._crew.items())
        self._send(self._serving)

    def births(self) -> Iterator[Birth]:
        """Agents whose processes have been started since the last call."""
        self._read()
        while self._births:
            yield self._births.popleft()

    def deaths(self) -> Iterator[Death]:
        """Agents whose processes have ended since the last call."""
        self._read()
        while self._deaths:
            yield self._deaths.popleft()

    def kill(self, agent: int) -> None:
        """End an agent at once; one that is still to be started, as soon as it is."""
        pid = self._pids.get(agent)
        if pid is not None or agent in self._unborn:
            self._killed.add(agent)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        for agent in (*self._pids, *self._unborn):
            self.kill(agent)

    def await_ends(self, timeout_s: float) -> None:
        """Return when no agent that was started here is left; those left after that long are killed. Their deaths
        are not reported."""
        for limit_s in (timeout_s, 1.0):
            deadline = time.monotonic() + limit_s
            while (self._pids or self._unborn) and not self._ended and (left_s := deadline - time.monotonic()) > 0:
                _await_readable(self.fd, left_s)
                self._read()
            for agent in tuple(self._pids):
                self.kill(agent)
        self._deaths.clear()

    def abandon(self) -> None:
        """Kill all that was started here, before this process ends at once. It takes no lock, and a second at the most:
        it is called in a handler of signals, in the middle of anything else."""
        for server in tuple(self._servers.values()):
            server.kill()
        _await_ends(tuple(self._pids.values()))

    def close(self) -> None:
        """End the fork servers and, by the kernel's hand, every agent that is left. Returns when it is done."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        _await_ends(tuple(self._pids.values()))
        self._pids.clear()  # from here on their numbers may be others'
        self._news.close()

    def _server(self, python: str | None) -> ForkServer:
        path = python or sys.executable
        if path not in self._servers:
            server = self._servers[path] = ForkServer(path, self._words)
            self._news.register(server.fd, select.EPOLLIN)
            self._news.register(server.input, 0)
        return self._servers[path]

    def _send(self, server: ForkServer) -> None:
        self._news.modify(server.input, select.EPOLLOUT if server.send() else 0)

    def _read(self) -> None:
        for path, server in tuple(self._servers.items()):
            for words in server.lines():
                self._note(words)
            if server.over:
                self._forget(path, server)
            else:
                self._send(server)

    def _forget(self, path: str, server: ForkServer) -> None:
        """One that ends while another serves is missed by nobody; it is started again when it is wanted."""
        for end in (server.fd, server.input):
            self._news.unregister(end)
        del self._servers[path]
        if server is self._serving:
            self._server_ended(self._how_server_ended(server))
        server.close()

    def _how_server_ended(self, server: ForkServer) -> str:
        subject, why = "the process that starts agents", server.last_words()
        if server.was_killed():
            return f"{subject} was killed by SIGKILL{self._for_lack_of_memory()}"
        self._refused = bool(why) and server.has_refused()
        if self._refused:
            return why
        return f"{subject} has ended: {why or 'it gave no reason'}"

    def _note(self, words: list[str]) -> None:
        match words:
            case ["started", ticket, pid] if (agent := self._crew.get(int(ticket))) is not None:
                self._unborn.discard(agent)
                self._pids[agent] = int(pid)
                self._births.append(Birth(agent, int(pid)))
                if agent in self._killed:
                    self.kill(agent)
            case ["exited", ticket, status] if (agent := self._crew.pop(int(ticket), None)) is not None:
                self._unborn.discard(agent)
                self._pids.pop(agent, None)
                self._deaths.append(Death(agent, self._how(agent, int(status))))
            case ["failed", ticket, *why] if (agent := self._crew.pop(int(ticket), None)) is not None:
                self._unborn.discard(agent)
                self._deaths.append(Death(agent, f"its process could not be started: {' '.join(why)}"))

    def _how(self, agent: int, status: int) -> str:
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            how = f"killed by {signal.Signals(number).name}"
            if number == signal.SIGKILL and agent not in self._killed:
                how += self._for_lack_of_memory()
        else:
            how = f"its process ended with exit code {os.WEXITSTATUS(status)}"
        last = _last_line(self._log(agent))
        return f"{how}; its last words: {last}" if last else how

    def _for_lack_of_memory(self) -> str:
        """Whether the kernel has counted one more such kill, which is then this one."""
        count = self._count_oom_kills()
        if count is None or self._oom_kills is None or count <= self._oom_kills:
            return ""
        self._oom_kills += 1
        return " for lack of memory, by the kernel: start fewer agents, or allow more memory"

    def _server_ended(self, how: str) -> None:
        """Without it there are no agents: they have died with it."""
        self._deaths.extend(Death(agent, how, self._refused) for agent in self._crew.values())
        self._crew.clear()
        self._unborn.clear()
        self._pids.clear()
        self._ended = how

    def _log(self, agent: int) -> Path:
        assert self._logs is not None
        return self._logs / f"agent-{agent}.log"


def _last_line(file: Path) -> str:
    try:
        lines = file.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""


def _await_ends(pids: Sequence[int]) -> None:
    """Until processes that were killed, and are not our children, have gone; a second in all at the most."""
    deadline = time.monotonic() + 1.0
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            continue
        _await_readable(descriptor, max(0.0, deadline - time.monotonic()))
        os.close(descriptor)


def _await_readable(fd: int, timeout_s: float) -> None:
    """Unlike `select`, whatever its number is: every agent is a descriptor."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.poll(math.ceil(timeout_s * 1000))
