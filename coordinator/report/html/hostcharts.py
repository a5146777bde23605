"""The charts of hosts beside each other: what each did, and how its latencies are distributed. Pure."""

from collections.abc import Sequence
from typing import Final

from ...result.hosts import HostPart
from ...result.latency import LatencyPart
from ...result.numbers import milliseconds, percent, rate
from ..latencytable import latency_figure
from .chart import MUTED, SERIES, Chart, ChartSpec, Row, axis, colours, drawing, time_unit

_ROW: Final = 26
_PERCENTILES: Final = {"median": "median", "p90": "p90", "p95": "p95", "p99": "p99", "p99_9": "p99.9"}


def hosts_throughput(hosts: Sequence[HostPart]) -> Chart:
    """A bar for each host, with its interval; by class, where there are several."""
    rows: list[Row] = []
    bars: list[Row] = []
    for host in hosts:
        if host.throughput is None:
            continue
        throughput, interval = host.throughput, host.throughput.fps_ci95
        busy = "" if host.cpu is None else f"\nCPU {percent(host.cpu.busy_percent)}"
        agents = f"{len(host.agents)} agent{'s' if len(host.agents) != 1 else ''}"
        tip = f"{host.name}\n{rate(throughput.fps)} FPS, {agents}{busy}\n{host.topology.model}"
        rows.append({"host": host.name, "x": throughput.fps, "of": f"class {host.kind}", "tip": tip})
        if interval is not None and interval.low is not None and interval.high is not None:
            bars.append({"host": host.name, "low": interval.low, "high": interval.high})
    kinds = list(dict.fromkeys(str(row["of"]) for row in rows))
    paint = colours("of", kinds, [SERIES[at % len(SERIES)] for at in range(len(kinds))], legend=len(kinds) > 1)
    x, y = axis("x", "frames per second", zero=True), _host_axis()
    layers: list[ChartSpec] = [
        {"mark": {"type": "bar"}, "encoding": {"x": x, "y": y, "color": paint, "tooltip": {"field": "tip"}}}
    ]
    if bars:
        layers.append({
            "data": {"values": bars}, "mark": {"type": "rule", "strokeWidth": 2, "color": MUTED},
            "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
        })  # fmt: skip
    caption = "What the agents of each host did in the window of all."
    caption += " Hosts of one class have the same CPUs and the same OpenVINO." if len(kinds) > 1 else ""
    return Chart("hosts", "Throughput by host", caption, drawing(layers, rows, _height(rows)))


def hosts_latency(hosts: Sequence[HostPart]) -> Chart:
    """Percentiles of each host, of its own samples, on a line."""
    latencies = [(host, host.latency_ms) for host in hosts if host.latency_ms is not None]
    known = [
        (host, part, name, value) for host, part in latencies for name in _PERCENTILES if (value := _at(part, name))
    ]
    unit = time_unit(max((value for _, _, _, value in known), default=0.0))
    rows: list[Row] = [
        {"host": host.name, "x": value * unit.factor, "of": _PERCENTILES[name],
         "tip": f"{host.name}\n{_PERCENTILES[name]}  {latency_figure(part, name)}"
         f"\nmin {milliseconds(part.min)}, max {latency_figure(part, 'max')}"}
        for host, part, name, value in known
    ]  # fmt: skip
    names = list(_PERCENTILES.values())
    x, y = axis("x", f"latency, {unit.name}", zero=True), _host_axis()
    paint = colours("of", names, [SERIES[at % len(SERIES)] for at in range(len(names))])
    layers: list[ChartSpec] = [
        {
            "mark": {"type": "line", "color": MUTED, "strokeWidth": 1},
            "encoding": {"x": x, "y": y, "detail": {"field": "host"}},
        },
        {
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 80},
            "encoding": {"x": x, "y": y, "color": paint, "tooltip": {"field": "tip"}},
        },
    ]
    caption = "Nearest rank over each host's own samples, by its own clock; they are not averaged."
    return Chart("hosts_latency", "Latency by host", caption, drawing(layers, rows, _height(rows)))


def _at(latency: LatencyPart, name: str) -> float:
    """0 where it is not known."""
    value: float | None = getattr(latency, name)
    return value or 0.0


def _host_axis() -> ChartSpec:
    return axis("host", None, kind="ordinal", sort=None, axis={"labelLimit": 260, "ticks": False, "labelPadding": 6})


def _height(rows: Sequence[Row]) -> int:
    return max(90, _ROW * len({row["host"] for row in rows}))
