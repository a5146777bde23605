"""A loopback network and processes that nobody else sees, for as long as a test takes; needs root."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

ADDRESSES: Final = ("127.0.0.2", "127.0.0.3")
"""Beside 127.0.0.1: a host each."""
PATIENCE_S: Final = 60.0

_PROGRAMS: Final = ("unshare", "nsenter", "ip")
_BEGIN: Final = """
set -e
ip link set lo up
for address in {addresses}; do ip addr add $address/8 dev lo; done
{script}
"""


def missing(programs: Sequence[str] = ()) -> str:
    """What there is not here of what is needed; empty if it is all there."""
    if os.geteuid() != 0:
        return "namespaces need root"
    absent = [name for name in (*_PROGRAMS, *programs) if shutil.which(name, path=path()) is None]
    return f"there is no {', '.join(absent)}" if absent else ""


def path() -> str:
    return os.pathsep.join((*os.get_exec_path(), "/usr/sbin", "/sbin"))


def files_with(words: bytes, folder: Path) -> list[str]:
    """Of all in it and below, those that have the words in them."""
    files = [Path(where) / name for where, _, names in os.walk(folder) for name in names]
    return [str(file) for file in files if file.is_file() and words in file.read_bytes()]


def until(holds: Callable[[], bool], limit_s: float = PATIENCE_S) -> float:
    """How long it took, in seconds. Raises TimeoutError after `limit_s`."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > limit_s:
            raise TimeoutError(f"not within {limit_s:g} s")
        time.sleep(0.02)
    return time.monotonic() - began


class Island:
    """`script`: of bash, the first process, which prints `up` when all is there; with it everything ends. `more`:
    variables of all that runs in it."""

    def __init__(self, script: str, more: Mapping[str, str]) -> None:
        self._more = more
        self._outside = subprocess.Popen(
            ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c",
             _BEGIN.format(addresses=" ".join(ADDRESSES), script=script)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment, text=True,
        )  # fmt: skip
        assert self._outside.stdout is not None
        for line in self._outside.stdout:
            if line == "up\n":
                break
        else:
            self.close()
            raise OSError("what is to run there cannot be started")
        children = Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text()
        self._inside = children.split()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._outside.kill()  # and by --kill-child the first process inside, with which all others end
        self._outside.communicate()

    @property
    def environment(self) -> dict[str, str]:
        """Of what runs in it: this process's, without any job of Slurm's that this may run in itself."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SALLOC_"))}
        return {**kept, "PATH": path(), **self._more}

    def inside(self, *words: str) -> list[str]:
        """The command, to be run in it with `environment`."""
        return ["nsenter", f"--target={self._inside}", "--net", "--pid", "--mount", f"--wd={os.getcwd()}", *words]

    def run(self, *words: str) -> str:
        asked = subprocess.run(
            self.inside(*words), env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
        return asked.stdout.strip()

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.inside(*words), env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def processes(self) -> dict[int, str]:
        """Pids as this process sees them, and command lines, of all that runs in it; zombies do not."""
        namespace = os.readlink(f"/proc/{self._inside}/ns/pid")
        found = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/ns/pid") == namespace:
                    line = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if line:
                        found[int(name)] = line
            except OSError:
                continue
        return found

    def pids(self, words: str) -> list[int]:
        """Of those whose command lines have these words."""
        return [pid for pid, line in self.processes().items() if words in line]
