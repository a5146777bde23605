"""Supervisors in pods, which `ovbench-coord manifest kubernetes` describes and kubectl has created."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from . import HostEnd, Seat
from .runkeys import read_run_keys


class KubernetesLauncher:
    """Waits for the pods, which have their keys from the manifest's Secret; starts and ends nothing: a pod ends when
    its supervisor does."""

    fd: None = None

    def __init__(self, run_keys: Path) -> None:
        """`run_keys`: from the same manifest. Raises UsageError where it is none."""
        self.keys = read_run_keys(str(run_keys))

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(self.keys.hosts)

    def start(self, seats: Sequence[Seat]) -> None: ...

    def ends(self) -> Iterator[HostEnd]:
        return iter(())

    def end(self, host: str) -> None: ...

    def abandon(self) -> None: ...

    def close(self) -> None: ...
