"""The hosts of a run on the terminal: what each did, how well its clock is known, what they differ in."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import fmean
from typing import Final

from rich.table import Table
from rich.text import Text

from ..result.hosts import HostPart
from ..result.numbers import microseconds, percent, rate
from .latencytable import latency_figure
from .table import fitted_table

_MOST_HOSTS: Final = 16
_LONGEST_NAME: Final = 17


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[HostPart], str | None]


_COLUMNS: Final = (
    _Column("agents", lambda host: str(len(host.agents))),
    _Column("FPS", lambda host: rate(host.throughput.fps) if host.throughput else None),
    _Column("median", lambda host: latency_figure(host.latency_ms, "median")),
    _Column("p99", lambda host: latency_figure(host.latency_ms, "p99")),
    _Column("CPU", lambda host: percent(host.cpu.busy_percent) if host.cpu else None),
    _Column("clock ±", lambda host: microseconds(host.clock.offset_error_us) if host.clock else None),
)
# Shown only where hosts differ in it.
_CLASS: Final = _Column("class", lambda host: str(host.kind))
_STATE: Final = _Column("state", lambda host: host.state)


def host_table(hosts: Sequence[HostPart]) -> Table:
    columns = [*_COLUMNS, *(one for one in (_CLASS, _STATE) if len({one.cell(host) for host in hosts}) > 1)]
    names = short_names([host.name for host in hosts])
    rows: list[list[str | Text]] = []
    for host in hosts[:_MOST_HOSTS]:
        cells = [names[host.name], *(column.cell(host) or "-" for column in columns)]
        rows.append([cell if host.state == "ok" else Text(cell, "red") for cell in cells])
    rest = hosts[_MOST_HOSTS:]
    if rest:
        speeds = [host.throughput.fps for host in rest if host.throughput is not None]
        mean = f"mean {rate(fmean(speeds))}" if speeds else "-"
        more = [f"... {len(rest)} more", str(sum(len(host.agents) for host in rest)), mean]
        rows.append([*more, *[""] * (len(columns) + 1 - len(more))])
    return fitted_table(["host", *(column.title for column in columns)], rows, names=1)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names of hosts as a table has room for them, by the whole ones: without a domain that they all have, and cut in
    the middle where they are still long. Those that would be the same then are whole."""
    bare = {name: name.removesuffix(_common_domain(names)) for name in names}
    found = {name: _cut(text) for name, text in bare.items()}
    times = Counter(found.values())
    return {name: text if times[text] == 1 else name for name, text in found.items()}


def _common_domain(names: Sequence[str]) -> str:
    """Such as `.cluster.example.org`; empty where names have none, or are addresses."""
    if len(names) < 2 or any(re.fullmatch(r"[0-9.]+", name) for name in names):
        return ""
    # Without the first label of each, as that one is the host's own.
    from_the_end = zip(*(name.split(".")[:0:-1] for name in names), strict=False)
    shared = [labels[0] for labels in takewhile(lambda labels: len(set(labels)) == 1, from_the_end)]
    return "".join(f".{label}" for label in reversed(shared))


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 5]}…{name[-4:]}"


def class_lines(hosts: Sequence[HostPart]) -> Iterator[Text]:
    """What the hosts of each class are, where there are several classes, or else of all."""
    kinds: dict[int, list[HostPart]] = {}
    for host in hosts:
        kinds.setdefault(host.kind, []).append(host)
    for kind, alike in kinds.items():
        first = alike[0]
        facts = [first.topology.model, f"{first.topology.cores} cores", f"OpenVINO {first.openvino}"]
        for values in ({host.isa for host in alike}, {host.precision for host in alike}):
            facts += [text for text in values if text and len(values) == 1]
        yield Text(f"  {f'class {kind}: ' if len(kinds) > 1 else ''}{' · '.join(facts)}", "dim")
