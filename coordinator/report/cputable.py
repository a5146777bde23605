"""CPUs on the terminal: who had the measured ones, who else was there, and what the throughput cost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from ovbench.common.topology import format_cpu_list

from ..result.cpu import CpuPart, CpuUse
from ..result.hosts import HostPart
from ..result.numbers import joules, percent, rate
from ..result.report import EfficiencyPart, Report
from .hosttable import short_names

_MOST_CPUS: Final = 16
_MOST_NEIGHBOURS: Final = 8
_LEAST_SHOWN: Final = 1.0
"""Percent of one CPU."""


@dataclass(frozen=True)
class _Part:
    """Of a CPU's time: the column's title, its figure, and how it is drawn."""

    title: str
    share: Callable[[CpuUse], float]
    sign: str
    style: str


_PARTS: Final = (
    _Part("agents", lambda use: use.agents, "█", "green"),
    _Part("harness", lambda use: use.harness, "▓", "cyan"),
    _Part("others", lambda use: use.others, "▒", "red"),
    _Part("stolen", lambda use: use.steal, "x", "magenta"),
    _Part("idle", lambda use: use.idle, "·", "dim"),
)


def cpu_headline(report: Report) -> Text:
    cpu = report.cpu
    control = f", ovbench itself {percent(cpu.control_percent)} of one" if cpu.control_percent >= _LEAST_SHOWN else ""
    return Text.assemble(
        ("\nCPU", "bold"),
        (f"  measured CPUs busy {percent(cpu.busy_percent)}{control}", "dim"),
    )


@dataclass(frozen=True)
class _Row:
    """Whose use it is, by the table's first columns. `mhz`: None where it is not known."""

    names: tuple[str, ...]
    use: CpuUse
    mhz: float | None
    bar: bool = True


def use_table(cpu: CpuPart) -> Table:
    """Who had each CPU; of more of them than fit, what they have in common."""
    rows = list(_rows(cpu))
    if len(rows) > _MOST_CPUS:
        rows = [
            replace(_all_of(rows, pick), names=(name,), bar=name == "mean")
            for name, pick in (("mean", _mean), ("least", min), ("most", max))
        ]
    return _table(("CPU",), rows)


def use_table_of_hosts(hosts: Sequence[HostPart]) -> Table:
    """The same over several hosts: by CPU where all of them fit, else what the CPUs of each host have in common."""
    names = short_names([host.name for host in hosts])
    by_host = {names[host.name]: list(_rows(host.cpu)) for host in hosts if host.cpu is not None and host.cpu.use}
    if sum(map(len, by_host.values())) <= _MOST_CPUS:
        rows = [replace(row, names=(host, *row.names)) for host, some in by_host.items() for row in some]
        return _table(("host", "CPU"), rows)
    means = [replace(_all_of(some, _mean), names=(host, str(len(some)))) for host, some in by_host.items()]
    rest = means[_MOST_CPUS:]
    if rest:
        name = f"... {len(rest)} more"
        means = [*means[:_MOST_CPUS], replace(_all_of(rest, _mean), names=(name, ""))]
    return _table(("host", "CPUs"), means)


def _rows(cpu: CpuPart) -> Iterator[_Row]:
    """Of each measured CPU."""
    for number in map(str, cpu.measured_cpus):
        if number in cpu.use:
            clock = cpu.frequency_mhz.get(number)
            yield _Row((number,), cpu.use[number], None if clock is None else clock.mean)


def _all_of(rows: Sequence[_Row], pick: Callable[[Sequence[float]], float]) -> _Row:
    use = CpuUse(*(pick([part.share(row.use) for row in rows]) for part in _PARTS))
    clocks = [row.mhz for row in rows if row.mhz is not None]
    return _Row((), use, pick(clocks) if clocks else None)


def _table(names: Sequence[str], rows: Sequence[_Row]) -> Table:
    clocks = any(row.mhz is not None for row in rows)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 2), show_edge=False, pad_edge=True)
    for name in names:
        table.add_column(name, justify="left" if name == "host" else "right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for title in (*(part.title for part in _PARTS), *(["MHz"] if clocks else [])):
        table.add_column(title, justify="right", no_wrap=True)
    longest = max((sum(map(len, row.names)) for row in rows), default=0)
    width = max(4, (12 if clocks else 20) - (0 if len(names) == 1 else longest + 2))
    for row in rows:
        clock = [] if not clocks else ["-" if row.mhz is None else f"{row.mhz:,.0f}"]
        shares = (percent(part.share(row.use)) for part in _PARTS)
        table.add_row(*row.names, _bar(row.use, width) if row.bar else "", *shares, *clock)
    return table


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _bar(use: CpuUse, width: int) -> Text:
    """Each part ends where the sum of all up to it does, so the bar is always full."""
    text, before, total = Text(), 0, 0.0
    for part in _PARTS:
        total += part.share(use)
        end = min(width, round(total / 100 * width))
        text += Text(part.sign * (end - before), part.style)
        before = max(before, end)
    return text


def below_cpus(report: Report) -> Iterator[Text]:
    """Who else was there, and what the throughput cost."""
    named = [one for one in report.neighbours if one.percent >= _LEAST_SHOWN]
    for one in named[:_MOST_NEIGHBOURS]:
        cpus = format_cpu_list(int(cpu) for cpu in one.cpus)
        where = f" of host {one.host}" if one.host else ""
        yield Text(f"  {percent(one.percent):>7}  {one.name} (pid {one.pid}), on CPU {cpus}{where}", "yellow")
    if len(named) > _MOST_NEIGHBOURS:
        yield Text(f"           and {len(named) - _MOST_NEIGHBOURS} other processes more", "yellow")
    costs = list(_costs(report.efficiency)) if report.efficiency is not None else []
    if costs:
        yield Text.assemble(("\nefficiency", "bold"), "  " + " · ".join(costs))


def _costs(part: EfficiencyPart) -> Iterator[str]:
    if part.frames_per_cpu_s is not None:
        yield f"{rate(part.frames_per_cpu_s)} frames per CPU-second"
    if part.energy_per_inference_j is not None:
        yield f"{joules(part.energy_per_inference_j)} per inference"
    if part.power_w is not None:
        yield f"{part.power_w:.0f} W"
