"""What this process has used: CPU, where, context switches, migrations and memory."""

import os
import resource
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from ovbench.common.cgroup import most_throttled, read_throttled, throttle_files
from ovbench.common.clock import NS_PER_S, monotonic_ns
from ovbench.common.messages import MAX_MESSAGE_BYTES, MOST_READINGS, MaskChange, Memory, Usage

from .affinity import Sightings

_MIB: Final = 1 << 20
_COST_TO_REST: Final = 1_000
"""A reading may take a thousandth of a CPU: with many threads they come less often."""

_REST_S: Final = 0.002

_READING_BYTES: Final = 256
_CPU_BYTES: Final = 48
"""What a `Usage` takes on the wire at most: without CPUs, and for each of them."""


class Account:
    """Readings of what this process uses, from just before its load to just after it.

    The load's thread begins and ends it, another one looks in between; each waits for the other. Readings are thinned
    out in long runs, so that there are never more than `most_readings`.
    """

    def __init__(self, control: frozenset[int]) -> None:
        """`control`: threads that do not infer."""
        self._sightings = Sightings(control)
        self._lock = threading.Lock()
        self._files = throttle_files(Path("/"))
        self._throttled = read_throttled(self._files)
        self._readings = Thinned(most_readings(os.cpu_count() or 1))
        self._cost_ns = 0

    def begin(self) -> None:
        with self._lock:
            self._throttled = read_throttled(self._files)
            self._sightings.start()
            self._readings.add(self._reading())

    def look(self) -> None:
        """Take a reading if one is due."""
        with self._lock:
            if self._readings.due(monotonic_ns(), self._cost_ns * _COST_TO_REST):
                before_ns = time.thread_time_ns()
                self._readings.add(self._reading())
                self._cost_ns = time.thread_time_ns() - before_ns

    def end(self) -> None:
        with self._lock:
            self._readings.add(self._reading())

    @property
    def readings(self) -> tuple[Usage, ...]:
        return self._readings.all

    @property
    def seen(self) -> tuple[int, ...]:
        """CPUs that inference threads ran on."""
        return self._sightings.seen

    def mask_changes(self, given: Iterable[int]) -> tuple[MaskChange, ...]:
        """See `Sightings.changes`; after `end`."""
        with self._lock:
            return self._sightings.changes(given, lambda: time.sleep(_REST_S))

    def _reading(self) -> Usage:
        """Totals now. From getrusage: psutil has them in ticks of 10 ms, and switches of the first thread only."""
        self._sightings.look()
        throttled = most_throttled(self._throttled, read_throttled(self._files))
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Usage(
            at_ns=monotonic_ns(),
            user_s=used.ru_utime,
            system_s=used.ru_stime,
            control_s=self._sightings.control_ns / NS_PER_S,
            voluntary_switches=used.ru_nvcsw,
            involuntary_switches=used.ru_nivcsw,
            migrations=self._sightings.migrations,
            cpus=self._sightings.cpus,
            throttled_periods=max(0, throttled.periods),
            throttled_s=max(0.0, throttled.seconds),
        )


def most_readings(cpus: int) -> int:
    """So many fill half a message at most, where threads may have been on so many CPUs: an even number, 4 or more.

    That is 4 MiB / (256 + 48 n) for n CPUs: `MOST_READINGS` up to 165 of them, 168 for 512, 10 for 8,192.
    """
    room = MAX_MESSAGE_BYTES // 2 // (_READING_BYTES + _CPU_BYTES * cpus)
    return max(4, min(MOST_READINGS, room // 2 * 2))


class Thinned:
    """At most so many readings in order, the first and the last always among them: when they become too many, every
    second one is left out, and from then on they are due half as often."""

    def __init__(self, most: int) -> None:
        """`most`: an even number, 4 or more."""
        self._most = most
        self._readings: list[Usage] = []
        self._interval_ns = 0
        self._early_ns = 0

    def due(self, now_ns: int, at_least_ns: int) -> bool:
        """Never before the first. `at_least_ns`: so far apart they must be in any case."""
        interval_ns = max(self._interval_ns - self._early_ns, at_least_ns)
        return bool(self._readings) and now_ns - self._readings[-1].at_ns >= interval_ns

    def add(self, reading: Usage) -> None:
        self._readings.append(reading)
        if len(self._readings) > self._most:
            kept = self._readings[:-1:2]
            self._interval_ns = (kept[-1].at_ns - kept[0].at_ns) // (len(kept) - 1)
            # Heartbeats come a little early or late: by a quarter of one, that is an eighth of two, is on time.
            self._early_ns = self._early_ns or self._interval_ns // 8
            self._readings = [*kept, reading]

    @property
    def all(self) -> tuple[Usage, ...]:
        return tuple(self._readings)


def memory() -> Memory:
    process = psutil.Process()
    info = process.memory_full_info()
    return Memory(
        rss_mb=info.rss / _MIB,
        pss_mb=info.pss / _MIB,
        private_mb=info.uss / _MIB,
        peak_rss_mb=max(peak_mb(), info.rss / _MIB),  # the kernel's peak is a little behind
    )


def peak_mb() -> float:
    """The most memory that was resident at a time so far, MiB (getrusage has it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class CpuTime:
    """What this process has used from one instant on, to another once that has come. Never less than was read before,
    also where the end comes while another thread reads."""

    def __init__(self) -> None:
        self._begun_ns = 0
        self._ended_ns: int | None = None
        self._read_ns = 0

    def begin(self) -> None:
        self._begun_ns = time.process_time_ns()

    def end(self) -> None:
        if self._ended_ns is None:
            self._ended_ns = time.process_time_ns()

    def read_s(self) -> float:
        now_ns = time.process_time_ns() if self._ended_ns is None else self._ended_ns
        self._read_ns = max(self._read_ns, now_ns - self._begun_ns)
        return self._read_ns / NS_PER_S
