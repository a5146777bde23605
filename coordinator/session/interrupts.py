"""Ctrl-C, SIGTERM and a hang-up: what a handler of them may do, which is to note, to kill and to leave.

Python runs a handler in the middle of whatever the main thread was doing, so a lock may be held that is never let go:
nothing here waits for one.
"""

import contextlib
import os
import signal
import sys
import termios
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from ovbench.common.errors import ExitCode

_SHOW_CURSOR: Final = b"\x1b[?25h"
_RESTORING_S: Final = 0.2

_SAME_END_S: Final = 1.0
"""`timeout` and some supervisors send SIGTERM to a process and to its group: that is one wish, not two."""


class Interrupts:
    """At first Ctrl-C is a KeyboardInterrupt, as there is nothing to lose. While a run is attended, the first one, a
    SIGTERM or a hang-up asks for an end with what was measured so far. A second Ctrl-C, or a later SIGTERM, is an end.

    A terminal that closes sends more than one hang-up, and nobody asks for anything with it: it never is a second one.
    """

    def __init__(self) -> None:
        self.asked = False
        self._asked_s = 0.0
        self._attended = False
        self._kill: Callable[[], None] = lambda: None
        self.fd = -1
        """While a run is attended: can be read when a signal has come."""

    def listen(self) -> None:
        """Hear Ctrl-C from now on, in the main thread."""
        signal.signal(signal.SIGINT, self._received)
        # Where Python cannot pass an exception on, as in what an import runs when it ends, it prints and goes on.
        sys.unraisablehook = self._could_not_be_raised

    def attend(self, kill: Callable[[], None]) -> None:
        """From now on a signal is noted. `kill` ends what was started, without a lock and soon, before a second one
        ends this process."""
        self._kill = kill
        self._attended = True
        # Not before: where standard streams are closed, what is opened first would get their numbers.
        self.fd, write = os.pipe()
        for end in (self.fd, write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self.listen()
        signal.signal(signal.SIGTERM, self._received)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup's word
            signal.signal(signal.SIGHUP, self._received)

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self.asked and self._is_second(number):
            self._leave()
        if not self.asked:
            self.asked, self._asked_s = True, time.monotonic()
            if not self._attended:
                raise KeyboardInterrupt

    def _could_not_be_raised(self, problem: "sys.UnraisableHookArgs") -> None:
        if issubclass(problem.exc_type, KeyboardInterrupt):
            self._leave()
        sys.__unraisablehook__(problem)

    def _is_second(self, number: int) -> bool:
        if number == signal.SIGTERM:
            return time.monotonic() - self._asked_s > _SAME_END_S
        return number == signal.SIGINT

    def _leave(self) -> None:
        try:
            self._kill()
            if self._attended:
                show_cursor()
        finally:
            os._exit(ExitCode.INTERRUPTED)


def show_cursor() -> None:
    """On the terminal that is written to, if there is one and it takes it soon; one that Ctrl-S stopped goes on."""
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    for fd in (1, 2):
        with contextlib.suppress(OSError, termios.error):
            _show_cursor(os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK))
            return


def _show_cursor(terminal: int) -> None:
    # Only what was stopped by this call is started by the next, and it takes along what Ctrl-S had stopped.
    termios.tcflow(terminal, termios.TCOOFF)
    termios.tcflow(terminal, termios.TCOON)
    deadline_s = time.monotonic() + _RESTORING_S
    while time.monotonic() < deadline_s:
        try:
            os.write(terminal, _SHOW_CURSOR)
            return
        except BlockingIOError:
            time.sleep(0.005)
