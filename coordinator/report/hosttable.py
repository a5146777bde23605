"""The hosts of a run on the terminal: what each did, how well its clock is known, what they differ in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
    _Column("host", lambda host: short(host.name)),
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
    rows: list[list[str | Text]] = []
    for host in hosts[:_MOST_HOSTS]:
        cells = (column.cell(host) or "-" for column in columns)
        rows.append([cell if host.state == "ok" else Text(cell, "red") for cell in cells])
    rest = hosts[_MOST_HOSTS:]
    if rest:
        speeds = [host.throughput.fps for host in rest if host.throughput is not None]
        mean = f"mean {rate(fmean(speeds))}" if speeds else "-"
        more = [f"... {len(rest)} more", str(sum(len(host.agents) for host in rest)), mean]
        rows.append([*more, *[""] * (len(columns) - len(more))])
    return fitted_table([column.title for column in columns], rows, names=1)


def short(name: str) -> str:
    """A host's name as a table has room for it: names in a cloud differ at both ends."""
    half = (_LONGEST_NAME - 1) // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"


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
