"""What the command line says of other hosts, read and checked."""

import argparse
import os
import re
from pathlib import Path
from typing import Final

from ovbench.common.cacheplace import parse_cache_place
from ovbench.common.endpoint import checked_tcp
from ovbench.common.errors import UsageError

from . import paths
from .defaults import remote
from .hosts import HostSpec, parse_hosts
from .hostsfile import read_hosts_file
from .remote import Remote
from .request import Recorded

_MOST_PORT: Final = 65_535
_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9a-fA-F:.%A-Za-z_-]{2,80}\])(?::[0-9]{1,5})?")


def remote_of(raw: argparse.Namespace) -> Remote | None:
    """None where the agents are on this host, or nothing is to be started. Raises UsageError."""
    if not remote(raw) or raw.sysfs:
        return None
    if raw.model_cache is not None:
        parse_cache_place(raw.model_cache)
    return Remote(
        bind=_bind(raw.bind),
        hosts=_hosts(raw),
        advertise=_advertise(raw.advertise),
        remote_python=raw.remote_python,
        install=raw.install,
        ssh_config=None if raw.ssh_config is None else _readable("--ssh-config", raw.ssh_config),
        slurm_options=raw.slurm_options,
        ray_address=raw.ray_address,
        model_cache=raw.model_cache,
        allow_extensions=raw.allow_extensions,
        join_folder=paths.absolute("--join-folder", raw.join_folder or Path()),
        run_keys=None if raw.run_keys is None else _readable("--run-keys", raw.run_keys),
    )


def recorded(raw: argparse.Namespace) -> tuple[Recorded, ...]:
    """The machines of --sysfs, by the names of --hosts or of their folders. Raises UsageError."""
    folders = [paths.check_tree("--sysfs", paths.absolute("--sysfs", folder)) for folder in raw.sysfs]
    if raw.hosts is None and raw.hosts_file is None:
        names = [folder.name for folder in folders]
        again = [name for name in names if names.count(name) > 1]
        if again:
            raise UsageError(f"--sysfs: two folders are called {again[0]}; give the machines names with --hosts")
        return tuple(Recorded(folder.name, folder) for folder in folders)
    hosts = _hosts(raw)
    if folders and len(folders) != len(hosts):
        raise UsageError(f"--hosts and --sysfs: these are {len(hosts)} and {len(folders)}; give a recording for each")
    return tuple(Recorded(host.name, folder, host.agents) for host, folder in zip(hosts, folders, strict=False))


def _bind(text: str) -> str:
    try:
        return checked_tcp(text)
    except UsageError as error:
        raise UsageError(f"--bind {error}") from None


def _hosts(raw: argparse.Namespace) -> tuple[HostSpec, ...]:
    if raw.hosts is not None:
        return parse_hosts("--hosts", raw.hosts)
    if raw.hosts_file is None:
        return ()
    return read_hosts_file(str(raw.hosts_file))


def _readable(flag: str, path: Path) -> Path:
    file = paths.absolute(flag, path)
    if not file.is_file():
        raise UsageError(f"{flag} {file}: there is no such file")
    if not os.access(file, os.R_OK):
        raise UsageError(f"{flag} {file}: the file cannot be read (its permissions forbid it)")
    return file


def _advertise(text: str | None) -> str | None:
    port = "" if text is None or text.endswith("]") or ":" not in text else text.rpartition(":")[2]
    if text is not None and (not _ADDRESS.fullmatch(text) or (port and not 0 < int(port) <= _MOST_PORT)):
        raise UsageError(f"--advertise {text}: this is no address; write ADDRESS or ADDRESS:PORT, as in 10.0.0.1:5555")
    return text
