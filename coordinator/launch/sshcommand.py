"""What runs here for a host under OpenSSH's client; `supervisorline` has what runs there. Pure."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..request.hosts import HostSpec

ALIVE_S: Final = 15
"""A connection silent for so long is given up: longer than a lease, as breaks that heal are not ssh's to see."""

_CONNECT_S: Final = 10
_PROBES: Final = 3

_OPTIONS: Final = (
    f"ConnectTimeout={_CONNECT_S}",
    f"ServerAliveInterval={ALIVE_S // _PROBES}",
    f"ServerAliveCountMax={_PROBES}",
    "BatchMode=yes",  # it asks for nothing: there may be many hosts, and nobody at the terminal
    "ControlMaster=no",  # a connection that others share is not ours to end
    "ControlPath=none",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "Tunnel=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "EscapeChar=none",
    "LogLevel=INFO",  # its reasons are what is shown; a user's QUIET or DEBUG would hide them
)
"""These are ovbench's to say. How host keys are checked, who logs in and by what way is the user's configuration."""


@dataclass(frozen=True)
class Ssh:
    """`config`: a file in place of the user's and the system's configuration, as ssh -F has it."""

    config: str | None = None

    def command(self, host: HostSpec, line: str) -> tuple[str, ...]:
        """What runs here to have the shell of a host run `line`."""
        options = [word for option in _OPTIONS for word in ("-o", option)]
        return ("ssh", "-T", "-a", "-x", *options, *self._target(host), line)

    def by_hand(self, host: HostSpec, *words: str, options: Sequence[str] = ()) -> str:
        """What a user types to run something there, for messages."""
        return shlex.join(("ssh", *options, *(word for word in self._target(host) if word != "--"), *words))

    def _target(self, host: HostSpec) -> tuple[str, ...]:
        config = () if self.config is None else ("-F", self.config)
        port = () if host.port is None else ("-p", str(host.port))
        user = () if host.user is None else ("-l", host.user)
        return (*config, *port, *user, "--", host.address)
