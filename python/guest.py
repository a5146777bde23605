"""A run inside a program that is not ours, such as a notebook: what it changes in the process, it puts back."""

import contextlib
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

from ovbench.common.errors import UsageError
from ovbench.coordinator.session.interrupts import Interrupts

from .errors import Interrupted

_alone: Final = threading.Lock()
"""Two runs at once would measure each other."""


@contextlib.contextmanager
def guest() -> Iterator["GuestInterrupts"]:
    """Raises UsageError while another run of this process is under way. Ctrl-C in it is Interrupted."""
    if not _alone.acquire(blocking=False):
        raise UsageError("another run or study is under way in this process, and each would disturb the other; wait")
    try:
        with _as_it_was() as interrupts:
            yield interrupts
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted from None
    finally:
        _alone.release()


@contextlib.contextmanager
def _as_it_was() -> Iterator["GuestInterrupts"]:
    """Ctrl-C may come in each step of the clean-up, and the others are done all the same."""
    interrupts = GuestInterrupts()
    masks, files = _masks(), resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield interrupts
    finally:
        try:
            interrupts.close()
        finally:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, files)
            finally:
                _restore(masks)


class GuestInterrupts(Interrupts):
    """While a run is attended, the first Ctrl-C asks for an end with what was measured so far. The second one ends the
    agents and raises KeyboardInterrupt. Other signals stay the program's own; so does Ctrl-C where the run is not in
    the main thread, where Python has no handlers, or where it is ignored."""

    _before: Any = None
    _write: int = -1

    def attend(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        if self.fd < 0:
            self.fd, self._write = os.pipe()
            for end in (self.fd, self._write):
                os.set_blocking(end, False)
        main = threading.current_thread() is threading.main_thread()
        # None: a handler that was not set from Python, and could not be put back.
        if main and self._before is None and signal.getsignal(signal.SIGINT) not in (None, signal.SIG_IGN):
            self._before = signal.signal(signal.SIGINT, self._received)

    def close(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
        for end in (self.fd, self._write):
            if end >= 0:
                os.close(end)
        self.fd = self._write = -1

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self._kill()
            raise KeyboardInterrupt
        self.asked = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"\0")


def _masks() -> dict[int, set[int]]:
    """The affinity of each thread."""
    found: dict[int, set[int]] = {}
    for thread in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(ProcessLookupError):
            found[thread] = os.sched_getaffinity(thread)
    return found


def _restore(masks: dict[int, set[int]]) -> None:
    """Threads that are new have that of the one that began the run."""
    own = masks[threading.get_native_id()]
    for thread in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(OSError):  # it has ended, or its CPUs have been taken away
            os.sched_setaffinity(thread, masks.get(thread, own))
