"""Local agents: real processes, forked by a fork server that dies with the coordinator and takes them along."""

import contextlib
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


class LocalLauncher:
    """Starts the fork server at once, so that it loads while the coordinator does other things.

    Must be made in the coordinator's main thread: the kernel's word of a parent's death follows the thread.
    """

    def __init__(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "ovbench.agent.forkserver", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # the terminal's Ctrl-C is not for the agents
        )
        assert self._server.stdout is not None
        os.set_blocking(self._server.stdout.fileno(), False)
        self._pending = b""
        self._pids: dict[int, int] = {}
        self._waiting: deque[int] = deque()
        self._logs: Path | None = None
        self._deaths: deque[Death] = deque()
        self._ended = ""

    @property
    def ended(self) -> str:
        return self._ended

    @property
    def fd(self) -> int:
        """Can be read when something has happened: `deaths` has news."""
        assert self._server.stdout is not None
        return self._server.stdout.fileno()

    def start(self, agents: int, endpoint: str, folder: Path) -> None:
        """Have agents 0..agents-1 started; what they print goes to files in `folder`."""
        self._logs = folder
        self._waiting = deque(range(agents))
        lines = "".join(f"start {agent} {endpoint} {self._log(agent)}\n" for agent in range(agents))
        assert self._server.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._server.stdin.write(lines.encode())
            self._server.stdin.flush()

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
            while self._pids and not self._ended and (left_s := deadline - time.monotonic()) > 0:
                select.select([self.fd], [], [], left_s)
                self._read()
            for agent in tuple(self._pids):
                self.kill(agent)
        self._deaths.clear()

    def close(self) -> None:
        """End the fork server and, by the kernel's hand, every agent that is left. Returns when it is done."""
        self._server.kill()
        self._server.wait()
        for pid in self._pids.values():
            _await_end(pid)
        for stream in (self._server.stdin, self._server.stdout, self._server.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _read(self) -> None:
        assert self._server.stdout is not None
        while True:
            try:
                data = os.read(self._server.stdout.fileno(), 65536)
            except BlockingIOError:
                return
            if not data:
                self._server_ended()
                return
            *lines, self._pending = (self._pending + data).split(b"\n")
            for line in lines:
                self._note(line.decode().split())

    def _note(self, words: list[str]) -> None:
        match words:
            case ["started", agent, pid]:
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

    def _server_ended(self) -> None:
        """Without it there are no agents: they have died with it."""
        assert self._server.stderr is not None
        reason = self._server.stderr.read().decode(errors="replace").strip().splitlines()
        how = f"the process that starts agents has ended: {reason[-1] if reason else 'it gave no reason'}"
        for agent in self._waiting:
            self._deaths.append(Death(agent, how))
        self._waiting.clear()
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
