"""Where this process's threads may run, and where they did: set, and read back from the kernel."""

import os
from collections.abc import Iterable
from pathlib import Path

_TASKS = Path("/proc/self/task")


def thread_ids() -> frozenset[int]:
    """The threads of this process."""
    return frozenset(int(name) for name in os.listdir(_TASKS))


def pin(thread_id: int, cpus: Iterable[int]) -> None:
    """Set a thread's affinity; 0 is the calling thread. Raises OSError where no CPU of `cpus` may be used."""
    os.sched_setaffinity(thread_id, set(cpus))


def mask(threads: Iterable[int]) -> tuple[int, ...]:
    """The union of the affinity masks of these threads; those that have ended are left out."""
    cpus: set[int] = set()
    for thread_id in threads:
        try:
            cpus |= os.sched_getaffinity(thread_id)
        except ProcessLookupError:
            continue
    return tuple(sorted(cpus))


class Sightings:
    """The CPUs on which threads were seen to have run since the last look (field 39 of /proc/.../stat, proc(5))."""

    def __init__(self, control: frozenset[int]) -> None:
        """`control`: threads that do not infer."""
        self._control = control
        self._ticks: dict[int, int] = {}
        self.cpus: set[int] = set()

    def start(self) -> None:
        """Forget what was seen: what ran until now does not count."""
        self.cpus.clear()
        self._ticks = {thread_id: ticks for thread_id, ticks, _ in self._look()}

    def look(self) -> None:
        for thread_id, ticks, cpu in self._look():
            if ticks > self._ticks.get(thread_id, 0):
                self.cpus.add(cpu)
            self._ticks[thread_id] = ticks

    def _look(self) -> list[tuple[int, int, int]]:
        """(thread, clock ticks used, CPU) of each inference thread."""
        found = []
        for thread_id in thread_ids() - self._control:
            try:
                text = (_TASKS / str(thread_id) / "stat").read_text()
            except OSError:
                continue
            fields = text.rpartition(")")[2].split()
            found.append((thread_id, int(fields[11]) + int(fields[12]), int(fields[36])))
        return found
