"""Runs on another host, as source that comes over ssh: makes a virtual environment there that has ovbench.

It has nothing but the Python that is there, of 3.11 or newer. On standard input it gets a line of JSON and a wheel, and
then nothing: the end of it is the coordinator's, and so its own. It prints lines: `step TEXT`, and in the end `ready
PATH`, the environment's Python, or `failed TEXT`.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, NoReturn

_COMPLETE: Final = "ovbench-complete"
"""A file in an environment that is whole; when it was last wanted is its time."""

_KEPT_S: Final = 30 * 24 * 3600.0
"""An environment that nobody has wanted for so long is removed, when another one is made."""

_PROBE: Final = "import ovbench.agent.cli"


class _Failed(Exception):
    """One sentence."""


class _Work:
    """What runs here; it ends when standard input does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Any = None
        self._over = False

    def watch(self, stream: IO[bytes]) -> None:
        threading.Thread(target=self._end_with, args=(stream,), daemon=True).start()

    def run(self, command: list[str]) -> tuple[int, list[str]]:
        """To its end: exit code and the last lines; downloads are steps."""
        with self._lock:
            if self._over:
                os._exit(1)
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
        lines: list[str] = []
        for line in self._process.stdout:
            lines = [*lines[-30:], line.strip()]
            if line.startswith(("Downloading ", "Installing collected ", "  Downloading ")):
                say("step", line.strip())
        return self._process.wait(), lines

    def _end_with(self, stream: IO[bytes]) -> None:
        stream.read(1)
        with self._lock:
            self._over = True
            if self._process is not None and self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            os._exit(1)


def main() -> NoReturn:
    """Raises nothing: what went wrong is its last line."""
    code = 1
    try:
        say("ready", _install(_Work(), sys.stdin.buffer))
        code = 0
    except _Failed as problem:
        say("failed", str(problem))
    except OSError as error:
        say("failed", f"{error.filename or 'the environment'}: {error.strerror}")
    os._exit(code)


def say(kind: str, text: str) -> None:
    print(kind, text.replace("\n", " "), flush=True)


def _install(work: _Work, stream: IO[bytes]) -> str:
    head = json.loads(stream.readline())
    wheel = stream.read(head["size"])
    if hashlib.sha256(wheel).hexdigest() != head["sha256"]:
        raise _Failed("the wheel did not arrive whole; try again")
    work.watch(stream)
    hosts = _cache() / "ovbench" / "hosts"
    hosts.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = hosts / head["key"]
    with (hosts / (head["key"] + ".lock")).open("w") as lock:
        _await(lock)
        python = folder / "bin" / "python"
        if not _usable(work, folder, python):
            _remove_old(hosts, folder)
            _make(work, folder, python, head, wheel)
        (folder / _COMPLETE).touch()
    return str(python)


def _cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    return Path(named) if os.path.isabs(named) else Path.home() / ".cache"


def _await(lock: IO[str]) -> None:
    """Hosts may share a home."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("step", "waiting for another installation of the same")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _usable(work: _Work, folder: Path, python: Path) -> bool:
    """Not if it was interrupted, or the Python that it was made of has gone."""
    return (folder / _COMPLETE).exists() and python.exists() and work.run([str(python), "-I", "-c", _PROBE])[0] == 0


def _make(work: _Work, folder: Path, python: Path, head: dict[str, Any], wheel: bytes) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    say("step", f"making {folder} of Python {sys.version.split()[0]}")
    code, lines = work.run([sys.executable, "-I", "-m", "venv", str(folder)])
    if code != 0:
        if any("ensurepip" in line or "No module named venv" in line for line in lines):
            raise _Failed(
                f"its Python {sys.version.split()[0]} cannot make virtual environments; install the module there "
                "(Debian: apt-get install python3-venv)"
            )
        raise _Failed(f"{folder} cannot be made: {_reason(lines, code)}")
    own = folder / head["file"]
    own.write_bytes(wheel)
    pip = [str(python), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    code, lines = work.run([*pip, "--progress-bar", "off", "--only-binary", ":all:", *head["versions"], str(own)])
    if code != 0:
        raise _Failed(f"pip could not install ovbench there: {_reason(lines, code)}")
    code, lines = work.run([str(python), "-I", "-c", _PROBE])
    if code != 0:
        raise _Failed(f"ovbench was installed there, but cannot be used: {_reason(lines, code)}")


def _reason(lines: list[str], code: int) -> str:
    errors = [line for line in lines if line.startswith("ERROR: ") and "ResolutionImpossible" not in line]
    if errors:
        return errors[-1].partition(": ")[2]
    return next((line for line in reversed(lines) if line), f"exit code {code}")


def _remove_old(hosts: Path, current: Path) -> None:
    for complete in hosts.glob("*/" + _COMPLETE):
        folder = complete.parent
        if folder != current and time.time() - complete.stat().st_mtime > _KEPT_S:
            say("step", f"removing {folder}, which was last used {_KEPT_S / 86400:.0f} days ago or earlier")
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
