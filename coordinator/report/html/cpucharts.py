"""The charts of CPUs in a run: who used them, and how busy each was. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any, Final

from ovbench.common.topology import format_cpu_list

from ...result.cpu import CpuPart, CpuTimeline
from ...result.numbers import percent
from ...result.report import Report
from .chart import (
    BLUE,
    GREEN,
    HEAT,
    IDLE,
    ORANGE,
    PINK,
    TEXT,
    YELLOW,
    Chart,
    ChartSpec,
    axis,
    colours,
    drawing,
)

_IN_A_ROW: Final = 32
_NUMBERED_CPUS: Final = 128
_NUMBERED_ROWS: Final = 40
_HEAT_HEIGHT: Final = 640
_LYING_BARS: Final = 16
_USE: Final = {"agents": BLUE, "ovbench": PINK, "others": ORANGE, "stolen": YELLOW, "idle": IDLE}
_BUSY: Final = {"user": BLUE, "system": PINK, "iowait": GREEN, "stolen": YELLOW, "idle": IDLE}


def cpus_of(report: Report) -> dict[str, CpuPart]:
    """By host, of several; else by no name."""
    if not report.several_hosts:
        return {"": report.cpu}
    return {host.name: host.cpu for host in report.hosts if host.cpu is not None}


def heat(hosts: Mapping[str, CpuPart]) -> Chart:
    """How busy every online CPU was over the window, by host, socket and node."""
    rows = [row for host, cpu in hosts.items() for row in _cells(host, cpu)]
    order = list(dict.fromkeys(row["row"] for row in rows))
    step = max(row["x"] for row in rows) + 1
    narrow = step < 12
    x = axis("x", None, kind="ordinal", axis=None, scale={"domain": list(range(max(step, 8)))})
    y = axis(
        "row",
        None,
        kind="ordinal",
        sort=order,
        axis={"labelLimit": 260, "domain": False, "ticks": False, "labelPadding": 8},
    )
    layers: list[ChartSpec] = [
        {
            "mark": {"type": "rect", "cornerRadius": 2},
            "encoding": {
                "x": x, "y": y,
                "color": {
                    "field": "busy", "type": "quantitative",
                    "scale": {"scheme": HEAT, "domain": [0, 100]},
                    "legend": {"title": "busy, %", "gradientLength": 160},
                },
                "stroke": {"condition": {"test": "datum.measured", "value": TEXT}, "value": None},
                "strokeWidth": {"value": 2},
                "tooltip": {"field": "tip"},
            },
        }
    ]  # fmt: skip
    if len(rows) <= _NUMBERED_CPUS:
        layers.append({
            "mark": {"type": "text", "fontSize": 12 if narrow else 10},
            "encoding": {
                "x": x, "y": y, "text": {"field": "cpu"}, "tooltip": {"field": "tip"},
                "color": {"condition": {"test": "datum.busy > 55", "value": "#111111"}, "value": "#ffffff"},
            },
        })  # fmt: skip
    caption = "Every online CPU by its number, over the window; those with an edge were measured."
    return Chart(
        "cpus",
        f"Utilization of CPUs by {'host, ' if len(hosts) > 1 else ''}socket and node",
        caption,
        drawing(layers, rows, 34 * len(order)),
        wide=True,
    )


def heat_over_time(hosts: Mapping[str, CpuTimeline], places: Mapping[str, CpuPart]) -> Chart:
    """A row for each measured CPU. The cells are made from its row by the chart: they would be most of a page.

    Rows are numbers of CPUs, of several hosts `host: number`; `places` has where these are.
    """
    groups = [
        (f"{_of(host)}socket {socket}, node {node}", [(f"{_of(host)}{number}", number, host) for number in numbers])
        for host, timeline in hosts.items()
        for (socket, node), numbers in _by_place(places[host], map(int, timeline.busy_percent))
    ]
    several = len(groups) > 1
    rows = [
        {"row": row, "cpu": number, "at": where,
         "busy": [round(b) for b in hosts[host].busy_percent[str(number)]]}
        for where, some in groups
        for row, number, host in some
    ]  # fmt: skip
    order = [row for where, some in groups for row in (*((where,) if several else ()), *(name for name, *_ in some))]
    numbered = len(order) <= _NUMBERED_ROWS
    y = axis("row", None, kind="ordinal", sort=order, scale={"domain": order, "paddingInner": 0.08 if numbered else 0})
    y["axis"] = {
        "domain": False, "ticks": False, "labelPadding": 8, "labelLimit": 260, "labelOverlap": False,
        "values": order if numbered else [where for where, _ in groups] if several else order[:: -(-len(order) // 20)],
        "labelExpr": "indexof(datum.value, 'node ') < 0 ? 'CPU ' + peek(split(datum.value, ': ')) : datum.value",
    }  # fmt: skip
    edges = [0.0, *(round(end, 3) for end in next(iter(hosts.values())).t_s)]
    cells = {
        # A little into the next cell, as there would be hairlines between them on screens of uneven scale.
        "mark": {"type": "rect", "x2Offset": 0.5, **({} if numbered else {"height": {"band": 1.1}})},
        "transform": [
            {"calculate": "sequence(length(datum.busy))", "as": "slice"},
            {"flatten": ["busy", "slice"]},
            {"calculate": f"{edges}[datum.slice]", "as": "from"},
            {"calculate": f"{edges}[datum.slice + 1]", "as": "to"},
            {
                "calculate": "'CPU ' + datum.cpu + ', ' + datum.at + '\\nfrom ' + format(datum.from, '.6~g') + ' to ' "
                "+ format(datum.to, '.6~g') + ' s\\nbusy ' + datum.busy + ' %'",
                "as": "tip",
            },
        ],
        "encoding": {
            "x": axis("from", "time in the window, s", scale={"domain": [0, edges[-1]], "nice": False},
                      axis={"grid": False, "format": ".6~g"}),
            "x2": {"field": "to"},
            "y": y,
            "color": {
                "field": "busy", "type": "quantitative",
                "scale": {"scheme": HEAT, "domain": [0, 100]},
                "legend": {"title": "busy, %", "gradientLength": 160},
            },
            "tooltip": {"field": "tip"},
        },
    }  # fmt: skip
    height = len(order) * max(3, min(22, _HEAT_HEIGHT // len(order)))
    return Chart(
        "cpus_over_time",
        "Utilization of measured CPUs over time",
        "A row for each measured CPU, by slices of the window.",
        drawing([cells], rows, height),
        wide=True,
    )


def _of(host: str) -> str:
    return f"{host}: " if host else ""


def _by_place(cpu: CpuPart, numbers: Iterable[int]) -> Iterator[tuple[tuple[int, int], Iterator[int]]]:
    """CPUs by socket and node, SMT siblings beside each other; all on one where a report does not say."""

    def place(number: int) -> tuple[int, int]:
        known = cpu.places.get(str(number))
        return (known.socket, known.node) if known is not None else (0, 0)

    def core(number: int) -> tuple[int, int, int, int]:
        known = cpu.places.get(str(number))
        return (*place(number), known.core if known is not None else number, number)

    return groupby(sorted(numbers, key=core), key=place)


def _cells(host: str, cpu: CpuPart) -> Iterator[dict[str, Any]]:
    measured = set(cpu.measured_cpus)
    for (socket, node), numbers in _by_place(cpu, map(int, cpu.per_cpu)):
        here = list(numbers)
        for at in range(0, len(here), _IN_A_ROW):
            part = here[at : at + _IN_A_ROW]
            name = f"{_of(host)}socket {socket}, node {node}" + (
                f": {_shortened(part)}" if len(here) > _IN_A_ROW else ""
            )
            for x, number in enumerate(part):
                one = cpu.per_cpu[str(number)]
                where = f"{_of(host)}socket {socket}, node {node}" + ("" if number in measured else ", not measured")
                yield {
                    "row": name, "x": x, "cpu": str(number), "busy": round(one.busy, 2), "measured": number in measured,
                    "tip": f"CPU {number}, {where}\nbusy {percent(one.busy)}\nuser {percent(one.user)}, "
                    f"system {percent(one.system)}, iowait {percent(one.iowait)}, stolen {percent(one.steal)}",
                }  # fmt: skip


def _shortened(cpus: Sequence[int]) -> str:
    return format_cpu_list(tuple(sorted(cpus)))


def interference(hosts: Mapping[str, CpuPart]) -> Chart:
    """Each measured CPU by who used it, where that is known; else by what the kernel counts. Over several hosts with
    more CPUs than there is room for, their mean by host."""
    known = all(cpu.use for cpu in hosts.values())
    parts = _USE if known else _BUSY
    several, measured = len(hosts) > 1, sum(len(cpu.measured_cpus) for cpu in hosts.values())
    by_host = several and measured > _LYING_BARS
    rows = [
        {"cpu": name, "share": round(share, 3), "of": of, "at": at, "tip": f"{what}\n{of}  {percent(share)}"}
        for host, cpu in hosts.items()
        for name, what, shares in (_means(host, cpu, known) if by_host else _each(host, cpu, known))
        for at, (of, share) in enumerate(shares.items())
        if share > 0
    ]
    bars_of = len(hosts) if by_host else measured
    lying = several or bars_of <= _LYING_BARS
    numbers = axis(
        "cpu",
        "host" if by_host else "measured CPU",
        kind="ordinal",
        axis={"labelAngle": 0, "ticks": False, "labelPadding": 6, "labelLimit": 260},
    )
    if several:
        numbers["sort"] = None
    share = axis("share", "percent of its time", zero=True, scale={"domain": [0, 100]})
    bars = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": share if lying else numbers,
            "y": numbers if lying else share,
            "color": colours("of", list(parts), list(parts.values())),
            "order": {"field": "at"},
            "tooltip": {"field": "tip"},
        },
    }
    height = max(90, 26 * bars_of) if lying else 240
    title = "Who had the measured CPUs" if known else "How the measured CPUs spent the window"
    caption = (
        "What is not the agents' is interference: time of ovbench itself, of other processes, or of the hypervisor."
        if known
        else "The kernel's count; whose time it was is not in this report."
    )
    return Chart("interference", title, caption, drawing([bars], rows, height))


def _each(host: str, cpu: CpuPart, known: bool) -> Iterator[tuple[int | str, str, dict[str, float]]]:
    """Of each measured CPU its name, what it is, and its shares."""
    for number in cpu.measured_cpus:
        name = f"{host}: {number}" if host else number
        yield name, f"{_of(host)}CPU {number}", _shares(cpu, str(number), known)


def _means(host: str, cpu: CpuPart, known: bool) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Of all measured CPUs of a host together."""
    each = [shares for _, _, shares in _each(host, cpu, known) if shares]
    if each:
        yield host, f"{host}: {len(each)} CPUs", {of: fmean(one[of] for one in each) for of in each[0]}


def _shares(cpu: CpuPart, number: str, known: bool) -> dict[str, float]:
    if known:
        use = cpu.use.get(number)
        shares = () if use is None else (use.agents, use.harness, use.others, use.steal, use.idle)
        return dict(zip(_USE, shares, strict=False))
    one = cpu.per_cpu.get(number)
    if one is None:
        return {}
    idle = max(0.0, 100 - one.user - one.system - one.iowait - one.steal)
    return {"user": one.user, "system": one.system, "iowait": one.iowait, "stolen": one.steal, "idle": idle}
