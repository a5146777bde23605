"""A built-in model as files, written by agents' code in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from ovbench.common.builtin import refusal


def write_builtin(name: str, file: Path) -> None:
    """Write the IR of `builtin:NAME` to `file` (.xml) and its weights beside it (.bin).

    OpenVINO's Python bindings stay out of this process. Raises UsageError, and Unwritable where there is no room.
    """
    command = [sys.executable, "-m", "ovbench.agent.openvino.zoo", str(os.getpid()), name, str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise refusal(name, str(file), done.returncode, done.stderr)
