"""Where a study takes place: this host, or the others that its flags name, joined for all of its trials."""

import contextlib
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ovbench.common.errors import UsageError

from ..machine.sysfs import read_machine
from ..request.commandline import parse_run
from ..request.hosts import HostSpec
from ..request.request import Launch, Request
from ..run.site import LocalSite, Site
from ..study.axes import parse_axes
from ..study.folder import StudyFolder
from ..study.request import StudyRequest
from .verb import Call

_OF_HOSTS = ("--hosts", "--hosts-file", "--launcher")


@contextlib.contextmanager
def sited(request: StudyRequest, call: Call) -> Iterator[Site]:
    """Raises UsageError where a host does not come."""
    asked = [] if request.sysfs is not None else over_hosts(request)
    launch = launch_of(asked)
    if launch is None:
        yield LocalSite(read_machine(request.sysfs), recorded=request.sysfs is not None)
        return
    from .remote import joined, read_ahead

    read_ahead(asked)
    with joined(launch, call) as site:
        yield site


def over_hosts(request: StudyRequest) -> list[Request]:
    """Runs that between them name every host of the study; none where it is about this one."""
    return [parse_run(argv) for argv in _settings(request) if any(word in _OF_HOSTS for word in argv)]


def launch_of(asked: Sequence[Request]) -> Launch | None:
    """With all hosts that any of the trials is to run on; None for this one."""
    launches = [one.launch for one in asked]
    remotes = [launch.remote for launch in launches if launch.remote is not None]
    if not remotes:
        return None
    for one in remotes[1:]:
        if replace(one, hosts=remotes[0].hosts) != remotes[0]:
            raise UsageError("a study reaches all its hosts in one way; give --launcher, --bind and their like once")
    hosts: dict[str, HostSpec] = {host.name: host for remote in remotes for host in remote.hosts}
    return replace(launches[0], remote=replace(remotes[0], hosts=tuple(hosts.values())))


def _settings(request: StudyRequest) -> Iterable[tuple[str, ...]]:
    """Flags of runs that name each host of the study at least once."""
    if request.resume is not None:
        return {trial.argv for trial in StudyFolder(request.resume).study().trials}
    sides = [request.own[name] for name in ("a", "b") if name in request.own]
    if sides:
        return [parse_axes(shlex.split(side)).over(request.axes).argv({}) for side in sides]
    flag = next((flag for flag in _OF_HOSTS if request.axes.given(flag)), None)
    if flag is None:
        return ()
    return [request.axes.argv({flag: value}) for value in request.axes.given(flag)]
