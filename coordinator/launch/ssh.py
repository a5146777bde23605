"""Supervisors on other hosts by OpenSSH's client: a process of ssh for each, which holds its host's by a pipe.

The supervisor's standard input is ssh's: first the join, when the shell there has been reached, then nothing, and its
end is the supervisor's end. So whatever ends ssh, or sshd's part of it, ends the supervisor.
"""

import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ovbench.common.errors import UsageError

from ..machine.limits import check_descriptors
from ..request.hosts import HostSpec
from . import HostEnd, Seat
from .couriers import Couriers, Ended
from .sshcommand import Ssh
from .sshfailure import NO_SSH, how_ended
from .supervisorline import REACHED, supervisor_line

_PATIENCE_S: Final = 2.5
"""For supervisors to end when they are asked to, before their connections are cut."""


_DESCRIPTORS: Final = 3
"""Of each courier: both pipes, and its end."""


class SshLauncher:
    """Must be made, and used, in the coordinator's main thread: see `tether`."""

    def __init__(
        self,
        hosts: Sequence[HostSpec],
        ssh: Ssh | None = None,
        python: str | None = None,
        pythons: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """`python`: --remote-python; `pythons`: of hosts by name, where ovbench was installed there. `options`: more
        arguments for every supervisor. Raises UsageError where there is no ssh here, or not enough of what
        so many hosts need."""
        if not any(os.access(os.path.join(folder, "ssh"), os.X_OK) for folder in os.get_exec_path()):
            raise UsageError(f"--hosts: {NO_SSH}")
        check_descriptors(_DESCRIPTORS * len(hosts), f"a run over {len(hosts)} hosts")
        self._hosts = {host.name: host for host in hosts}
        self._ssh = ssh or Ssh()
        self._pythons = dict.fromkeys(self._hosts, python) | dict(pythons or {})
        self._options = tuple(options)
        self._couriers = Couriers()
        self._asked: set[str] = set()
        """Hosts whose end was asked for."""
        self._ends: deque[HostEnd] = deque()

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(self._hosts)

    @property
    def fd(self) -> int:
        return self._couriers.fd

    def start(self, seats: Sequence[Seat]) -> None:
        folder = os.path.dirname(sys.executable)
        for seat in seats:
            host = self._hosts[seat.host]
            self._asked.discard(host.name)
            line = supervisor_line(self._pythons[host.name], folder, self._options)
            try:
                self._couriers.add(host.name, self._ssh.command(host, line), seat.join, REACHED)
            except OSError as error:
                raise UsageError(f"--hosts {host.name}: ssh cannot be started: {error.strerror}") from None

    def ends(self) -> Iterator[HostEnd]:
        for name, news in self._couriers.turn(0.0):
            if isinstance(news, Ended):
                self._ends.append(HostEnd(name, self._how(name, news)))
        while self._ends:
            yield self._ends.popleft()

    def end(self, host: str) -> None:
        if self._couriers.hang_up(host):
            self._asked.add(host)

    def abandon(self) -> None:
        """Without their connections the supervisors end by themselves."""
        self._couriers.kill()

    def close(self) -> None:
        """Waits until ssh has seen the supervisors end, for `_PATIENCE_S` in all at the most; connections that are left
        are cut, which ends what can still be reached."""
        self._couriers.close(_PATIENCE_S)

    def _how(self, name: str, ended: Ended) -> str:
        if name in self._asked:
            return "it was ended from here"
        return how_ended(ended, self._hosts[name], self._ssh, self._pythons[name])
