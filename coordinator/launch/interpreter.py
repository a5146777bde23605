"""The Python that agents run in where it is not the coordinator's own: what it has, as it says itself."""

import functools
import os
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from ovbench.common.errors import UsageError
from ovbench.common.messages import PROTOCOL_VERSION

from ..machine.inspection import LIBRARIES
from ..result.environment import AgentPython

_PATIENCE_S: Final = 60.0
_QUESTION: Final = f"""
import json, platform
from importlib.metadata import version
from ovbench.common.messages import PROTOCOL_VERSION
names = ("openvino", "ovbench", {", ".join(map(repr, LIBRARIES))})
print(json.dumps([PROTOCOL_VERSION, platform.python_version(), {{name: version(name) for name in names}}]))
"""


@functools.cache
def examine(path: str) -> AgentPython:
    """Asks it, once. Raises UsageError where no agent can run in it."""
    protocol, python, versions = _answer(path)
    ovbench = versions.pop("ovbench")
    if protocol != PROTOCOL_VERSION:
        raise UsageError(
            f"--agent-python {path}: its ovbench {ovbench} speaks protocol {protocol}, this one {PROTOCOL_VERSION}; "
            "install the same ovbench there"
        )
    return AgentPython(path, python, versions.pop("openvino"), ovbench, versions)


def _answer(path: str) -> tuple[int, str, dict[str, str]]:
    try:
        asked = subprocess.run(
            [path, "-c", _QUESTION], capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONSAFEPATH": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UsageError(f"--agent-python {path}: it gave no answer within {_PATIENCE_S:g} s") from None
    except OSError as error:
        inside = Path(path) / "bin" / "python"
        hint = f"; did you mean {inside}?" if inside.is_file() else ", as in /opt/venv/bin/python"
        raise UsageError(f"--agent-python {path}: it cannot be run: {error.strerror}; give a Python{hint}") from None
    if asked.returncode != 0:
        last = (asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"])[-1]
        raise UsageError(f"--agent-python {path}: ovbench cannot be used in it: {last}; install ovbench there, too")
    try:
        return msgspec.json.decode(asked.stdout, type=tuple[int, str, dict[str, str]])
    except msgspec.DecodeError:
        raise UsageError(f"--agent-python {path}: this is no Python, as it does not answer like one") from None
