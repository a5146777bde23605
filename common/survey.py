"""When neighbours and sensors are read: within a CPU budget, and never where the load begins."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from .clock import NS_PER_MS, NS_PER_S, Clock, monotonic_ns
from .neighbours import Neighbours
from .sensors import Sensors

SHARE: Final = 0.0005
"""Of one CPU, for neighbours and sensors each. A hundred processes take 2 ms, and so are read every 4 s."""

LEAST_NS: Final = NS_PER_S
MOST_NS: Final = 30 * NS_PER_S
"""Between readings that are cheap, at the beginning and in a long run: an energy counter starts again in minutes."""

READINGS: Final = 256
"""About as many cover a run, so that its edges are known to 1/256 of it and little is kept."""

AFTER_START_NS: Final = 100 * NS_PER_MS
QUICK_NS: Final = 10 * NS_PER_MS
"""Agents that have warmed up are not to cool down before they start."""

_TOGETHER_NS: Final = 250 * NS_PER_MS


@dataclass
class Cadence:
    """Spaces readings so that they take at most `share` of one CPU."""

    share: float
    first_ns: int | None = None
    last_ns: int = 0
    next_ns: int = 0
    cost_ns: int = 0

    def took(self, now_ns: int, cost_ns: int) -> None:
        self.first_ns = now_ns if self.first_ns is None else self.first_ns
        self.last_ns, self.cost_ns = now_ns, cost_ns
        usual_ns = min(MOST_NS, max(LEAST_NS, (now_ns - self.first_ns) // READINGS))
        self.next_ns = now_ns + max(usual_ns, round(cost_ns / self.share))


@dataclass
class Survey:
    """`cpu_clock`: the CPU time of the thread that reads, in ns."""

    neighbours: Neighbours
    sensors: Sensors
    clock: Clock = monotonic_ns
    cpu_clock: Clock = time.thread_time_ns
    _processes: Cadence = field(default_factory=lambda: Cadence(share=SHARE))
    _hardware: Cadence = field(default_factory=lambda: Cadence(share=SHARE))
    _held_ns: int = 0
    _ended: bool = False

    def begin(self, ours: Iterable[int]) -> None:
        """All agents wait. The first reading covers every thread; another is taken only where that is quick."""
        if self._processes.first_ns is None or self._processes.cost_ns <= QUICK_NS:
            self._take(self._processes, lambda now_ns: self.neighbours.read(now_ns, ours))
        if self._hardware.first_ns is None or self._hardware.cost_ns <= QUICK_NS:
            self._take(self._hardware, self.sensors.read)

    def hold(self, start_ns: int) -> None:
        """The load begins at `start_ns`: read nothing until shortly after it."""
        self._held_ns = start_ns + AFTER_START_NS

    def tick(self, ours: Iterable[int]) -> None:
        """Read what is due. `ours`: pids of agents, consumed only when needed."""
        now_ns = self.clock()
        if now_ns < self._held_ns:
            return
        if now_ns >= self._processes.next_ns:
            self._take(self._processes, lambda now_ns: self.neighbours.read(now_ns, ours))
        if now_ns >= self._hardware.next_ns:
            self._take(self._hardware, self.sensors.read)

    def end(self, ours: Iterable[int]) -> None:
        """An agent has ended its load: a reading from after it, once for all that end together."""
        now_ns = self.clock()
        if not self._ended or now_ns - self._processes.last_ns >= _TOGETHER_NS:
            self._take(self._processes, lambda now_ns: self.neighbours.read(now_ns, ours))
        if not self._ended or now_ns - self._hardware.last_ns >= _TOGETHER_NS:
            self._take(self._hardware, self.sensors.read)
        self._ended = True

    def _take(self, cadence: Cadence, read: Callable[[int], None]) -> None:
        before_ns, now_ns = self.cpu_clock(), self.clock()
        read(now_ns)
        cadence.took(now_ns, self.cpu_clock() - before_ns)
