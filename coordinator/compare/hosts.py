"""The hosts of two runs side by side, by name: whether they are the same machines, and how their figures change. Pure.

A host that has other CPUs in the other run is another machine: its figures are no change of anything.
"""

from collections.abc import Iterator

from msgspec import Struct, structs

from ..result.estimates import bounds_of_host, estimates_of_host
from ..result.hosts import HostPart
from ..result.report import Report
from .change import Change, changes
from .difference import Difference, different


class HostPair(Struct, frozen=True):
    """A host that both runs have. `unlike`: in what it is another one; `comparable`: its CPUs are the same."""

    name: str
    unlike: tuple[Difference, ...]
    comparable: bool
    changes: tuple[Change, ...]


def host_pairs(first: Report, other: Report, *, doubtful: bool, force: bool) -> tuple[HostPair, ...]:
    """None unless both ran on several hosts. `doubtful`: the runs are not compared, so neither are their hosts.
    `force`: all are compared, other machines, too."""
    if not (first.several_hosts and other.several_hosts):
        return ()
    theirs = {host.name: host for host in other.hosts}
    return tuple(_pair(host, theirs[host.name], doubtful, force) for host in first.hosts if host.name in theirs)


def _pair(first: HostPart, other: HostPart, doubtful: bool, force: bool) -> HostPair:
    hardware = list(different(_hardware(first), _hardware(other)))
    software = different(_software(first), _software(other))
    one, two = map(estimates_of_host, (first, other))
    found = changes(one, two, *map(bounds_of_host, (first, other)))
    if (hardware or doubtful) and not force:
        found = tuple(structs.replace(one, verdict="not comparable") for one in found)
    return HostPair(first.name, (*hardware, *software), not hardware, found)


def _hardware(host: HostPart) -> dict[str, object]:
    here = host.topology
    return {"CPU": here.model, "cores": here.cores, "logical CPUs": here.cpus, "instructions": host.isa}


def _software(host: HostPart) -> dict[str, object]:
    return {"state": host.state, "OpenVINO": host.openvino, "precision": host.precision, "kernel": host.kernel}


def facts_by_host(report: Report) -> Iterator[tuple[str, object]]:
    """What each is, of several, by its name and what it is."""
    for host in report.hosts:
        here = host.environment
        plain = {name: getattr(here, name) for name in here.__struct_fields__}
        del plain["libraries"], plain["agent_python"], plain["numa"], plain["noise"]
        for what, fact in {**plain, "precision": host.precision, "isa": host.isa, **here.libraries}.items():
            yield f"{host.name}: {what}", fact
