"""Where this process's threads may run, and where they did: set, and read back from the kernel."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ovbench.common.clock import NS_PER_S
from ovbench.common.cpulist import format_cpu_list
from ovbench.common.errors import UsageError
from ovbench.common.messages import MaskChange, OnCpu

from . import threads
from .threads import mask_of

_LOOKS_AT_REST: Final = 500
"""For a second: on a machine that is busy with other things, a thread may not be run for so long."""


def pin(thread_id: int, cpus: Iterable[int]) -> None:
    """Set a thread's affinity; 0 is the calling thread. Raises OSError where no CPU of `cpus` may be used."""
    os.sched_setaffinity(thread_id, set(cpus))


def pin_exactly(cpus: Sequence[int]) -> None:
    """Pin the calling thread, and read back what came of it: a cpuset narrows a mask without a word (cpuset(7)).

    Raises UsageError where it is not what was asked for.
    """
    try:
        pin(0, cpus)
        allowed = mask_of(0)
    except OSError:
        allowed = frozenset()
    missing = set(cpus) - allowed
    if missing:
        left = f"only {format_cpu_list(allowed)} of them" if allowed else "none of them"
        raise UsageError(
            f"CPUs {format_cpu_list(cpus)} were asked for, but the system allows the agent {left} (a cpuset of its "
            "control group, or CPUs that went offline?); use --cpus with those that it may use, or widen the cpuset"
        )


def pin_all(threads: Iterable[int], cpus: Sequence[int]) -> frozenset[int]:
    """Pin some threads as far as the system allows; returns those of `cpus` that were refused to any of them."""
    refused: set[int] = set()
    for thread_id in threads:
        try:
            pin(thread_id, cpus)
            refused |= set(cpus) - mask_of(thread_id)
        except ProcessLookupError:
            continue
        except OSError:
            refused |= set(cpus)
    return frozenset(refused)


def mask(threads: Iterable[int]) -> tuple[int, ...]:
    """The union of the affinity masks of these threads; those that have ended are left out."""
    return tuple(sorted(frozenset[int]().union(*map(mask_of, threads))))


class Threads(Protocol):
    """What `Sightings` asks of the threads; the module `threads` has it of this process."""

    def thread_ids(self) -> frozenset[int]: ...
    def run_ns(self, thread_id: int, /) -> int: ...
    def mask_of(self, thread_id: int, /) -> frozenset[int]: ...
    def last_cpu(self, thread_id: int, /) -> int | None: ...
    def migrations(self, thread_id: int, /) -> int | None: ...


@dataclass
class _Thread:
    """One as it was when last looked at. `first_mask`: when first seen."""

    control: bool
    run_ns: int
    first_mask: frozenset[int]
    migrations: int | None


@dataclass
class _Spent:
    load_ns: int = 0
    control_ns: int = 0


@dataclass
class Sightings:
    """Where the threads of this process ran from `start` on, and whether somebody moved them.

    Between two looks a thread's time is that of the one CPU it may use, or else of the one it ran on last. Threads that
    did not run cost next to nothing to look at.
    """

    control: frozenset[int]
    """Threads that do not infer."""
    of: Threads = threads
    _threads: dict[int, _Thread] = field(default_factory=dict)
    _spent: dict[int, _Spent] = field(default_factory=dict)
    _ended_migrations: int = 0
    _ended_control_ns: int = 0

    def start(self) -> None:
        """Forget what was seen: what ran until now does not count."""
        self._spent.clear()
        self._threads.clear()
        self._ended_migrations = self._ended_control_ns = 0
        for thread_id in self.of.thread_ids():
            self._add(thread_id, self.of.run_ns(thread_id))

    def look(self) -> None:
        alive = self.of.thread_ids()
        for thread_id in self._threads.keys() - alive:
            self._end(thread_id)
        for thread_id in alive:
            now_ns = self.of.run_ns(thread_id)
            if now_ns == 0:  # it has ended meanwhile, or not begun
                continue
            known = self._threads.get(thread_id)
            if known is not None and now_ns < known.run_ns:  # another with the number of one that has ended
                self._end(thread_id)
                known = None
            if known is None:
                known = self._add(thread_id, 0)
            if now_ns > known.run_ns:
                self._attribute(thread_id, known, now_ns - known.run_ns)
                known.run_ns = now_ns
                known.migrations = None if known.control else self.of.migrations(thread_id)

    @property
    def cpus(self) -> tuple[OnCpu, ...]:
        """Time by CPU since the start."""
        return tuple(
            OnCpu(cpu, spent.load_ns / NS_PER_S, spent.control_ns / NS_PER_S)
            for cpu, spent in sorted(self._spent.items())
        )

    @property
    def seen(self) -> tuple[int, ...]:
        """CPUs that inference threads ran on."""
        return tuple(sorted(cpu for cpu, spent in self._spent.items() if spent.load_ns > 0))

    @property
    def control_ns(self) -> int:
        """What the control threads have run in all, also before the start, and those that have ended since."""
        return self._ended_control_ns + sum(thread.run_ns for thread in self._threads.values() if thread.control)

    @property
    def migrations(self) -> int | None:
        """Of inference threads, in all; None where the kernel does not report it."""
        counts = [thread.migrations for thread in self._threads.values() if not thread.control]
        known = [count for count in counts if count is not None]
        return sum(known) + self._ended_migrations if len(known) == len(counts) else None

    def changes(self, given: Iterable[int], wait: Callable[[], None]) -> tuple[MaskChange, ...]:
        """Threads whose mask is another than at the start; to be asked for when the load has ended.

        While it infers, OpenVINO pins a thread to one CPU of those `given` to the agent, and lets go of it soon after:
        a thread that infers may have all that was given, and one that has less is looked at again after `wait()`,
        some times. What OpenVINO's own pinning undid under way is not seen.
        """
        rest = self._changed(frozenset(given))
        for _ in range(_LOOKS_AT_REST):
            if not any(not change.control for change in rest):
                break
            wait()
            rest = self._changed(frozenset(given))
        return rest

    def _changed(self, given: frozenset[int]) -> tuple[MaskChange, ...]:
        found = []
        for thread_id, thread in sorted(self._threads.items()):
            now = self.of.mask_of(thread_id)
            as_given = now == given and not thread.control
            if now and now != thread.first_mask and not as_given:
                before = given if thread.first_mask < given and not thread.control else thread.first_mask
                found.append(MaskChange(thread_id, thread.control, tuple(sorted(before)), tuple(sorted(now))))
        return tuple(found)

    def _add(self, thread_id: int, run_ns: int) -> _Thread:
        control = thread_id in self.control
        count = None if control else self.of.migrations(thread_id)
        thread = _Thread(control, run_ns, self.of.mask_of(thread_id), count)
        self._threads[thread_id] = thread
        return thread

    def _end(self, thread_id: int) -> None:
        thread = self._threads.pop(thread_id)
        self._ended_migrations += thread.migrations or 0
        self._ended_control_ns += thread.run_ns if thread.control else 0

    def _attribute(self, thread_id: int, thread: _Thread, ran_ns: int) -> None:
        mask = self.of.mask_of(thread_id)
        cpu = next(iter(mask)) if len(mask) == 1 else self.of.last_cpu(thread_id)
        if cpu is None:
            return
        spent = self._spent.setdefault(cpu, _Spent())
        if thread.control:
            spent.control_ns += ran_ns
        else:
            spent.load_ns += ran_ns
