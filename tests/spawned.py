"""`Popen` and `run` as of `subprocess`, for the two commands: forked from a process that has loaded them, and children
of the test all the same. Anything else, and what is to be started in a way of its own, is started as always.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests import forking, leftovers

COMMANDS: Final = ("ovbench-coord", "ovbench-agent")
CHANGES: Final = frozenset({leftovers.MARK, "PYTEST_CURRENT_TEST", "PYTHONPATH", "TMPDIR", "XDG_STATE_HOME"})
"""Variables that may be others than when the process that forks began. What PYTHONPATH hides must not be loaded yet."""

_ENVIRONMENT: Final = dict(os.environ)
"""Without what tests change in it."""
_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h


class _Server:
    """The process that forks."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._orders = ours
        room = os.environ[leftovers.MARK].partition("/")[0] + "/" + 16 * "-"  # for a test's own, see `forking.show`
        limits = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(forking.__file__)), "serve", str(theirs.fileno())],
            env={**_ENVIRONMENT, **limits, leftovers.MARK: room},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    def fork(
        self, command: Sequence[str], folder: str, environment: Mapping[str, str], descriptors: Sequence[int]
    ) -> int:
        """The pid. Its parent is this process, to which the kernel gives it when the one between has ended."""
        order = {"command": command, "folder": folder, "environment": environment, "parent": os.getpid()}
        text = json.dumps(order).encode()
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._orders, [b"%08d" % len(text)], descriptors)
            self._orders.sendall(text)
            answer = self._orders.recv(9, socket.MSG_WAITALL)
        finally:
            libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        return int(answer[:8])

    def close(self) -> None:
        self._orders.close()
        self._process.wait()


@cache
def _server() -> _Server:
    return _Server()


@pytest.fixture(scope="session", autouse=True)
def _ends(_mark_of_session: str) -> Iterator[None]:
    """Before what is left running is looked for."""
    yield
    if _server.cache_info().currsize:
        _server().close()
        _server.cache_clear()


def _same_but_for_changes(environment: Mapping[str, str]) -> bool:
    names = (_ENVIRONMENT.keys() | environment.keys()) - CHANGES
    return all(_ENVIRONMENT.get(name) == environment.get(name) for name in names)


class Popen(subprocess.Popen[Any]):
    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, *more: Any) -> None:
        """As in `subprocess`, where it is private, from 3.11 to 3.14."""
        _, pass_fds, cwd, env, _, _, shell, p2cread, _, _, c2pwrite, _, errwrite, _, _, _, _, _, session, _ = more
        command = [args] if isinstance(args, str) else [os.fspath(word) for word in args]
        environment = dict(os.environ if env is None else env)
        plain = executable is None and preexec_fn is None and not (pass_fds or shell or session)
        known = Path(command[0]).name in COMMANDS and Path(command[0]).parent == Path(sys.executable).parent
        if not (plain and known and _same_but_for_changes(environment)):
            super()._execute_child(args, executable, preexec_fn, *more)  # type: ignore[misc]
            return
        descriptors = [own if given == -1 else given for own, given in enumerate((p2cread, c2pwrite, errwrite))]
        self.pid = _server().fork(command, os.fspath(cwd or os.getcwd()), environment, descriptors)
        self._child_created = True
        self._close_pipe_fds(*more[7:13])  # type: ignore[attr-defined]


def run(
    command: Sequence[str | Path],
    *,
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **more: Any,
) -> subprocess.CompletedProcess[Any]:
    if capture_output:
        more |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(command, **more) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done
