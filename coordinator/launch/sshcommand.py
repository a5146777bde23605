"""What is run for a host under OpenSSH's client: the command line here, and the line for the shell there. Pure."""

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

REACHED: Final = "ovbench-host-reached"
"""A line that the shell there prints when nothing is between it and the supervisor but the program's start."""

_SUPERVISOR: Final = ("--host", "--join", "-")

# Each is one line without single quotes, backslashes and exclamation marks, so that sh, csh and fish pass it on as it
# is. PYTHONSAFEPATH: a user's own select.py in the home folder is not for us.
_NAMED_PYTHON: Final = (
    'p=$1; shift; case $p in "~/"*) p=$HOME/${p#??};; esac; if [ -d "$p" ]; then p=$p/bin/python; fi; '
    'command -v "$p" >/dev/null 2>&1 || { echo "no such Python: $p" >&2; exit 127; }; '
)
_RUN: Final = "exec env PYTHONSAFEPATH=1"
_BY_PYTHON: Final = f'{_NAMED_PYTHON}echo; echo {REACHED}; {_RUN} "$p" -m ovbench.agent.cli "$@"'
_BY_ITSELF: Final = (
    f"d=$1; shift; echo; echo {REACHED}; "
    f'if [ -x "$d/python" ] && [ -x "$d/ovbench-agent" ]; then {_RUN} "$d/python" -m ovbench.agent.cli "$@"; fi; '
    f'if command -v ovbench-agent >/dev/null 2>&1; then {_RUN} ovbench-agent "$@"; fi; '
    f'if command -v python3 >/dev/null 2>&1; then {_RUN} python3 -m ovbench.agent.cli "$@"; fi; '
    'echo "no such Python: python3" >&2; exit 127'
)
_PYTHONS: Final = "python3 python3.14 python3.13 python3.12 python3.11"
_ANY_PYTHON: Final = (
    f"for p in {_PYTHONS}; do "
    '"$p" -c "import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1 && break; p=; done; '
    '[ -n "$p" ] || { echo "no such Python: python3" >&2; exit 127; }; '
)
_FEED: Final = "import sys; i = sys.stdin.buffer; exec(i.read(int(i.readline())))"
"""Python that is run from standard input, after its length, and leaves the rest there for it to read."""


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


def supervisor_line(python: str | None, own_folder: str, options: Sequence[str] = ()) -> str:
    """For the shell of a host: become the supervisor, which reads its join from standard input.

    `python`: of the host, a program or the folder of a virtual environment, `~/` being the home there; None takes
    `own_folder`, where the coordinator's programs are, if it has them there as well, or else what the PATH there has.
    """
    arguments = (*_SUPERVISOR, *options)
    if python is None:
        return _line(_BY_ITSELF, own_folder, *arguments)
    return _line(_BY_PYTHON, python, *arguments)


def script_line(python: str | None) -> str:
    """For the shell of a host: run the Python that comes on standard input, see `script_bytes`.

    `python`: as for `supervisor_line`; None takes the first on the PATH there that is new enough.
    """
    head = _ANY_PYTHON if python is None else _NAMED_PYTHON
    words = ("-",) if python is None else (python,)
    return _line(f'{head}echo; echo {REACHED}; exec "$p" -I -c "{_FEED}"', *words)


def script_bytes(source: str, *more: bytes) -> bytes:
    """For standard input of `script_line`: the source, and what it reads itself."""
    encoded = source.encode()
    return b"%d\n" % len(encoded) + encoded + b"".join(more)


def _line(script: str, *words: str) -> str:
    return shlex.join(("exec", "sh", "-c", script, "ovbench", *words))
