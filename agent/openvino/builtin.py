"""Files of the built-in models: kept in the user's cache, and read like any other's."""

import functools
import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from ovbench.common.builtin import PREFIX, refusal
from ovbench.common.cache import Uncached, entry
from ovbench.common.errors import UsageError

from ..host.process import run_module


@functools.cache
def builtin_file(name: str) -> Path:
    """The IR of a built-in model, made on first use. Raises UsageError where there is nowhere to put it."""
    file = f"{name}.xml"
    made_with = {
        "zoo": hashlib.sha256(Path(__file__).with_name("zoo.py").read_bytes()).hexdigest(),
        **{package: version(package) for package in ("ovbench", "openvino", "numpy")},
    }
    try:
        return entry(name, made_with, lambda folder: _write(name, folder / file)).folder / file
    except Uncached as problem:
        raise UsageError(
            f"{PREFIX}{name} cannot be written anywhere ({problem}); set TMPDIR or XDG_CACHE_HOME"
        ) from None


def _write(name: str, file: Path) -> None:
    """By a process of its own, so that OpenVINO's Python bindings stay out of this one, whose memory is measured.

    Raises UsageError, and Unwritable where there is no room.
    """
    code, said = run_module("ovbench.agent.openvino.zoo", str(os.getpid()), name, str(file))
    if code != 0:
        raise refusal(name, str(file), code, said)
