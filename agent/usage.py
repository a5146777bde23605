"""What this process has used: CPU, context switches, migrations and memory."""

import resource
import time
from pathlib import Path

import psutil

from ovbench.common.clock import NS_PER_S, monotonic_ns
from ovbench.common.messages import Memory, Usage

from .placement import thread_ids

_TASKS = Path("/proc/self/task")
_MIB = 1 << 20
_PER_THREAD = 4  # CPUCLOCK_PERTHREAD_MASK
_SCHEDULED = 2  # CPUCLOCK_SCHED


def usage(control: frozenset[int]) -> Usage:
    """Totals now. From getrusage: psutil has the same in ticks of 10 ms, and switches of the first thread only."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(
        at_ns=monotonic_ns(),
        user_s=used.ru_utime,
        system_s=used.ru_stime,
        control_s=sum(_run_ns(thread_id) for thread_id in control) / NS_PER_S,
        voluntary_switches=used.ru_nvcsw,
        involuntary_switches=used.ru_nivcsw,
        migrations=_migrations(thread_ids() - control),
    )


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


def _run_ns(thread_id: int) -> int:
    """Time on a CPU, by the thread's own clock: its number is made as in the kernel's include/linux/posix-timers.h."""
    try:
        return time.clock_gettime_ns(~thread_id << 3 | _PER_THREAD | _SCHEDULED)
    except OSError:
        return 0


def _migrations(threads: frozenset[int]) -> int | None:
    """Moves between CPUs by the scheduler's count; None where the kernel does not tell."""
    total = 0
    for thread_id in threads:
        try:
            text = (_TASKS / str(thread_id) / "sched").read_text()
        except FileNotFoundError:
            if not (_TASKS / str(thread_id)).exists():
                continue
            return None
        except OSError:
            return None
        for line in text.splitlines():
            if line.startswith("se.nr_migrations"):
                total += int(line.rpartition(":")[2])
                break
    return total
