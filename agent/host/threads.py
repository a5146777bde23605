"""The threads of this process as the kernel reports them: their time, CPUs and migrations. Cheap to read: ids are
enough, and no file is read that is not needed.
"""

import os
import time
from typing import Final

_TASKS: Final = "/proc/self/task"
_PER_THREAD: Final = 4  # CPUCLOCK_PERTHREAD_MASK
_SCHEDULED: Final = 2  # CPUCLOCK_SCHED
_STAT_BYTES: Final = 1024
_SCHED_BYTES: Final = 8192


def thread_ids() -> frozenset[int]:
    """The threads of this process."""
    return frozenset(int(name) for name in os.listdir(_TASKS))


def run_ns(thread_id: int) -> int:
    """Time on a CPU, by the thread's own clock: its number is made as in the kernel's include/linux/posix-timers.h.

    0 for a thread that has ended.
    """
    try:
        return time.clock_gettime_ns(~thread_id << 3 | _PER_THREAD | _SCHEDULED)
    except OSError:
        return 0


def mask_of(thread_id: int) -> frozenset[int]:
    """The CPUs that a thread may run on; none for one that has ended."""
    try:
        return frozenset(os.sched_getaffinity(thread_id))
    except ProcessLookupError:
        return frozenset()


def last_cpu(thread_id: int) -> int | None:
    """The CPU that a thread runs or last ran on: field 39 of /proc/.../stat, proc(5). None for one that has ended."""
    try:
        text = _read(f"{_TASKS}/{thread_id}/stat", _STAT_BYTES)
    except OSError:
        return None
    return int(text.rpartition(b")")[2].split()[36])


def migrations(thread_id: int) -> int | None:
    """Moves between CPUs by the scheduler's count, 0 for a thread that ended; None where the kernel does not say."""
    try:
        text = _read(f"{_TASKS}/{thread_id}/sched", _SCHED_BYTES)
    except ProcessLookupError:
        return 0
    except FileNotFoundError:
        return None if os.path.exists(f"{_TASKS}/{thread_id}") else 0
    except OSError:
        return None
    _, found, rest = text.partition(b"se.nr_migrations")
    return int(rest.partition(b"\n")[0].rpartition(b":")[2]) if found else None


def _read(name: str, size: int) -> bytes:
    """The start of a file of /proc, which gives so much at once; half the cost of Python's own files."""
    file = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, size)
    finally:
        os.close(file)
