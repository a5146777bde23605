"""`topology`: draws a machine, or records it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.printable import one_line

from ..machine.sysfs import read_machine, record_tree
from ..request.commandline import parse_run
from ..request.flag import Flag
from ..request.flags import gnu
from ..request.hostflags import HOSTS
from ..request.parser import Parser
from ..request.paths import check_tree
from ..request.request import Launch
from ..request.values import path
from .verb import Call

FLAGS: Final = (
    Flag("json", ("--json",), "for programs; docs/topology.md has the keys", takes="nothing"),
    Flag(
        "sysfs", ("--sysfs",), "the machine that is recorded in DIR, not this one", metavar="DIR", parse=path,
        path="folder",
    ),
    Flag(
        "record", ("--record",), "write what --sysfs needs of this machine to DIR", metavar="DIR", parse=path,
        path="folder",
    ),
)  # fmt: skip


_OF_HOSTS: Final = frozenset(
    {"--launcher", "--bind", "--join-timeout"}.union(spelling for flag in HOSTS for spelling in flag.spellings)
)


@dataclass(frozen=True)
class ShowTopology:
    """Of this machine, or of the tree in `sysfs`; `record`: a folder to write to instead."""

    sysfs: Path | None
    record: Path | None
    json: bool
    hosts: Launch | None = None
    """Other hosts to draw, and how they are reached."""


def parse_topology(argv: Sequence[str]) -> ShowTopology:
    parser = Parser(
        "topology",
        FLAGS,
        description="Draws the machine: sockets, NUMA nodes, caches, cores, SMT siblings, memory, and what of it this "
        "process may use. With --hosts, and the flags of a run that go with it, those of other hosts.",
    )
    raw, rest = parser.parse_known_args(list(argv))
    hosts = _hosts(rest)
    if hosts is not None and (raw.record is not None or raw.sysfs is not None):
        raise UsageError("--hosts and a folder contradict each other; leave one out")
    if raw.record is not None and (raw.sysfs is not None or raw.json):
        other = "--json" if raw.sysfs is None else f"--sysfs {raw.sysfs}"
        raise UsageError(f"--record {raw.record} and {other} contradict each other; record this machine, then read it")
    return ShowTopology(
        sysfs=None if raw.sysfs is None else check_tree("--sysfs", raw.sysfs.absolute()),
        record=None if raw.record is None else raw.record.absolute(),
        json=raw.json,
        hosts=hosts,
    )


def _hosts(words: Sequence[str]) -> Launch | None:
    """By the flags of a run that say so. Raises UsageError for any other."""
    if not words:
        return None
    strange = [word for word in words if word.startswith("-") and gnu(word).partition("=")[0] not in _OF_HOSTS]
    if strange:
        raise UsageError(f"topology: {strange[0]} is not a flag of it; see ovbench-coord topology --help")
    launch = parse_run(words).launch
    if launch.remote is None:
        raise UsageError(f"topology: {words[0]} is for other hosts; add --hosts")
    return launch


def topology(request: ShowTopology, call: Call) -> ExitCode:
    if request.record is not None:
        print(one_line(f"{record_tree(request.record)} files written to {request.record}"))
        return ExitCode.VALID
    if request.hosts is not None:
        return _of_hosts(request.hosts, request.json, call)
    machine = read_machine(request.sysfs)
    from ..report.console import SafeConsole
    from ..report.topology import print_topology, topology_json

    if request.json:
        print(json.dumps(topology_json(machine), indent=2))
    else:
        print_topology(SafeConsole(), machine)
    return ExitCode.VALID


def _of_hosts(launch: Launch, as_json: bool, call: Call) -> ExitCode:
    """They are joined, and let go again."""
    from ..report.console import SafeConsole
    from ..report.topology import print_topology, topology_json
    from .remote import joined

    with joined(launch, call) as site:
        found = {host.name: host.topology for host in site.hosts.hosts if host.topology is not None}
    if as_json:
        print(json.dumps({"hosts": [{"name": name, **topology_json(of)} for name, of in found.items()]}, indent=2))
        return ExitCode.VALID
    console = SafeConsole()
    for name, of in found.items():
        console.print(f" {name} ", style="bold reverse", highlight=False)
        print_topology(console, of)
        console.print()
    return ExitCode.VALID
