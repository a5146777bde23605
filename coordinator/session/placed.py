"""What an agent of another host measured, placed in the coordinator's time. Pure.

Instants are mapped one by one, which keeps their order; what lies between two of them is stretched by the drift of the
host's clock, by some ppm. Times that were measured are not: services, latencies and waits stay to the ns what the host
measured, and so do histograms, sums and whatever is given since the load's start.
"""

import numpy as np
from msgspec import structs

from ovbench.common.clockline import ClockLine
from ovbench.common.messages import AnyNotice, Finished, Folded, Samples, Usage
from ovbench.common.samples import Int64s, SampleArray


class PlacedSamples(Samples, frozen=True, kw_only=True, tag="samples"):
    """`measured`: services and latencies, int64 [n, 2], as `SampleArray` has them. Never on the wire."""

    measured: bytes

    @property
    def array(self) -> SampleArray:
        """Without copying."""
        measured = np.frombuffer(self.measured, np.int64).reshape(-1, 2)
        return SampleArray(SampleArray.from_bytes(self.data, self.timed).table, measured)


class PlacedFinished(Finished, frozen=True, kw_only=True, tag="finished"):
    """`host_start_ns`, `host_stop_ns`: of the load, by the host's own clock. `line`: between that and the
    coordinator's. Never on the wire."""

    host_start_ns: int
    host_stop_ns: int
    line: ClockLine


def after_start_ns(finished: Finished, times_ns: Int64s) -> Int64s:
    """Instants, as a run has them, so long after an agent's window began, by the agent's own clock; int64 [n]. What an
    agent was due to do then has exactly that instant in its samples."""
    if isinstance(finished, PlacedFinished):
        return finished.line.to_coordinator_ns(finished.host_start_ns + times_ns)
    return finished.start_ns + times_ns


def own_length_ns(finished: Finished) -> int:
    """From its load's start to its stop by its own clock."""
    if isinstance(finished, PlacedFinished):
        return finished.host_stop_ns - finished.host_start_ns
    return finished.stop_ns - finished.start_ns


def place(notice: AnyNotice, line: ClockLine) -> AnyNotice:
    """A notice with the host's instants as one with the coordinator's. `line` is one for all that an agent delivers of
    a load. Raises NoInstant.

    `Dropped` and `Tally` have times since the window's start by the agent's clock, and keep them: `after_start_ns` has
    the instants. So do the slices of `Folded`: the timeline's edges are off by the drift, by 1 ms in 10 s at 100 ppm.
    """
    match notice:
        case Finished():
            return _finished(notice, line)
        case Samples():
            return _samples(notice, line)
        case Folded():
            first, last = line.to_coordinator_ns(notice.first_end_ns), line.to_coordinator_ns(notice.last_end_ns)
            return structs.replace(notice, first_end_ns=first, last_end_ns=last)
        case _:
            return notice


def _samples(samples: Samples, line: ClockLine) -> PlacedSamples:
    array = samples.array
    placed = array.mapped(line.to_coordinator_ns)
    measured = np.stack([array.services, array.latencies], axis=1)
    return PlacedSamples(
        request=samples.request,
        data=placed.to_bytes(),
        first=samples.first,
        timed=samples.timed,
        measured=measured.astype(np.int64, copy=False).tobytes(),
    )


def _finished(finished: Finished, line: ClockLine) -> PlacedFinished:
    mapped = {name: getattr(finished, name) for name in finished.__struct_fields__}
    mapped["start_ns"], mapped["stop_ns"] = map(line.to_coordinator_ns, (finished.start_ns, finished.stop_ns))
    mapped["usage"] = tuple(_usage(reading, line) for reading in finished.usage)
    return PlacedFinished(**mapped, host_start_ns=finished.start_ns, host_stop_ns=finished.stop_ns, line=line)


def _usage(reading: Usage, line: ClockLine) -> Usage:
    return structs.replace(reading, at_ns=line.to_coordinator_ns(reading.at_ns))
