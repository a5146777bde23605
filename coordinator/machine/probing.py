"""What a CPU gives a thread that has it to itself: its plain speed, how late it wakes, and what is taken from it.

Measured in this process, which moves from CPU to CPU and is back where it was in the end. Nothing else of ovbench may
run meanwhile.
"""

import contextlib
import gc
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ovbench.common.clock import NS_PER_MS, NS_PER_US, monotonic_ns
from ovbench.common.topology import Topology

from ..result.calibration import CpuProbe

MOST_CPUS: Final = 8
"""Of a large machine some, spread over it: each takes `CPU_S`."""

CPU_S: Final = 0.6
_HASH_NS: Final = 100 * NS_PER_MS
_WAKE_NS: Final = 250 * NS_PER_MS
_SPIN_NS: Final = 250 * NS_PER_MS
_PIECE: Final = bytes(32 * 1024)
"""Within any first cache."""
_STEP_NS: Final = NS_PER_MS
_GAP_NS: Final = 20 * NS_PER_US
"""A thread of Python that reads the clock over and over does so every 0.1 us; an interrupt takes a few."""
_READINGS: Final = 2000
_SLACK: Final = Path("/proc/self/timerslack_ns")
_CLOCK_SOURCE: Final = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def chosen_cpus(topology: Topology) -> tuple[int, ...]:
    """One of each core, spread over the machine."""
    firsts = [core[0] for core in topology.usable_cores]
    if len(firsts) <= MOST_CPUS:
        return tuple(firsts)
    return tuple(firsts[index * len(firsts) // MOST_CPUS] for index in range(MOST_CPUS))


def probe(cpu: int) -> CpuProbe:
    """Raises OSError where this process may not run on it."""
    with _alone_on(cpu):
        hash_mb_per_s = _hash_mb_per_s()
        late_ns = sorted(_lateness_ns())
        taken_ns, longest_ns = _gaps_ns()
    return CpuProbe(
        hash_mb_per_s=hash_mb_per_s,
        late_median_us=_at(late_ns, 0.5) / NS_PER_US,
        late_p99_us=_at(late_ns, 0.99) / NS_PER_US,
        late_max_us=late_ns[-1] / NS_PER_US,
        taken_percent=100 * taken_ns / _SPIN_NS,
        longest_gap_us=longest_ns / NS_PER_US,
    )


def clock_source() -> str:
    try:
        return _CLOCK_SOURCE.read_text().strip()
    except OSError:
        return ""


def clock_read_ns() -> float:
    """The fastest of many readings, so what the clock costs and not what was in the way."""
    stamps = [monotonic_ns() for _ in range(_READINGS)]
    block = 100
    return min((after - before) / block for before, after in zip(stamps, stamps[block:], strict=False))


@contextlib.contextmanager
def _alone_on(cpu: int) -> Iterator[None]:
    """This thread, with timers as exact as the kernel has them."""
    before, slack = os.sched_getaffinity(0), _slack()
    os.sched_setaffinity(0, {cpu})
    collecting = gc.isenabled()
    gc.disable()
    _set_slack("1")
    try:
        yield
    finally:
        _set_slack(slack)
        if collecting:
            gc.enable()
        os.sched_setaffinity(0, before)


def _slack() -> str:
    try:
        return _SLACK.read_text().strip()
    except OSError:
        return ""


def _set_slack(ns: str) -> None:
    if ns:
        with contextlib.suppress(OSError):
            _SLACK.write_text(ns)


def _hash_mb_per_s() -> float:
    """By the fastest piece: whoever shares the CPU does not slow that down, a lower clock does."""
    end_ns = monotonic_ns() + _HASH_NS
    best_ns = _HASH_NS
    while (before_ns := monotonic_ns()) < end_ns:
        hashlib.blake2b(_PIECE).digest()
        best_ns = min(best_ns, monotonic_ns() - before_ns)
    return len(_PIECE) / best_ns * 1000


def _lateness_ns() -> list[int]:
    """Absolute instants, so that one that is late makes no other late, unless it passes it. One at least, however long
    the process was stopped meanwhile."""
    due_ns = monotonic_ns() + _STEP_NS
    end_ns = due_ns + _WAKE_NS
    found: list[int] = []
    while due_ns < end_ns or not found:
        now_ns = monotonic_ns()
        if now_ns < due_ns:
            time.sleep((due_ns - now_ns) / 1e9)
            now_ns = monotonic_ns()
            found.append(max(0, now_ns - due_ns))
        due_ns = max(due_ns + _STEP_NS, now_ns)
    return found


def _gaps_ns() -> tuple[int, int]:
    """How much of the time it did not run, and the longest that it did not."""
    taken_ns = longest_ns = 0
    last_ns = monotonic_ns()
    end_ns = last_ns + _SPIN_NS
    while last_ns < end_ns:
        now_ns = monotonic_ns()
        gap_ns = now_ns - last_ns
        if gap_ns > _GAP_NS:
            taken_ns += gap_ns
            longest_ns = max(longest_ns, gap_ns)
        last_ns = now_ns
    return min(taken_ns, _SPIN_NS), longest_ns


def _at(ordered: Sequence[int], share: float) -> int:
    """The nearest rank."""
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]
