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
