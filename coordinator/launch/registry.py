"""Who starts agents, by the names of `request/launchers`."""

from collections.abc import Callable, Mapping
from typing import Final

from ..request.request import Launch
from . import Launcher
from .external import ExternalLauncher
from .local import LocalLauncher

MAKERS: Final[Mapping[str, Callable[[Launch], Launcher]]] = {
    "local": lambda launch: LocalLauncher(launch.agent_python),
    "external": lambda launch: ExternalLauncher(),
}


def make_launcher(launch: Launch) -> Launcher:
    """It may begin to load what agents need at once. Raises UsageError where it cannot."""
    return MAKERS[launch.launcher](launch)
