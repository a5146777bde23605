"""Ways to start agents. A launcher starts processes and reports their deaths; it knows nothing of messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ovbench.common.forks import Death as Death


class Launcher(Protocol):
    @property
    def gives_places(self) -> bool:
        """Whether each agent is started for a certain place; otherwise whoever comes takes any free one."""

    @property
    def fd(self) -> int | None:
        """A descriptor that becomes readable when `deaths` has news; None if there never is any."""

    @property
    def ended(self) -> str:
        """Why no more agents can be started; empty while they can."""

    def start(self, agents: int, endpoint: str, folder: Path, python: str | None = None) -> None:
        """Have agents 0..agents-1 started, in another Python than the coordinator's if one is named."""

    def deaths(self) -> Iterator[Death]: ...

    def kill(self, agent: int) -> None:
        """End an agent at once, if it can be done from here."""

    def await_ends(self, timeout_s: float) -> None:
        """Return when no agent that was started here is left; those left after that long are killed. Their deaths
        are not reported."""

    def abandon(self) -> None:
        """Kill what was started here, before this process ends at once. It takes no lock, and a second at the most: it
        is called in a handler of signals, in the middle of anything else."""

    def close(self) -> None:
        """Leave no process behind that was started here."""


@dataclass(frozen=True)
class Seat:
    """A host that is to join. `join` is given to its supervisor on standard input, and to nobody else: it is a secret.

    `host`: as the launcher knows it.
    """

    host: str
    join: bytes

    def __repr__(self) -> str:
        return f"Seat({self.host!r})"


@dataclass(frozen=True)
class HostEnd:
    """A supervisor has ended, or could not be started; `how` in words, with what to try where that is known."""

    host: str
    how: str


class HostLauncher(Protocol):
    """Has `ovbench-agent --host --join -` started once on each host; knows nothing of messages. The supervisor forks
    the host's agents itself, and ends, with them, when it is killed or its coordinator is gone."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Which there are, by the names that they have in reports."""

    @property
    def fd(self) -> int | None:
        """A descriptor that becomes readable when `ends` has news; None if there never is any."""

    def start(self, seats: Sequence[Seat]) -> None:
        """Raises UsageError where it can be seen at once that it cannot be done."""

    def ends(self) -> Iterator[HostEnd]:
        """Since the last call, without waiting."""

    def end(self, host: str) -> None:
        """End the supervisor of a host, as far as that can be done from here; without waiting."""

    def abandon(self) -> None:
        """As `Launcher.abandon`."""

    def close(self) -> None:
        """Leave no process behind that was started here, nor any on the hosts that this can reach."""
