"""The ways to start agents, as the command line names them; `launch/registry` has who does it. A table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class LauncherChoice:
    """A value of --launcher; the first row is the default.

    * `about`: what it does, as in "local starts the agents".
    * `join_timeout_s`: how long after the last agent a further one may join, where no flag says so.
    * `lease_s`: how long agents outlive a coordinator that is silent.
    * `by_hand`: somebody else starts them, who has to know how many and where they connect.
    * `engine`: it starts a supervisor on each of several hosts, which starts the agents there.
    """

    name: str
    about: str
    join_timeout_s: float
    lease_s: float
    by_hand: bool = False
    engine: bool = False


ROWS: Final = (
    LauncherChoice(
        name="local",
        about="starts the agents",
        join_timeout_s=3.5,
        # They die with the coordinator by the kernel's hand, so that this is only for one that hangs: on a machine with
        # far more load than CPUs it was seen not to be run for 3 s.
        lease_s=10.0,
    ),
    LauncherChoice(
        name="external",
        about="waits for agents started with ovbench-agent --connect, or for --hosts that join by hand",
        join_timeout_s=20.0,
        lease_s=3.0,
        by_hand=True,
    ),
    LauncherChoice(
        name="ssh",
        about="reaches the --hosts by OpenSSH",
        join_timeout_s=60.0,
        lease_s=3.0,
        engine=True,
    ),
    LauncherChoice(
        name="slurm",
        about="takes the nodes of the Slurm job that this runs in, or asks for some with --slurm-options",
        join_timeout_s=60.0,
        lease_s=3.0,
        engine=True,
    ),
    LauncherChoice(
        name="ray",
        about="takes the nodes of the Ray cluster at --ray-address",
        join_timeout_s=60.0,
        lease_s=3.0,
        engine=True,
    ),
    LauncherChoice(
        name="kubernetes",
        about="waits for the pods of ovbench-coord manifest kubernetes, whose keys are --run-keys",
        join_timeout_s=300.0,
        lease_s=3.0,
        engine=True,
    ),
)
LAUNCHERS: Final[Mapping[str, LauncherChoice]] = {row.name: row for row in ROWS}
NAMES: Final = tuple(LAUNCHERS)
DEFAULT: Final = NAMES[0]


def about_all() -> str:
    """For the help of --launcher."""
    return "; ".join(f"{row.name} {row.about}{', the default' if row.name == DEFAULT else ''}" for row in ROWS)


def join_timeouts() -> str:
    """For the help of --join-timeout."""
    hosts = next(row.join_timeout_s for row in ROWS if row.engine)
    own = [row for row in ROWS if not row.engine or row.join_timeout_s != hosts]
    texts = [f"{row.join_timeout_s:g} for {row.name} {'agents' if row.name == DEFAULT else 'ones'}" for row in own]
    return ", ".join((*texts, f"{hosts:g} for other hosts"))


def by_hand() -> str:
    """The flags, one of which has agents started by hand."""
    return " or ".join(f"--launcher {row.name}" for row in ROWS if row.by_hand)


def engines() -> str:
    """Those that reach other hosts."""
    return ", ".join(row.name for row in ROWS if row.engine)
