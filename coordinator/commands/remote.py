"""A run over other hosts: they are joined first, as a plan needs to know what they are."""

import contextlib
from collections.abc import Iterable, Iterator

from ovbench.common.digests import known, model_files
from ovbench.common.errors import ExitCode

from ..launch.registry import make_host_launcher
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
    screen = JoinScreen(SteadyConsole(stderr=True))
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


def run_on_hosts(request: Request, call: Call) -> ExitCode:
    """Raises UsageError where the run cannot be; nothing has been measured then."""
    read_ahead([request])
    with joined(request.launch, call) as site:
        plan = site.plan(request)
        if request.dry_run:
            from .dryrun import show_plan

            return show_plan(request, plan, [host.topology for host in site.hosts.hosts if host.topology is not None])
        from .conduct import conduct

        return conduct(request, plan, site, site.bus(request.launch, call.interrupts), call.command)
