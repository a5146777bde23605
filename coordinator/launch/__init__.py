"""Ways to start agents. A launcher starts processes and reports their deaths; it knows nothing of messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Death:
    agent: int
    how: str


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
