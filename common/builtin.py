"""The built-in models by name, and what a process that was to write one says by its end."""

from typing import Final

from .errors import ExitCode, Unwritable, UsageError

PREFIX: Final = "builtin:"
NAMES: Final = ("squeezenet1.1", "mlp", "tiny")


def refusal(name: str, file: str, code: int, said: str) -> UsageError | Unwritable:
    """Why `builtin:NAME` was not written to `file`, by the exit code of the process and what it wrote to stderr."""
    silent = "it gave no reason" if code >= 0 else f"signal {-code} ended it"
    reason = (said.strip().splitlines() or [silent])[-1]
    text = f"{PREFIX}{name} cannot be written to {file}: {reason}"
    return Unwritable(text, no_room=True) if code == ExitCode.UNWRITABLE else UsageError(text)
