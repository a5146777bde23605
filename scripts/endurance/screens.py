"""A command on a pseudo-terminal of its own, as its foreground job, and what must be true when it has ended."""

import contextlib
import os
import pty
import select
import signal
import sys
import termios
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))
_MARK: Final = "OVBENCH_SOAK_MARK"
_HIDE: Final = b"\x1b[?25l"
_SHOW: Final = b"\x1b[?25h"


class Screen:
    """The terminal, the process in its foreground, and all that was shown."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.shown = b""
        self.status: int | None = None
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                os.environ.update({"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40", _MARK: self.mark})
                os.execvp(words[0], list(words))
            finally:
                os._exit(127)
        self._modes = termios.tcgetattr(self._master)

    def press(self, keys: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._master, keys)

    def read(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """As a terminal does, for so long, or until something is true or the process ends; whether it is true."""
        deadline = time.monotonic() + seconds
        while not until() and not self.ended and (left_s := deadline - time.monotonic()) > 0:
            self._read(min(left_s, 0.05))
        return until()

    def show(self, text: bytes, seconds: float) -> bool:
        return self.read(seconds, lambda: text in self.shown)

    def wait(self, seconds: float) -> bool:
        """Whether it ended in time; reads on meanwhile."""
        self.read(seconds)
        while self._read(0.0):
            continue
        return self.ended

    @property
    def ended(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def hang_up(self) -> None:
        """As a window that is closed."""
        os.close(self._master)
        self._master = -1

    def restored(self) -> str:
        """What is wrong with the terminal; empty if it is as it was."""
        if self.shown.rfind(_HIDE) > self.shown.rfind(_SHOW):
            return "the cursor is hidden"
        return "" if termios.tcgetattr(self._master) == self._modes else "the terminal's modes are others"

    def left(self, seconds: float) -> list[int]:
        """Processes that descend from it and are still there after that long."""
        deadline = time.monotonic() + seconds
        while (found := _marked(self.mark)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def close(self) -> None:
        for pid in _marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.status is None:
            os.waitpid(self.pid, 0)
        if self._master >= 0:
            os.close(self._master)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # nobody has the other end any more
            time.sleep(min(seconds, 0.01))
            return False
        self.shown += data
        return bool(data)


def _marked(mark: str) -> list[int]:
    """Processes that have it in their environment; a zombie has none."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with contextlib.suppress(OSError):
                if wanted in Path("/proc", entry, "environ").read_bytes():
                    found.append(int(entry))
    return found
