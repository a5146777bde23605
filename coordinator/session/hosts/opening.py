"""Opens the way to other hosts: keys for each, a bus, a supervisor on every one; and closes all of it."""

import contextlib
import errno
from collections.abc import Callable, Iterator

from ovbench.common.endpoint import tcp_endpoint
from ovbench.common.errors import UsageError
from ovbench.common.hostbus import HostHub
from ovbench.common.join import Join, join_bytes

from ...launch import HostLauncher, Seat
from ...launch.joinfiles import JoinFileLauncher
from ...launch.kubernetes import KubernetesLauncher
from ...launch.runkeys import make_run_keys
from ...request.remote import Remote
from ..events import Sink
from ..interrupts import Interrupts
from .host import Host
from .hosts import Hosts


@contextlib.contextmanager
def open_hosts(
    remote: Remote,
    launcher: HostLauncher,
    interrupts: Interrupts,
    join_s: float,
    lost_s: float,
    say: Callable[[str], None],
    sink: Sink | None = None,
) -> Iterator[Hosts]:
    """With all hosts there. In the end no supervisor is left that can be reached, nor what it has started.

    `join_s`: how long to wait for each. `say`: gets a line for a user who has to start something. `sink`: is told which
    hosts are awaited. Raises UsageError for a --bind that cannot be had, and for a host that does not come.
    """
    names = launcher.hosts
    made, pairs = make_run_keys(names)
    # Pods have theirs already.
    known = launcher.keys if isinstance(launcher, KubernetesLauncher) else made
    own = known.own
    hosts = hub = None
    try:
        try:
            hub = HostHub(remote.bind, own, {key: name for name, key in known.hosts.items()})
        except OSError as error:
            raise UsageError(f"--bind {remote.bind}: {_reason(error)}") from None
        endpoint = advertised(hub.address, remote.advertise)
        seats = [
            Seat(name, join_bytes(Join(endpoint, name, own.public, pair.public, pair.secret)))
            for name, pair in pairs.items()
        ]
        launcher.start(seats)
        if isinstance(launcher, JoinFileLauncher):
            for name, file in zip(names, launcher.files, strict=True):
                say(f"on {name}, with {file} there: ovbench-agent --host --join {file.name}")
        hosts = Hosts(hub, launcher, interrupts, tuple(Host(i, name) for i, name in enumerate(names)), lost_s)
        hosts.join(join_s, sink)
        yield hosts
    finally:
        if hosts is not None:
            hosts.dismiss()
        launcher.close()
        if hub is not None:
            hub.close(0.0)


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "this host has no such address; name one that it has, and that the hosts reach"
    if error.errno == errno.EADDRINUSE:
        return "another program has that port; use another, or port 0 for any that is free"
    return error.strerror or str(error)


def advertised(address: tuple[str, int], advertise: str | None) -> str:
    """The endpoint that hosts connect to. `advertise`: an address, in brackets one of IPv6, with or without a port."""
    host, port = address
    if advertise is None:
        return tcp_endpoint(host, port)
    name, colon, other = advertise.rpartition(":")
    if colon and other.isdecimal() and not (advertise.startswith("[") and advertise.endswith("]")):
        return f"tcp://{name}:{other}"
    return f"tcp://{advertise}:{port}"
