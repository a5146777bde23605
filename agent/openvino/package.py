"""The installed openvino package: its shared libraries, and the error of a call into them.

The Python bindings are not imported, which saves an agent 0.2 s and 20 MB.
"""

import ctypes as c
import importlib.util
from pathlib import Path


class OpenVinoError(Exception):
    """A call failed; the text is OpenVINO's own message."""


def _package() -> Path:
    spec = importlib.util.find_spec("openvino")
    if spec is None or spec.origin is None:
        raise OpenVinoError("the openvino package is not installed")
    return Path(spec.origin).parent


def library_file(pattern: str) -> Path:
    """One of the wheel's. Raises OpenVinoError."""
    found = sorted((_package() / "libs").glob(pattern))
    if not found:
        raise OpenVinoError(f"the openvino package has no libs/{pattern}")
    return found[-1]


def shared_library(pattern: str) -> c.CDLL:
    """One of the wheel's, loaded. Raises OpenVinoError."""
    file = library_file(pattern)
    try:
        return c.CDLL(str(file))
    except OSError as error:
        raise OpenVinoError(f"the openvino package cannot be loaded: {error}") from None
