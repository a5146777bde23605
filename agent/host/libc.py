"""Addresses of C functions, which compiled loops call by these."""

import ctypes as c
from typing import Any


def address(function: Any) -> int:
    """The address of a C function."""
    value = c.cast(function, c.c_void_p).value
    assert value is not None
    return value


def clock_addresses() -> tuple[int, int]:
    """clock_gettime and clock_nanosleep."""
    libc = c.CDLL(None)
    return address(libc.clock_gettime), address(libc.clock_nanosleep)


def semaphore_addresses() -> tuple[int, int]:
    """sem_post and sem_wait."""
    libc = c.CDLL(None)
    return address(libc.sem_post), address(libc.sem_wait)


def memcpy_address() -> int:
    return address(c.CDLL(None).memcpy)


def start_writing(descriptor: int, offset: int, count: int) -> None:
    """Have the kernel begin to put this part of a file on the disk (sync_file_range(2), SYNC_FILE_RANGE_WRITE), without
    waiting for it; where it cannot, that is left to a later fsync."""
    c.CDLL(None).sync_file_range(descriptor, c.c_int64(offset), c.c_int64(count), c.c_uint(2))


def function_address(name: str) -> int:
    """Of a function of libc or libm."""
    try:
        return address(getattr(c.CDLL(None), name))
    except AttributeError:
        return address(getattr(c.CDLL("libm.so.6"), name))
