"""What this process has used: CPU, context switches, migrations and memory."""

import resource
from pathlib import Path

import psutil

from ovbench.common.clock import NS_PER_S, monotonic_ns
from ovbench.common.messages import Memory, Usage

from .placement import thread_ids

_TASKS = Path("/proc/self/task")
_MIB = 1 << 20


def usage(control: frozenset[int]) -> Usage:
    """Totals now. Context switches are of all threads (psutil's are of the first one only), so from getrusage."""
    times = psutil.Process().cpu_times()
    switches = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(
        at_ns=monotonic_ns(),
        user_s=times.user,
        system_s=times.system,
        control_s=sum(_run_ns(thread_id) for thread_id in control) / NS_PER_S,
        voluntary_switches=switches.ru_nvcsw,
        involuntary_switches=switches.ru_nivcsw,
        migrations=_migrations(thread_ids() - control),
    )


def memory() -> Memory:
    process = psutil.Process()
    info = process.memory_full_info()
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Memory(
        rss_mb=info.rss / _MIB,
        pss_mb=info.pss / _MIB,
        private_mb=info.uss / _MIB,
        peak_rss_mb=peak_kib / 1024,
    )


def _run_ns(thread_id: int) -> int:
    """Time on a CPU: the first field of schedstat, in ns (kernel Documentation/scheduler/sched-stats.rst)."""
    try:
        return int((_TASKS / str(thread_id) / "schedstat").read_text().split()[0])
    except (OSError, ValueError, IndexError):
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
