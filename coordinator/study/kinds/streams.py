"""Streams x requests: how many of each one agent needs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ..axes import Axes
from ..design import (
    Design,
    counts_to,
    is_count,
    refuse_other_axes,
    refuse_too_many,
    usable_cpus,
)
from .cards import STREAMS
from .kind import Kind


class StreamsStudy(Kind):
    card: ClassVar = STREAMS
    title: ClassVar = "Streams and requests"

    def design(self, axes: Axes, topology: Topology, own: Mapping[str, Any]) -> Design:
        """One agent on all cores, unless the user says otherwise; no fewer requests than streams."""
        refuse_other_axes(self.name, axes, {"-nstreams", "-nireq"})
        fixed = axes.without("-nstreams", "-nireq")
        if not axes.given("--agents"):
            fixed = fixed.with_value("--agents", "1")
        streams = _numbers(axes, "-nstreams") or counts_to(len(usable_cpus(fixed, topology)))
        requests = _numbers(axes, "-nireq")
        for number in streams if requests else ():
            if max(requests) < number:
                raise UsageError(
                    f"study streams: -nstreams {number} is more than every -nireq, so streams would be idle; "
                    f"give -nireq {number} or more, too, or leave -nstreams {number} out"
                )
        each = {number: requests or [number, 2 * number, 4 * number] for number in streams}
        refuse_too_many(sum(many >= number for number, several in each.items() for many in several))
        points = [
            {"-nstreams": str(number), "-nireq": str(many)}
            for number, several in each.items()
            for many in several
            if many >= number
        ]
        return Design(self.name, tuple(points), fixed)


def _numbers(axes: Axes, flag: str) -> list[int]:
    """The alternatives that were given for a flag, which must be numbers here."""
    values = axes.given(flag)
    for value in values:
        if not is_count(value):
            raise UsageError(
                f"study streams: {flag} {value} is not a whole number of 1 or more, as such a "
                "study needs it; use a sweep: ovbench-coord study"
            )
    return list(map(int, values))
