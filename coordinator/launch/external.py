"""External agents: started by hand or by a scheduler; nothing here can start or end them, their lease does."""

from collections.abc import Iterator
from pathlib import Path

from . import Death


class ExternalLauncher:
    gives_places: bool = False
    fd: None = None
    ended: str = ""

    def start(self, agents: int, endpoint: str, folder: Path, python: str | None = None) -> None:
        pass

    def deaths(self) -> Iterator[Death]:
        return iter(())

    def kill(self, agent: int) -> None:
        pass

    def await_ends(self, timeout_s: float) -> None:
        pass

    def abandon(self) -> None:
        pass

    def close(self) -> None:
        pass
