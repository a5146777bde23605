"""CPUs on the terminal: who had the measured ones, who else was there, and what the throughput cost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from ovbench.common.topology import format_cpu_list

from ..result.cpu import CpuPart, CpuUse
from ..result.numbers import joules, percent, rate
from ..result.report import EfficiencyPart, Report

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


def use_table(cpu: CpuPart) -> Table:
    """Who had each CPU; of more of them than fit, what they have in common."""
    shown = [(number, cpu.use[str(number)]) for number in cpu.measured_cpus if str(number) in cpu.use]
    clocks = {number: one.mean for number, one in cpu.frequency_mhz.items()}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 2), show_edge=False, pad_edge=True)
    table.add_column("CPU", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for title in (*(part.title for part in _PARTS), *(["MHz"] if clocks else [])):
        table.add_column(title, justify="right", no_wrap=True)

    def row(name: str, use: CpuUse, mhz: float | None, bar: bool = True) -> None:
        clock = [] if not clocks else ["-" if mhz is None else f"{mhz:,.0f}"]
        table.add_row(
            name, _bar(use, 12 if clocks else 20) if bar else "", *(percent(part.share(use)) for part in _PARTS), *clock
        )

    if len(shown) <= _MOST_CPUS:
        for number, use in shown:
            row(str(number), use, clocks.get(str(number)))
        return table
    for name, pick in (("mean", _mean), ("least", min), ("most", max)):
        use = CpuUse(*(pick([part.share(one) for _, one in shown]) for part in _PARTS))
        row(name, use, pick(list(clocks.values())) if clocks else None, bar=name == "mean")
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
        yield Text(f"  {percent(one.percent):>7}  {one.name} (pid {one.pid}), on CPU {cpus}", "yellow")
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
