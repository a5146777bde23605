"""Local agents: forked on this host, by a fork server that dies with the coordinator and takes them along."""

from pathlib import Path

from ovbench.common.forks import Forks


class LocalLauncher(Forks):
    gives_places: bool = True

    def start(self, agents: int, endpoint: str, folder: Path, python: str | None = None) -> None:
        """Have agents 0..agents-1 started; what they print goes to files in `folder`."""
        self.fork(range(agents), endpoint, folder, python)
