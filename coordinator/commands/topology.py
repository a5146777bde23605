"""`topology`: draws a machine, or records it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.printable import one_line

from ..machine.sysfs import read_machine, record_tree
from ..request.flag import Flag
from ..request.parser import Parser
from ..request.paths import check_tree
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


@dataclass(frozen=True)
class ShowTopology:
    """Of this machine, or of the tree in `sysfs`; `record`: a folder to write to instead."""

    sysfs: Path | None
    record: Path | None
    json: bool


def parse_topology(argv: Sequence[str]) -> ShowTopology:
    parser = Parser(
        "topology",
        FLAGS,
        description="Draws the machine: sockets, NUMA nodes, caches, cores, SMT siblings, memory, and what of it this "
        "process may use.",
    )
    raw = parser.parse_args(list(argv))
    if raw.record is not None and (raw.sysfs is not None or raw.json):
        other = "--json" if raw.sysfs is None else f"--sysfs {raw.sysfs}"
        raise UsageError(f"--record {raw.record} and {other} contradict each other; record this machine, then read it")
    return ShowTopology(
        sysfs=None if raw.sysfs is None else check_tree("--sysfs", raw.sysfs.absolute()),
        record=None if raw.record is None else raw.record.absolute(),
        json=raw.json,
    )


def topology(request: ShowTopology, _: Call) -> ExitCode:
    if request.record is not None:
        print(one_line(f"{record_tree(request.record)} files written to {request.record}"))
        return ExitCode.VALID
    machine = read_machine(request.sysfs)
    from ..report.console import SafeConsole
    from ..report.topology import print_topology, topology_json

    if request.json:
        print(json.dumps(topology_json(machine), indent=2))
    else:
        print_topology(SafeConsole(), machine)
    return ExitCode.VALID
