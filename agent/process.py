"""What an agent asks of the kernel for its process: to die with its parent, and to be woken on time."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_TIMERSLACK = 29


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies; if it is dead already, end here.

    The signal follows the *thread* that started this process: a parent starts agents from its main thread.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def wake_on_time() -> None:
    """Let timers of this thread, and of those it starts, end when they are due: by default they may be 50 us late."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
