"""Supervisors on the nodes of a Ray cluster, each held by an actor: see `raydriver`, the process that talks to Ray."""

import importlib.util
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ovbench.common.bounded import MOST_HOSTS
from ovbench.common.errors import UsageError

from . import HostEnd, Seat
from .couriers import Couriers, Ended
from .raywords import Lost, Over, Refused, Say, Taken, heard, how_lost, how_over, how_refused

_DRIVER: Final = "ray"
"""Its name among the couriers."""

_CONNECTING_S: Final = 30.0
_KNOCKING_S: Final = 5.0
_LONG_S: Final = 90.0
"""Longer than the driver waits for CPUs that others have."""
_PATIENCE_S: Final = 2.0
_GRACE_S: Final = 0.7


def _silent(line: str) -> None:
    pass


class RayLauncher:
    """Must be made, and used, in the coordinator's main thread: see `tether`."""

    def __init__(
        self,
        address: str = "auto",
        python: str | None = None,
        arguments: Sequence[str] = (),
        say: Callable[[str], None] = _silent,
    ) -> None:
        """Connects to the cluster and takes the CPUs of its nodes, waiting for those that others have.

        `address`: --ray-address, `auto` or HOST:PORT; `python`: --remote-python; `arguments`: more of them for every
        supervisor. Raises UsageError.
        """
        _check(address)
        self._address = address
        self._python = python
        self._arguments = tuple(arguments)
        self._asked: set[str] = set()
        """Hosts whose end was asked for."""
        self._running: set[str] = set()
        self._hosts: list[str] = []
        self._couriers = Couriers(signal.SIGTERM, _GRACE_S)
        try:
            self._connect(say)
        except BaseException:  # Ctrl-C while it waits, too
            self.close()
            raise

    @property
    def hosts(self) -> tuple[str, ...]:
        """By the names of hosts that Ray knows; by addresses where several have one name."""
        return tuple(self._hosts)

    @property
    def fd(self) -> int:
        return self._couriers.fd

    def start(self, seats: Sequence[Seat]) -> None:
        for seat in seats:
            self._asked.discard(seat.host)
            self._running.add(seat.host)
            self._tell("start", seat.host, self._python, self._arguments, seat.join.decode())

    def ends(self) -> Iterator[HostEnd]:
        for _, news in self._couriers.turn(0.0):
            if isinstance(news, Ended):
                how = news.killed_by and f" (by {news.killed_by})"
                yield from [self._end(host, f"the process that talks to Ray has ended{how}") for host in self._hosts
                            if host in self._running]  # fmt: skip
                continue
            match heard(news):
                case Over(host) as over if host in self._running:
                    yield self._end(host, how_over(over, self._python))
                case Lost(host, error) if host in self._running:
                    yield self._end(host, how_lost(error))

    def end(self, host: str) -> None:
        if host in self._running:
            self._asked.add(host)
            self._tell("end", host)

    def abandon(self) -> None:
        """Without its driver Ray ends the actors, and they their supervisors."""
        self._couriers.kill()

    def close(self) -> None:
        self._couriers.close(_PATIENCE_S)

    def _end(self, host: str, how: str) -> HostEnd:
        self._running.discard(host)
        return HostEnd(host, "it was ended from here" if host in self._asked else how)

    def _tell(self, *words: object) -> None:
        self._couriers.tell(_DRIVER, json.dumps(words).encode() + b"\n")

    def _connect(self, say: Callable[[str], None]) -> None:
        command = [sys.executable, "-P", "-m", "ovbench.coordinator.launch.raydriver", self._address]
        self._couriers.add(_DRIVER, command, b"")
        deadline = time.monotonic() + _CONNECTING_S
        last = ""
        while (left_s := deadline - time.monotonic()) > 0:
            for _, news in self._couriers.turn(left_s):
                if isinstance(news, Ended):
                    raise UsageError(f"--launcher ray: the process that talks to Ray has ended: {last or 'no reason'}")
                match heard(news):
                    case Taken(""):
                        return self._check_hosts()
                    case Taken(host):
                        self._hosts.append(host)
                    case Say(text):
                        deadline = time.monotonic() + _LONG_S
                        say(text)
                    case Refused(sentence):
                        raise UsageError(f"--launcher ray: {sentence}")
                    case Lost(_, error):
                        raise UsageError(how_refused(error, self._address))
                    case _:
                        last = news
        raise UsageError(
            f"--ray-address {self._address}: the cluster gave no answer within {_CONNECTING_S:g} s; see: ray status"
        )

    def _check_hosts(self) -> None:
        if len(self._hosts) > MOST_HOSTS:
            raise UsageError(f"--launcher ray: the cluster has {len(self._hosts)} nodes; a run may have {MOST_HOSTS}")


def _check(address: str) -> None:
    """What Ray takes a minute and more to say, or says in many lines."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError("--launcher ray needs Ray, which is not installed here; run: pip install 'ovbench[ray]'")
    if address.startswith("ray://"):
        raise UsageError(
            f"--ray-address {address}: this is Ray Client's; run this on a node of the cluster, and write HOST:PORT as "
            "in head:6379, or leave it out"
        )
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    if found := re.fullmatch(r"([A-Za-z0-9._-]+):([0-9]{1,5})", address):
        try:
            socket.create_connection((found[1], int(found[2])), _KNOCKING_S).close()
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise UsageError(
                f"--ray-address {address}: there is no Ray cluster ({why}); ray status says where there is one"
            ) from None
