"""The charts of CPUs in a run: who used them, and how busy each was. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from ovbench.common.topology import format_cpu_list

from ...result.cpu import CpuPart, CpuTimeline
from ...result.numbers import percent
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


def heat(cpu: CpuPart) -> Chart:
    """How busy every online CPU was over the window, by socket and node."""
    rows = list(_cells(cpu))
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
        "cpus", "Utilization of CPUs by socket and node", caption, drawing(layers, rows, 34 * len(order)), wide=True
    )


def heat_over_time(cpu: CpuPart, timeline: CpuTimeline) -> Chart:
    """A row for each measured CPU. The cells are made from its row by the chart: they would be most of a page."""
    groups = [
        (f"socket {socket}, node {node}", list(numbers))
        for (socket, node), numbers in _by_place(cpu, map(int, timeline.busy_percent))
    ]
    several = len(groups) > 1
    rows = [
        {"row": str(number), "cpu": number, "at": where, "busy": [round(b) for b in timeline.busy_percent[str(number)]]}
        for where, numbers in groups
        for number in numbers
    ]
    order = [row for where, numbers in groups for row in (*((where,) if several else ()), *map(str, numbers))]
    numbered = len(order) <= _NUMBERED_ROWS
    y = axis("row", None, kind="ordinal", sort=order, scale={"domain": order, "paddingInner": 0.08 if numbered else 0})
    y["axis"] = {
        "domain": False, "ticks": False, "labelPadding": 8, "labelLimit": 260, "labelOverlap": False,
        "values": order if numbered else [where for where, _ in groups] if several else order[:: -(-len(order) // 20)],
        "labelExpr": "isNaN(+datum.value) ? datum.value : 'CPU ' + datum.value",
    }  # fmt: skip
    edges = [0.0, *(round(end, 3) for end in timeline.t_s)]
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


def _by_place(cpu: CpuPart, numbers: Iterable[int]) -> Iterator[tuple[tuple[int, int], Iterator[int]]]:
    """CPUs by socket and node, SMT siblings beside each other; all on one where a report does not say."""

    def place(number: int) -> tuple[int, int]:
        known = cpu.places.get(str(number))
        return (known.socket, known.node) if known is not None else (0, 0)

    def core(number: int) -> tuple[int, int, int, int]:
        known = cpu.places.get(str(number))
        return (*place(number), known.core if known is not None else number, number)

    return groupby(sorted(numbers, key=core), key=place)


def _cells(cpu: CpuPart) -> Iterator[dict[str, Any]]:
    measured = set(cpu.measured_cpus)
    for (socket, node), numbers in _by_place(cpu, map(int, cpu.per_cpu)):
        here = list(numbers)
        for at in range(0, len(here), _IN_A_ROW):
            part = here[at : at + _IN_A_ROW]
            name = f"socket {socket}, node {node}" + (f": {_shortened(part)}" if len(here) > _IN_A_ROW else "")
            for x, number in enumerate(part):
                one = cpu.per_cpu[str(number)]
                where = f"socket {socket}, node {node}" + ("" if number in measured else ", not measured")
                yield {
                    "row": name, "x": x, "cpu": str(number), "busy": round(one.busy, 2), "measured": number in measured,
                    "tip": f"CPU {number}, {where}\nbusy {percent(one.busy)}\nuser {percent(one.user)}, "
                    f"system {percent(one.system)}, iowait {percent(one.iowait)}, stolen {percent(one.steal)}",
                }  # fmt: skip


def _shortened(cpus: Sequence[int]) -> str:
    return format_cpu_list(tuple(sorted(cpus)))


def interference(cpu: CpuPart) -> Chart:
    """Each measured CPU by who used it, where that is known; else by what the kernel counts."""
    parts = _USE if cpu.use else _BUSY
    rows = [
        {"cpu": number, "share": round(share, 3), "of": of, "at": at, "tip": f"CPU {number}\n{of}  {percent(share)}"}
        for number in cpu.measured_cpus
        for at, (of, share) in enumerate(_shares(cpu, str(number)).items())
        if share > 0
    ]
    lying = len(cpu.measured_cpus) <= _LYING_BARS
    numbers = axis("cpu", "measured CPU", kind="ordinal", axis={"labelAngle": 0, "ticks": False, "labelPadding": 6})
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
    height = max(90, 26 * len(cpu.measured_cpus)) if lying else 240
    title = "Who had the measured CPUs" if cpu.use else "How the measured CPUs spent the window"
    caption = (
        "What is not the agents' is interference: time of ovbench itself, of other processes, or of the hypervisor."
        if cpu.use
        else "The kernel's count; whose time it was is not in this report."
    )
    return Chart("interference", title, caption, drawing([bars], rows, height))


def _shares(cpu: CpuPart, number: str) -> dict[str, float]:
    if cpu.use:
        use = cpu.use.get(number)
        shares = () if use is None else (use.agents, use.harness, use.others, use.steal, use.idle)
        return dict(zip(_USE, shares, strict=False))
    one = cpu.per_cpu.get(number)
    if one is None:
        return {}
    idle = max(0.0, 100 - one.user - one.system - one.iowait - one.steal)
    return {"user": one.user, "system": one.system, "iowait": one.iowait, "stolen": one.steal, "idle": idle}
