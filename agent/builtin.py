"""Files of the built-in models: written once per version into the user's cache, then read like any other."""

import fcntl
import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from ovbench.common.builtin import write_builtin
from ovbench.common.errors import UsageError


def builtin_file(name: str) -> Path:
    """The IR of a built-in model in the user's cache, made on first use. Safe against others doing the same."""
    folder = _cache_folder()
    file = folder / f"{name}-{_zoo_digest()}.xml"
    with open(folder / f"{file.stem}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (file.exists() and file.with_suffix(".bin").exists()):
            write_builtin(name, file)
    return file


def _cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "ovbench" / "models"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"ovbench-models-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise UsageError(f"{folder} belongs to someone else; set XDG_CACHE_HOME to a folder of yours") from None
        return folder


def _zoo_digest() -> str:
    """Changes with the code that builds the models and with OpenVINO's version."""
    source = Path(__file__).with_name("zoo.py").read_bytes()
    return hashlib.sha256(source + version("openvino").encode()).hexdigest()[:16]
