"""The border between the coordinator's time and that of one other host: what passes it has its instants mapped. Pure.

On this side of it everything is by the coordinator's clock. Orders go out by what is known of the host's clock then: an
order to begin is off by the error of then, of which the load itself is told nothing. What was measured comes back when
it has ended, by one line for the whole load, as two would put instants out of their order; how far that line may be off
at the window's edges is judged in the end, by all round trips, those after the load among them (`record`). When agents
of two hosts really began is therefore known better than it could be ordered.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from msgspec import structs

from ovbench.common.clock import NS_PER_S
from ovbench.common.clockline import ClockLine
from ovbench.common.hostclock import HostClock
from ovbench.common.hostmessages import (
    AnyHostNotice,
    AnyHostOrder,
    CpuReading,
    CutLoad,
    NeighbourTime,
    ObserveLoad,
    Ping,
    Pong,
    SensorsAt,
)
from ovbench.common.messages import AnyNotice, AnyOrder, End, Finished, Folded, Samples, Start, WarmUp

from .pinger import Pinger
from .placed import place
from .record import ClockRecord

_REMEMBERED_NS: Final = 60 * NS_PER_S
"""What was learnt before a load, for its drift: round trips of 0.2 ms that far apart give it to 3 ppm."""


@dataclass
class HostTime:
    """Of one host. Its pings are sent by whoever has the connection: `due`, then `heard`."""

    pinger: Pinger
    clock: HostClock = field(default_factory=HostClock)
    _line: ClockLine | None = None
    """That of the load, once an agent has ended it."""

    @property
    def known(self) -> bool:
        """Whether orders that have an instant can go out: its clock was read, and no burst is under way."""
        return self.clock.round_trips > 0 and not self.pinger.in_burst

    def begin(self) -> None:
        """Another load is to come; what was known of the one before is not asked any more. A clock that contradicted
        itself is taken for another one from here on."""
        self._line = None
        if not self.clock.consistent:
            self.clock = HostClock()
        self.clock.forget(_REMEMBERED_NS)

    @property
    def next_ns(self) -> int:
        """When the next ping is due."""
        return self.pinger.next_ns

    def due(self, now_ns: int) -> Ping | None:
        """The ping to be sent at once, if one is due: asked after each answer, and when `next_ns` has come. The time is
        to be read just before."""
        return self.pinger.due(now_ns)

    def heard(self, pong: Pong, received_ns: int) -> None:
        """An answer; one that was not asked for counts for nothing."""
        trip = self.pinger.heard(pong, received_ns)
        if trip is not None:
            self.clock.add(trip)

    def order(self, order: AnyOrder) -> AnyOrder:
        """An order to an agent as the host is to have it. Raises NoInstant, and NoRoundTrip before its clock was read.

        Times that an order has, as the length of a load, are kept: they pass by the agent's own clock.
        """
        match order:
            case WarmUp(at_ns=at_ns) | Start(at_ns=at_ns) | End(at_ns=at_ns):
                return structs.replace(order, at_ns=self.clock.to_host_ns(at_ns))
            case _:
                return order

    def host_order(self, order: AnyHostOrder) -> AnyHostOrder:
        """The same of an order to its supervisor. One that is passed on has been through `order`."""
        match order:
            case ObserveLoad(begin_ns=begin_ns, window_ns=window_ns):
                begin, window = map(self.clock.to_host_ns, (begin_ns, window_ns))
                return structs.replace(order, begin_ns=begin, window_ns=window)
            case CutLoad(end_ns=end_ns):
                return structs.replace(order, end_ns=self.clock.to_host_ns(end_ns))
            case _:
                return order

    def notice(self, notice: AnyNotice) -> AnyNotice:
        """A notice of an agent as the coordinator is to have it (see `placed.place`). Raises NoInstant where it has an
        instant that is none, and NoRoundTrip before the host's clock was read."""
        match notice:
            case Finished() | Samples() | Folded():
                return place(notice, self._line_of_load())
            case _:
                return notice

    def host_notice(self, notice: AnyHostNotice) -> AnyHostNotice:
        """The same of a notice of its supervisor, by what is known of its clock when it comes. One that is passed on
        goes through `notice`."""
        match notice:
            case CpuReading(host_ns=host_ns) | SensorsAt(host_ns=host_ns):
                return structs.replace(notice, host_ns=self._line_by_now().to_coordinator_ns(host_ns))
            case NeighbourTime(host_ns=data):
                instants = self._line_by_now().to_coordinator_ns(np.frombuffer(data, "<i8").astype(np.int64))
                return structs.replace(notice, host_ns=instants.astype("<i8", copy=False).tobytes())
            case _:
                return notice

    def record(self, start_ns: int, stop_ns: int) -> ClockRecord | None:
        """How the clock stood in a window, at the end of all; None where it was never read."""
        if not self.clock.round_trips:
            return None
        line = self._line_by_now()
        offset = line.offsets_ns(np.asarray([start_ns], np.int64))
        return ClockRecord(
            offset_ns=int(offset[0]),
            error_ns=max(self.clock.error_ns(edge_ns, line) for edge_ns in (start_ns, stop_ns)),
            drift_ppm=self.clock.line().drift_ppm,
            round_trips=self.clock.round_trips,
            least_round_trip_ns=self.clock.least_round_trip_ns,
            contradictions=self.clock.contradictions,
        )

    def _line_of_load(self) -> ClockLine:
        if self._line is None:
            self._line = self.clock.line()
        return self._line

    def _line_by_now(self) -> ClockLine:
        return self._line or self.clock.line()
