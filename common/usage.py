"""What an agent's process used while its load ran: CPU time, threads, memory. Parts of `messages.Finished`."""

from typing import Annotated

from msgspec import Meta, Struct

from .bounded import Count, Megabytes, Nanoseconds
from .job import MOST_CPUS, CpuNumber, Cpus, Seconds


class OnCpu(Struct, frozen=True, forbid_unknown_fields=True):
    """Running totals of the time that an agent's threads spent on a logical CPU: those that infer, and the others.

    The time of a thread between two looks at it is that of the one CPU it may use, or else of the one it ran on last.
    """

    cpu: CpuNumber
    load_s: Seconds
    control_s: Seconds


class Usage(Struct, frozen=True, forbid_unknown_fields=True):
    """Running totals of the agent process at an instant; `control_s` is the share of its control threads.

    `throttled_periods` and `throttled_s` are of its control groups: how often and how long their quota was used up.
    """

    at_ns: Nanoseconds
    user_s: Seconds
    system_s: Seconds
    control_s: Seconds
    voluntary_switches: Count
    involuntary_switches: Count
    migrations: Count | None
    cpus: Annotated[tuple[OnCpu, ...], Meta(max_length=MOST_CPUS)] = ()
    throttled_periods: Count = 0
    throttled_s: Seconds = 0.0


class MaskChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A thread whose affinity was another at the end of the load than at its start. `control`: it does not infer."""

    thread: Annotated[int, Meta(ge=1, lt=1 << 31)]
    control: bool
    before: Cpus
    after: Cpus


class OnNode(Struct, frozen=True, forbid_unknown_fields=True):
    """Memory of the agent on a NUMA node, MiB.

    `own_mb`: what it made or read itself; shared libraries, and what it has in common with the process that it was
    forked from, are only in `total_mb`.
    """

    node: CpuNumber
    own_mb: Megabytes
    total_mb: Megabytes


class Memory(Struct, frozen=True, forbid_unknown_fields=True):
    """At the end of the load, in MiB: resident, proportional, private; and the highest resident so far."""

    rss_mb: Megabytes
    pss_mb: Megabytes
    private_mb: Megabytes
    peak_rss_mb: Megabytes
