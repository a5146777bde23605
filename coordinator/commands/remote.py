"""Other hosts are joined first, as a plan needs to know what they are."""

import contextlib
from collections.abc import Iterable, Iterator

from ovbench.common.digests import known, model_files
from ovbench.common.topology import Topology

from ..launch.registry import make_host_launcher
from ..plan.plan import Plan
from ..report.console import SteadyConsole
from ..report.joining import JoinScreen
from ..request.request import Launch, Request
from ..run.remotesite import RemoteSite
from ..session.hosts.agents import RemoteAgents
from ..session.hosts.opening import open_hosts
from .verb import Call


@contextlib.contextmanager
def joined(launch: Launch, call: Call) -> Iterator[RemoteSite]:
    """With the hosts that are named. Raises UsageError where one does not come."""
    assert launch.remote is not None
    screen = JoinScreen(SteadyConsole(stderr=True, quiet=call.quiet))
    launcher = make_host_launcher(launch, screen.say)
    call.interrupts.attend(launcher.abandon)
    waits = launch.join_timeout_s, launch.lease_s
    with (
        contextlib.closing(screen),
        open_hosts(launch.remote, launcher, call.interrupts, *waits, screen.say, screen) as hosts,
    ):
        screen.close()
        yield RemoteSite(RemoteAgents(hosts), launch.remote.allow_extensions)


def read_ahead(requests: Iterable[Request]) -> None:
    """All files for their digests, while no host waits for this process: it is done once for each."""
    for request in requests:
        if request.backend is None:
            model = () if request.model.builtin is not None else model_files(request.model.source)
            known((*model, *request.model.extensions, *(path for part in request.data.files for path in part.paths)))


def plan_for_hosts(request: Request, call: Call) -> tuple[Plan, list[Topology]]:
    """Which join for it, and are let go again."""
    read_ahead([request])
    with joined(request.launch, call) as site:
        return site.plan(request), [host.topology for host in site.hosts.hosts if host.topology is not None]
