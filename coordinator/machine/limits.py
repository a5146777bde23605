"""The system's limits: descriptors, processes, threads. Checked before a run starts; some descriptors are kept in
reserve while it goes on, as libzmq aborts where it cannot accept a connection (errno_assert, ipc_listener.cpp)."""

import contextlib
import errno
import os
import resource
import threading
from pathlib import Path
from typing import Final

from ovbench.common.cgroup import read_available_memory
from ovbench.common.errors import UsageError

OUT_OF_DESCRIPTORS: Final = frozenset((errno.EMFILE, errno.ENFILE))
_MOST: Final = 1 << 16
_OWN: Final = 64
"""Descriptors beside those of agents: libraries, the bus, what is read of /proc, and the reserve."""

_SPARE: Final = 16
_MANY: Final = 4096
"""Where there are so many, an eighth of them is kept free: connections can come faster than anybody looks."""

_THREADS: Final = 8
_THREADS_OF_AGENT: Final = 4
_MOST_TRIED: Final = 64
_STACK_BYTES: Final = 1 << 16
_BYTES_OF_AGENT: Final = 8 << 20
"""An agent has them for itself alone at the least: 9.8 MB with the null device, 23.5 MB with builtin:tiny."""


def check_limits(agents: int, root: Path = Path("/")) -> None:
    """Raise the limit on descriptors as far as needed. Raises UsageError where this host cannot run so many agents.

    To be called before agents' processes are started, as they inherit the limits.
    """
    soft = _raised_limit()
    needed = _OWN + agents + _spare(soft) - _SPARE
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = soft - needed + agents
        fewer = f", or have at most {most} --agents" if most > 0 else ""
        raise UsageError(
            f"{_agents(agents)} needs {needed} open files, and the limit is {soft}; raise it, ulimit -n {needed}{fewer}"
        )
    _check_threads(min(_MOST_TRIED, _THREADS + _THREADS_OF_AGENT * agents), agents)
    _check_memory(agents, root)


def check_descriptors(descriptors: int, what: str) -> None:
    """Raise the limit as far as needed. Raises UsageError where `what`, as it is called then, cannot have so many."""
    soft = _raised_limit()
    needed = _OWN + descriptors
    if soft != resource.RLIM_INFINITY and soft < needed:
        raise UsageError(f"{what} needs {needed} open files, and the limit is {soft}; raise it, ulimit -n {needed}")


def _raised_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        wanted = max(soft, min(hard, _MOST)) if hard != resource.RLIM_INFINITY else max(soft, _MOST)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft


def _check_threads(number: int, agents: int) -> None:
    """By starting some: the limit is on all that the user runs, and a cgroup may have another."""
    go_on = threading.Event()
    started: list[threading.Thread] = []
    former = threading.stack_size(_STACK_BYTES)
    try:
        for _ in range(number):
            thread = threading.Thread(target=go_on.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        raise UsageError(
            f"{_agents(agents)} needs at least {number} threads more than run now, and only {len(started)} could be "
            "started; raise the limit, ulimit -u, or that of the container (pids.max), or have fewer --agents"
        ) from None
    finally:
        threading.stack_size(former)
        go_on.set()
        for thread in started:
            thread.join()


def _check_memory(agents: int, root: Path) -> None:
    """Where memory ends, the kernel ends processes of its own choice, and the machine stands still before that."""
    available = read_available_memory(root)
    if available is not None and agents * _BYTES_OF_AGENT > available:
        raise UsageError(
            f"{_agents(agents)} needs {agents * _BYTES_OF_AGENT / 1e9:.1f} GB of memory, without any model, and "
            f"{available / 1e9:.1f} GB are to be had; have at most {max(1, available // _BYTES_OF_AGENT)} --agents"
        )


def _spare(limit: int) -> int:
    return _SPARE if limit < _MANY else limit // 8


def _agents(number: int) -> str:
    return f"a run with {number} agent{'s' if number != 1 else ''}"


def scarce() -> bool:
    """Whether few descriptors are left. It takes one to find out."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return soft != resource.RLIM_INFINITY and soft - len(os.listdir("/proc/self/fd")) < _spare(soft)
    except OSError as error:
        return error.errno in OUT_OF_DESCRIPTORS


class Reserve:
    """Descriptors kept for when there are no others."""

    def __init__(self) -> None:
        """Raises OSError where there are none."""
        self._kept: list[int] = []
        try:
            for _ in range(_SPARE):
                self._kept.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            self.give()
            raise

    def close(self) -> None:
        self.give()

    def give(self) -> bool:
        """Close them. Returns whether there were any left."""
        given, self._kept = self._kept, []
        for descriptor in given:
            os.close(descriptor)
        return bool(given)
