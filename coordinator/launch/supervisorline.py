"""Lines for the shell of another host, by whatever way they get there: become a supervisor, run a script. Pure."""

import shlex
from collections.abc import Sequence
from typing import Final

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
_NEW_ENOUGH: Final = '"$p" -c "import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1'
_PYTHONS: Final = "python3 python3.14 python3.13 python3.12 python3.11"
_ANY_PYTHON: Final = (
    f"for p in {_PYTHONS}; do {_NEW_ENOUGH} && break; p=; done; "
    '[ -n "$p" ] || { echo "no such Python: python3" >&2; exit 127; }; '
)
_NEW_PYTHON: Final = f'{_NAMED_PYTHON}{_NEW_ENOUGH} || {{ echo "too old a Python: $p" >&2; exit 127; }}; '
_FEED: Final = "import sys; i = sys.stdin.buffer; exec(i.read(int(i.readline())))"
"""Python that is run from standard input, after its length, and leaves the rest there for it to read."""


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
    head = _ANY_PYTHON if python is None else _NEW_PYTHON
    words = ("-",) if python is None else (python,)
    return _line(f'{head}echo; echo {REACHED}; exec "$p" -I -c "{_FEED}"', *words)


def script_bytes(source: str, *more: bytes) -> bytes:
    """For standard input of `script_line`: the source, and what it reads itself."""
    encoded = source.encode()
    return b"%d\n" % len(encoded) + encoded + b"".join(more)


def _line(script: str, *words: str) -> str:
    return shlex.join(("exec", "sh", "-c", script, "ovbench", *words))
