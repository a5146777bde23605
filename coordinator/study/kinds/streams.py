"""Streams x requests: how many of each one agent needs."""

from collections.abc import Mapping
from typing import ClassVar

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology

from ...result.study import Kind as KindName
from ..design import (
    Design,
    counts_to,
    is_count,
    refuse_other_axes,
    refuse_too_many,
    usable_cpus,
    values_of,
    with_value,
    without,
)
from ..settings import Settings
from .kind import Kind


class Streams(Kind):
    name: ClassVar[KindName] = "streams"
    title: ClassVar = "Streams and requests"
    about: ClassVar = "streams x requests of one agent on all cores"

    def design(self, settings: Settings, topology: Topology, sides: Mapping[str, str]) -> Design:
        """One agent on all cores, unless the user says otherwise; no fewer requests than streams."""
        refuse_other_axes(self.name, settings, {"streams", "requests"})
        fixed = without(settings, "streams", "requests")
        if not settings.has("agents"):
            fixed = with_value(fixed, "--agents", "1")
        streams = _numbers(settings, "streams") or counts_to(len(usable_cpus(fixed, topology)))
        requests = _numbers(settings, "requests")
        for number in streams if requests else ():
            if max(requests) < number:
                raise UsageError(
                    f"study streams: -nstreams {number} is more than every -nireq, so streams would be idle; "
                    f"give -nireq {number} or more, too, or leave -nstreams {number} out"
                )
        own = {number: requests or [number, 2 * number, 4 * number] for number in streams}
        refuse_too_many(sum(many >= number for number, several in own.items() for many in several))
        points = [
            {"-nstreams": str(number), "-nireq": str(many)}
            for number, several in own.items()
            for many in several
            if many >= number
        ]
        return Design(self.name, tuple(points), fixed)


def _numbers(settings: Settings, name: str) -> list[int]:
    """The alternatives that were given for a setting, which must be numbers here."""
    values = values_of(settings, name)
    for value in values:
        if not is_count(value):
            raise UsageError(
                f"study streams: {settings.flags(name)[0]} {value} is not a whole number of 1 or more, as such a "
                "study needs it; use a sweep: ovbench-coord study"
            )
    return list(map(int, values))
