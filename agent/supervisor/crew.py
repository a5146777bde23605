"""The agents of a host: forked by a fork server, and reached through a socket in a folder of the run's own."""

import contextlib
import select
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ovbench.common.errors import UsageError
from ovbench.common.forks import Birth, Death, Forks
from ovbench.common.wire import Hub


class HostCrew:
    """Each muster has a socket of its own, so that nothing which agents before it have sent is taken for theirs."""

    def __init__(self, forks: Forks, folder: Path, pythons: Collection[str] = ()) -> None:
        """`folder`: private. `pythons`: those that agents may run in beside this process's."""
        self._forks = forks
        self._folder = folder
        self._pythons = frozenset(pythons)
        self._hub: Hub | None = None
        self._number = 0
        self._news = select.epoll()
        self._news.register(forks.fd, select.EPOLLIN)

    @property
    def fd(self) -> int:
        """Becomes readable when agents are born, have died or, unless `waiting`, have said something."""
        return self._news.fileno()

    @property
    def pids(self) -> tuple[int, ...]:
        return self._forks.pids

    @property
    def empty(self) -> bool:
        return self._forks.empty

    @property
    def waiting(self) -> bool:
        """Whether `receive` has something; to be asked last before `fd` is waited for."""
        return self._hub is not None and self._hub.waiting

    def muster(self, agents: Sequence[int], python: str | None) -> None:
        if python is not None and python not in (sys.executable, *self._pythons):
            raise UsageError(
                f"--agent-python {python}: this host starts no agents in it; start its supervisor with "
                f"--agent-python {python}"
            )
        self._close_hub()
        self._number += 1
        endpoint = f"ipc://{self._folder}/bus-{self._number}"
        self._hub = Hub(endpoint)
        self._news.register(self._hub.fd, select.EPOLLIN)
        self._forks.fork(agents, endpoint, self._folder, python)

    def receive(self) -> tuple[bytes, bytes] | None:
        """A message of an agent, after its peer; None where there is none now."""
        return None if self._hub is None else self._hub.receive()

    def pass_on(self, peer: bytes, order: bytes) -> bool:
        return self._hub is not None and self._hub.pass_on(peer, order)

    def births(self) -> Iterator[Birth]:
        return self._forks.births()

    def deaths(self) -> Iterator[Death]:
        return self._forks.deaths()

    def kill(self, agent: int) -> None:
        self._forks.kill(agent)

    def kill_all(self) -> None:
        self._forks.kill_all()

    def close(self) -> None:
        """Leave no agent behind."""
        self._forks.close()
        self._close_hub()
        self._news.close()

    def _close_hub(self) -> None:
        if self._hub is not None:
            with contextlib.suppress(OSError):
                self._news.unregister(self._hub.fd)
            self._hub.close()
            self._hub = None
