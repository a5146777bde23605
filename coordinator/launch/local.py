"""Local agents: real processes, forked by a fork server that dies with the coordinator and takes them along."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from . import Death


class _ForkServer:
    """One of them, of one Python. `over`: it has ended, or its last word has been read."""

    def __init__(self, python: str) -> None:
        environment = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",  # a user's own select.py is not for the agents either
        }
        self._process = subprocess.Popen(
            [python, "-m", "ovbench.agent.forkserver", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # the terminal's Ctrl-C is not for the agents
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._pending = b""
        self.over = False

    @property
    def fd(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def write(self, lines: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(lines.encode())
            self._process.stdin.flush()

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
        """Of one that is over."""
        assert self._process.stderr is not None
        reason = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return f"the process that starts agents has ended: {reason[-1] if reason else 'it gave no reason'}"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


class LocalLauncher:
    """Starts a fork server at once, so that it loads while the coordinator does other things; one for each further
    Python when it is first wanted.

    Must be made, and used, in the coordinator's main thread: the kernel's word of a parent's death follows the thread.
    """

    def __init__(self, python: str | None = None) -> None:
        """`python`: the one that agents are likely to be wanted of; None is the coordinator's."""
        self._news = select.epoll()
        self._servers: dict[str, _ForkServer] = {}
        self._serving = self._server(python)
        self._pids: dict[int, int] = {}
        self._crew: tuple[int, ...] = ()
        self._unborn: set[int] = set()
        self._logs: Path | None = None
        self._deaths: deque[Death] = deque()
        self._ended = ""

    @property
    def ended(self) -> str:
        return self._ended

    @property
    def fd(self) -> int:
        """Can be read when something has happened: `deaths` has news."""
        return self._news.fileno()

    def start(self, agents: int, endpoint: str, folder: Path, python: str | None = None) -> None:
        """Have agents 0..agents-1 started; what they print goes to files in `folder`."""
        self._logs = folder
        self._crew = tuple(range(agents))
        self._unborn = set(self._crew)
        self._read()  # that a fork server has ended meanwhile
        if self._ended:
            return
        self._serving = self._server(python)
        self._serving.write(
            "".join(json.dumps([agent, endpoint, str(self._log(agent))]) + "\n" for agent in range(agents))
        )

    def deaths(self) -> Iterator[Death]:
        """Agents whose processes have ended since the last call."""
        self._read()
        while self._deaths:
            yield self._deaths.popleft()

    def kill(self, agent: int) -> None:
        pid = self._pids.get(agent)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def await_ends(self, timeout_s: float) -> None:
        for limit_s in (timeout_s, 1.0):
            deadline = time.monotonic() + limit_s
            while (self._pids or self._unborn) and not self._ended and (left_s := deadline - time.monotonic()) > 0:
                select.select([self.fd], [], [], left_s)
                self._read()
            for agent in tuple(self._pids):
                self.kill(agent)
        self._deaths.clear()

    def close(self) -> None:
        """End the fork servers and, by the kernel's hand, every agent that is left. Returns when it is done."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        for pid in self._pids.values():
            _await_end(pid)
        self._news.close()

    def _server(self, python: str | None) -> _ForkServer:
        path = python or sys.executable
        if path not in self._servers:
            self._servers[path] = _ForkServer(path)
            self._news.register(self._servers[path].fd, select.EPOLLIN)
        return self._servers[path]

    def _read(self) -> None:
        for path, server in tuple(self._servers.items()):
            for words in server.lines():
                self._note(words)
            if server.over:
                self._forget(path, server)

    def _forget(self, path: str, server: _ForkServer) -> None:
        """One that ends while another serves is missed by nobody; it is started again when it is wanted."""
        self._news.unregister(server.fd)
        del self._servers[path]
        if server is self._serving:
            self._server_ended(server.last_words())
        server.close()

    def _note(self, words: list[str]) -> None:
        match words:
            case ["started", agent, pid]:
                self._unborn.discard(int(agent))
                self._pids[int(agent)] = int(pid)
            case ["exited", agent, status]:
                self._pids.pop(int(agent), None)
                self._deaths.append(Death(int(agent), self._how(int(agent), int(status))))

    def _how(self, agent: int, status: int) -> str:
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            how = f"killed by {signal.Signals(number).name}"
        else:
            how = f"its process ended with exit code {os.WEXITSTATUS(status)}"
        last = _last_line(self._log(agent))
        return f"{how}; its last words: {last}" if last else how

    def _server_ended(self, how: str) -> None:
        """Without it there are no agents: they have died with it."""
        self._deaths.extend(Death(agent, how) for agent in self._crew)
        self._crew = ()
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


def _await_end(pid: int) -> None:
    """Until a process that was killed, and is not our child, has gone; a second at the most."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    select.select([descriptor], [], [], 1.0)
    os.close(descriptor)
