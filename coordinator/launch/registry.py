"""Who starts agents, by the names of `request/launchers`."""

from collections.abc import Callable, Mapping
from typing import Final

from ..request.remote import Remote
from ..request.request import Launch
from . import HostLauncher, Launcher
from .external import ExternalLauncher
from .joinfiles import JoinFileLauncher
from .local import LocalLauncher

MAKERS: Final[Mapping[str, Callable[[Launch], Launcher]]] = {
    "local": lambda launch: LocalLauncher(launch.agent_python),
    "external": lambda launch: ExternalLauncher(),
}


def make_launcher(launch: Launch) -> Launcher:
    """It may begin to load what agents need at once. Raises UsageError where it cannot."""
    return MAKERS[launch.launcher](launch)


Say = Callable[[str], None]
"""Takes a line about what goes on before agents can be started."""


def _ssh(remote: Remote, say: Say) -> HostLauncher:
    from .ssh import SshLauncher
    from .sshcommand import Ssh
    from .sshinstall import install

    ssh = Ssh(None if remote.ssh_config is None else str(remote.ssh_config))
    pythons = install(remote.hosts, ssh, remote.remote_python, say) if remote.install else None
    return SshLauncher(remote.hosts, ssh, remote.remote_python, pythons, _options(remote))


def _slurm(remote: Remote, say: Say) -> HostLauncher:
    from .slurm import SlurmLauncher

    return SlurmLauncher(remote.slurm_options or None, remote.remote_python, _options(remote), say)


def _ray(remote: Remote, say: Say) -> HostLauncher:
    from .ray import RayLauncher

    return RayLauncher(remote.ray_address, remote.remote_python, _options(remote), say)


def _kubernetes(remote: Remote, say: Say) -> HostLauncher:
    from .kubernetes import KubernetesLauncher

    assert remote.run_keys is not None
    return KubernetesLauncher(remote.run_keys)


HOST_MAKERS: Final[Mapping[str, Callable[[Remote, Say], HostLauncher]]] = {
    "ssh": _ssh,
    "slurm": _slurm,
    "ray": _ray,
    "kubernetes": _kubernetes,
    "external": lambda remote, say: JoinFileLauncher(remote.hosts, remote.join_folder),
}


def make_host_launcher(launch: Launch, say: Say) -> HostLauncher:
    """It may take long; `say` gets a line for each step. Raises UsageError where it cannot be used here."""
    assert launch.remote is not None
    return HOST_MAKERS[launch.launcher](launch.remote, say)


def _options(remote: Remote) -> tuple[str, ...]:
    """For every supervisor that is started from here."""
    cache = () if remote.model_cache is None else ("--model-cache", remote.model_cache)
    return (*cache, *(("--allow-extensions",) if remote.allow_extensions else ()))
