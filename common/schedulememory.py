"""The instants at which inferences are due, in memory that a coordinator, or a host's supervisor, shares with agents.

It is a memfd: a file without a name, which is gone when the last process that has it open or mapped has ended, however
that ended. Agents open it through /proc/PID/fd, which takes the same user and the same PID namespace. It is sealed
against any change of its size, so that no access to it can fail later, and it begins with bits that only this run has.

Layout, in words of 8 bytes: 0 and 1 the nonce, 2 how many instants there are; on cache lines of its own the number of
the next arrival that nobody has taken; from FIRST on the instants, int64 ns since the window's start.
"""

import contextlib
import fcntl
import mmap
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .errors import UsageError
from .job import ScheduleAddress

Int64s = npt.NDArray[np.int64]

NEXT: Final = 32
FIRST: Final = 64
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW


@dataclass(frozen=True)
class ScheduleMemory:
    """`memory`: int64 [FIRST + count], shared by all that have it; whoever uses their address keeps this object."""

    memory: Int64s

    @property
    def offsets_ns(self) -> Int64s:
        """The instants, int64 [count], ns since the window's start."""
        return self.memory[FIRST:]

    @property
    def next_address(self) -> int:
        """Of the number of the next arrival, for all that share one queue."""
        return int(self.memory.ctypes.data) + 8 * NEXT

    @property
    def taken(self) -> int:
        """The number of the next arrival; agents take some beyond the last."""
        return int(self.memory[NEXT])


class SharedSchedule:
    """Memory for `count` instants, at least one, until it is closed, and then until its last user has ended."""

    def __init__(self, count: int) -> None:
        """Raises UsageError where there is not that much memory."""
        nonce = secrets.token_bytes(16)
        self._descriptor = os.memfd_create("ovbench-schedule", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        size = 8 * (FIRST + count)
        try:
            os.posix_fallocate(self._descriptor, 0, size)
        except OSError as error:
            self.close()
            raise UsageError(
                f"There is no memory for a schedule of {count:,} arrivals ({error.strerror}); "
                "lower the rate, or measure for a shorter time"
            ) from None
        self._words = np.frombuffer(mmap.mmap(self._descriptor, size), np.int64)
        self._words[:2] = np.frombuffer(nonce, np.int64)
        self._words[2] = count
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self.address = ScheduleAddress(os.getpid(), self._descriptor, count, nonce.hex())

    @property
    def offsets_ns(self) -> Int64s:
        """To be written before anybody has the address: int64 [count], ns since the window's start."""
        return self._words[FIRST:]

    def close(self) -> None:
        os.close(self._descriptor)


@contextlib.contextmanager
def share_schedule(offsets_ns: Int64s) -> Iterator[ScheduleAddress]:
    """Memory with these instants, as long as the context lasts: see `SharedSchedule`."""
    shared = SharedSchedule(len(offsets_ns))
    try:
        shared.offsets_ns[:] = offsets_ns
        yield shared.address
    finally:
        shared.close()


def open_schedule(address: ScheduleAddress) -> ScheduleMemory:
    """That of another process. Raises UsageError where it cannot be had, or is another."""
    size = 8 * (FIRST + address.count)
    try:
        descriptor = os.open(f"/proc/{address.pid}/fd/{address.descriptor}", os.O_RDWR | os.O_CLOEXEC)
        try:
            sealed = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
            if sealed & _SEALS != _SEALS or os.fstat(descriptor).st_size != size:
                raise UsageError(_NOT_HERE.format("another file is there"))
            words = np.frombuffer(mmap.mmap(descriptor, size), np.int64)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UsageError(_NOT_HERE.format(error.strerror)) from None
    if words[:2].tobytes().hex() != address.nonce or words[2] != address.count:
        raise UsageError(_NOT_HERE.format("it is of another run"))
    return ScheduleMemory(words)


_NOT_HERE: Final = (
    "This agent cannot have the coordinator's schedule of arrivals in memory ({}): start it by the same user and in "
    "the same PID namespace, or limit the rate with -max_irate"
)
