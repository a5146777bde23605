"""The built-in models by name, and how their files are made."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from .errors import ExitCode, Unwritable, UsageError

PREFIX: Final = "builtin:"
NAMES: Final = ("squeezenet1.1", "mlp", "tiny")


def write_builtin(name: str, file: Path) -> None:
    """Write the IR of `builtin:NAME` to `file` (.xml) and its weights beside it (.bin).

    Done by a process of its own, so that OpenVINO's Python bindings stay out of this one. Raises UsageError, and
    Unwritable where there is no room.
    """
    command = [sys.executable, "-m", "ovbench.agent.openvino.zoo", name, str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        text = f"{PREFIX}{name} cannot be written to {file}: {reason}"
        raise Unwritable(text, no_room=True) if done.returncode == ExitCode.UNWRITABLE else UsageError(text)
