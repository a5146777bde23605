"""Observes the host during a load: CPU by CPU about the window's edges, neighbours and sensors within a budget."""

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ovbench.common.bounded import as_name
from ovbench.common.clock import NS_PER_S, Clock, monotonic_ns
from ovbench.common.hostmessages import AnyHostNotice, CpuReading, NeighbourTime, SensorsAt, Surveyed
from ovbench.common.neighbours import Neighbours, Points, Process
from ovbench.common.sensors import Sensors, make_sensors
from ovbench.common.survey import Survey
from ovbench.common.topology import Topology
from ovbench.common.utilization import CpuTotals, Meter, cpu_reader

from ..host.affinity import pin_all
from ..host.threads import thread_ids

_LOOK_NS: Final = NS_PER_S // 4
_POINTS_PER_MESSAGE: Final = 4_096

Watched = tuple[Meter, Survey]
Watching = Callable[[Sequence[int]], Watched]


def watching(topology: Topology) -> Watching:
    """What reads the given CPUs of this host."""
    reader = cpu_reader(cpu.id for cpu in topology.cpus)

    def watch(measured: Sequence[int]) -> Watched:
        survey = Survey(Neighbours(frozenset(measured), os.getpid()), make_sensors(topology, measured))
        return Meter(reader), survey

    return watch


def stay_off(housekeeping: Sequence[int], topology: Topology) -> None:
    """This process, with all its threads, leaves the measured CPUs where there are others."""
    pin_all(thread_ids(), tuple(housekeeping) or tuple(sorted(topology.allowed)))


class HostOutlook:
    """`agents`: pids of those of this host. `move`: to the CPUs that it is given, or to all where there are none."""

    def __init__(
        self,
        watch: Watching,
        agents: Callable[[], Sequence[int]],
        move: Callable[[Sequence[int]], None],
        clock: Clock = monotonic_ns,
    ) -> None:
        self._watch, self._agents, self._move, self._clock = watch, agents, move, clock
        self._epoch = 0
        self._meter: Meter | None = None
        self._survey: Survey | None = None
        self._sent = 0
        self._look_ns = 0

    @property
    def next_ns(self) -> int | None:
        if self._meter is None:
            return None
        due_ns = self._meter.next_ns
        return self._look_ns if due_ns is None else min(due_ns, self._look_ns)

    def begin(self, epoch: int, measured: Sequence[int], housekeeping: Sequence[int]) -> None:
        self._move(housekeeping)
        self._epoch = epoch
        self._meter, self._survey = self._watch(measured)
        self._sent = 0
        self._look_ns = self._clock()  # the first look takes longest, and now is time for it

    def load_begins(self, begin_ns: int, window_ns: int, duration_s: float | None) -> None:
        if self._meter is not None and self._survey is not None:
            self._survey.begin(self._agents())
            self._survey.hold(begin_ns)
            self._meter.plan(window_ns, duration_s)

    def cut(self, end_ns: int) -> None:
        if self._meter is not None:
            self._meter.cut(end_ns)

    def look(self, now_ns: int) -> list[AnyHostNotice]:
        if self._meter is None or self._survey is None:
            return []
        self._meter.tick(now_ns)
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + _LOOK_NS
            self._survey.tick(self._agents())
        return self._new_readings(self._meter)

    def conclude(self) -> list[AnyHostNotice]:
        if self._meter is None or self._survey is None:
            return []
        self._meter.take()
        self._survey.end(self._agents())
        notices = self._new_readings(self._meter)
        for (process, cpu), points in self._survey.neighbours.cpu_time.items():
            notices += _neighbour_times(self._epoch, process, cpu, points)
        notices += _sensor_readings(self._epoch, self._survey.sensors)
        governors = self._survey.sensors.governors
        notices.append(Surveyed(self._epoch, tuple((as_name(one.name), as_name(one.driver)) for one in governors)))
        self.end()
        return notices

    def end(self) -> None:
        self._meter = self._survey = None

    def _new_readings(self, meter: Meter) -> list[AnyHostNotice]:
        new = meter.readings[self._sent :]
        self._sent = len(meter.readings)
        return [_cpu_reading(self._epoch, totals) for totals in new]


def _cpu_reading(epoch: int, totals: CpuTotals) -> CpuReading:
    times = [time for cpu in totals.cpus.values() for time in cpu]
    return CpuReading(
        epoch=epoch,
        host_ns=totals.at_ns,
        cpus=tuple(totals.cpus),
        totals=struct.pack(f"<{len(times)}d", *times),
        own_s=totals.coordinator_s,
        own_cpu=totals.coordinator_cpu,
    )


def _neighbour_times(epoch: int, process: Process, cpu: int, points: Points) -> Iterator[NeighbourTime]:
    for first in range(0, len(points), _POINTS_PER_MESSAGE):
        part = points[first : first + _POINTS_PER_MESSAGE]
        yield NeighbourTime(
            epoch=epoch,
            pid=process.pid,
            started_ticks=process.started_ticks,
            name=as_name(process.name),
            cpu=cpu,
            host_ns=struct.pack(f"<{len(part)}q", *(at_ns for at_ns, _ in part)),
            seconds=struct.pack(f"<{len(part)}d", *(seconds for _, seconds in part)),
        )


def _sensor_readings(epoch: int, sensors: Sensors) -> Iterator[SensorsAt]:
    for reading in sensors.readings:
        yield SensorsAt(epoch, reading.at_ns, dict(reading.mhz), dict(reading.throttles), dict(reading.energy_j))
