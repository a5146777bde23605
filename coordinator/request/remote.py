"""Other hosts as requested: which, who starts a supervisor on each, and where they reach the coordinator. Pure."""

from dataclasses import dataclass
from pathlib import Path

from .hosts import HostSpec, format_hosts


@dataclass(frozen=True)
class Remote:
    """`hosts`: none where the engine has its own. `bind`: tcp://ADDRESS:PORT of this host, `advertise` what the others
    connect to where that is another address or port.

    * `remote_python`: the Python, or the folder of a virtual environment, that has ovbench there.
    * `install`: put this ovbench there first.
    * `ssh_config`, `slurm_options`, `ray_address`: for the engine.
    * `model_cache`: where hosts keep models, as DIR or DIR:SIZE. `allow_extensions`: send them libraries, too.
    * `join_folder`: where join files are written for hosts whose supervisors somebody starts by hand.
    * `run_keys`: the keys of hosts that have theirs already, which are all that may join.
    """

    bind: str
    hosts: tuple[HostSpec, ...] = ()
    advertise: str | None = None
    remote_python: str | None = None
    install: bool = False
    ssh_config: Path | None = None
    slurm_options: str = ""
    ray_address: str = "auto"
    model_cache: str | None = None
    allow_extensions: bool = False
    join_folder: Path | None = None
    run_keys: Path | None = None

    @property
    def text(self) -> str | None:
        """The hosts as they were asked for, None where the engine has its own."""
        return format_hosts(self.hosts) or None
