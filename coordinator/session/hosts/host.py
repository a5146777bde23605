"""One host of several as the coordinator knows it: who is there, what it has observed, what its agents say. Pure.

Everything that it hands on is by the coordinator's clock.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import structs

from ovbench.common.bounded import as_name
from ovbench.common.clock import NS_PER_MS, NS_PER_S, to_ns
from ovbench.common.hostmessages import (
    AnyHostNotice,
    CpuReading,
    HostTopology,
    NeighbourTime,
    ObserveLoad,
    Pong,
    Present,
    SensorsAt,
    Surveyed,
)
from ovbench.common.job import ScheduleAddress
from ovbench.common.messages import AnyNotice, Finished, Hello
from ovbench.common.neighbours import Process
from ovbench.common.sensors import Governor, SensorReading
from ovbench.common.topology import Cpu, Node, Topology
from ovbench.common.utilization import FIELDS, CpuTotals

from ..hosttime import HostTime
from ..pinger import Pinger

Int64s = npt.NDArray[np.int64]

HEARTBEAT_S: Final = 0.25
_MOST_NUMBERS: Final = 20_000_000
"""Of one epoch: 512 CPUs for two hours, and about 1 GB at the most."""

_BEFORE_NS: Final = 10 * NS_PER_MS
_BEFORE: Final = 16
_AFTER_NS: Final = 10 * NS_PER_MS
"""So long before the window its clock is read again, by so many pings as take some ms, and so long after it, when
agents have other things to do."""


def topology_of(told: HostTopology) -> Topology:
    return Topology(
        cpus=tuple(
            sorted(
                Cpu(cpu.socket, cpu.node, cpu.core, cpu.id, cpu.l3, "efficient" if cpu.efficient else "performance")
                for cpu in told.cpus
            )
        ),
        allowed=frozenset(told.allowed),
        numa=tuple(Node(node.id, node.cpus, node.memory_mb, node.distances) for node in told.numa),
        offline=told.offline,
        quota_cpus=told.quota_cpus,
        model=told.model,
    )


class TooMuch(Exception):
    """A host reports more than it can have observed."""


@dataclass
class Observed:
    """Of one epoch, as far as it has come. `over`: all of it has."""

    readings: list[CpuTotals] = field(default_factory=list)
    neighbours: dict[tuple[Process, int], list[tuple[int, float]]] = field(default_factory=dict)
    sensors: list[SensorReading] = field(default_factory=list)
    governors: tuple[Governor, ...] = ()
    over: bool = False
    _numbers: int = 0

    def count(self, numbers: int) -> None:
        """Raises TooMuch beyond what the longest run on the largest machine would have."""
        self._numbers += numbers
        if self._numbers > _MOST_NUMBERS:
            raise TooMuch("more readings than a run has")


@dataclass
class Host:
    """`name`: as the user calls it. `agents`: ids of those that are to be there in this epoch. `schedule`: where it
    keeps what they are to serve. `lost`: what it was given up for."""

    index: int
    name: str
    heard_ns: int = 0
    present: Present | None = None
    topology: Topology | None = None
    time: HostTime = field(default_factory=lambda: HostTime(Pinger(round(HEARTBEAT_S * NS_PER_S))))
    agents: range = range(0)
    observed: Observed = field(default_factory=Observed)
    schedule: ScheduleAddress | None = None
    loaded: bool = False
    """Whether a load has been ordered in this epoch."""
    lost: str = ""

    def muster(self, agents: range) -> None:
        """Another epoch begins."""
        self.agents, self.observed, self.schedule, self.loaded = agents, Observed(), None, False
        self.time.begin()

    def joins(self, told: Present, now_ns: int) -> None:
        """Once: a supervisor that comes again, over another connection, is what it was."""
        if self.present is None:
            self.present, self.topology = told, topology_of(told.topology)
            self.time.pinger.burst(now_ns)

    def load(self, order: ObserveLoad) -> ObserveLoad:
        """A load is about to begin; the order with the host's instants. Raises NoInstant."""
        self.loaded = True
        self.time.pinger.burst(order.window_ns - _BEFORE_NS, _BEFORE)
        if order.duration_s is not None:
            self.time.pinger.burst(order.window_ns + to_ns(order.duration_s) + _AFTER_NS)
        mapped = self.time.host_order(order)
        assert isinstance(mapped, ObserveLoad)
        return mapped

    def heard(self, notice: AnyNotice, now_ns: int) -> AnyNotice | None:
        """What one of its agents said; None where it may not come from here. Raises NoInstant."""
        if isinstance(notice, Hello):
            if notice.agent not in self.agents:
                return None
            return structs.replace(notice, host=as_name(self.name), nonce=self._own(notice.nonce))
        if isinstance(notice, Finished):
            self.time.pinger.burst(now_ns)
        return self.time.notice(notice)

    def observes(self, notice: AnyHostNotice) -> bool:
        """Takes what it has observed; False for anything else. Raises NoInstant, and TooMuch."""
        mapped = self.time.host_notice(notice)
        match mapped:
            case CpuReading():
                self.observed.count(len(mapped.cpus) * len(FIELDS))
                totals = np.frombuffer(mapped.totals, "<f8").reshape(-1, len(FIELDS))
                cpus = {cpu: tuple(row) for cpu, row in zip(mapped.cpus, totals.tolist(), strict=True)}
                self.observed.readings.append(CpuTotals(mapped.host_ns, cpus, mapped.own_s, mapped.own_cpu))
            case NeighbourTime():
                instants, seconds = np.frombuffer(mapped.host_ns, "<i8"), np.frombuffer(mapped.seconds, "<f8")
                key = (Process(mapped.pid, mapped.started_ticks, mapped.name), mapped.cpu)
                self.observed.count(len(instants) + 1)
                points = zip(instants.tolist(), seconds.tolist(), strict=True)
                self.observed.neighbours.setdefault(key, []).extend(points)
            case SensorsAt():
                self.observed.count(len(mapped.mhz) + len(mapped.throttles) + len(mapped.energy_j) + 1)
                reading = SensorReading(mapped.host_ns, mapped.mhz, mapped.throttles, mapped.energy_j)
                self.observed.sensors.append(reading)
            case Surveyed():
                self.observed.governors = tuple(Governor(*one) for one in mapped.governors)
                self.observed.over = True
            case _:
                return False
        return True

    def pong(self, pong: Pong, now_ns: int) -> None:
        """`now_ns`: as near as possible to when it came."""
        self.time.heard(pong, now_ns)

    def _own(self, nonce: str) -> str:
        """As no agent of another host can have it, whatever it says."""
        return blake2b(f"{self.index} {nonce}".encode(), digest_size=16).hexdigest()
