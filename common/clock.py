"""The one clock of every figure: CLOCK_MONOTONIC in nanoseconds, which all processes of a host share.

Beside it the time of day, which names results and is never subtracted.
"""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the time in nanoseconds; tests pass their own."""

monotonic_ns: Clock = time.monotonic_ns

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1_000


def utc_text() -> str:
    """Now, as in `2025-01-02T03:04:05Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def to_ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
