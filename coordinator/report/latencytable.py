"""Latencies on the terminal: percentiles with how exact they are, and those of each combination of shapes."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from ..result.numbers import count, deviation, milliseconds
from ..result.report import (
    GroupPart,
    LatencyPart,
)


def method(latency: LatencyPart | None) -> str:
    if latency is None:
        return ""
    confidence = "  ± with 95 % confidence" if latency.ci95 else ""
    return confidence if latency.exact else f"  from a histogram: within 0.1 %{confidence}"


def latency_table(latency: LatencyPart | None) -> Table:
    columns = {} if latency is None else _latency_columns(latency)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 2), show_edge=False, pad_edge=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*(milliseconds(value) for value in columns.values()))
    if latency is not None and latency.ci95:
        table.add_row(*_deviations(latency, columns), style="dim")
    return table


def _deviations(latency: LatencyPart, columns: dict[str, float | None]) -> list[str]:
    """Below a percentile how exact it is; a question mark where too few samples leave it without a bound."""
    intervals = {"p99.9": latency.ci95.get("p99_9"), **latency.ci95}
    chosen = chosen_of(latency)
    if chosen is not None:
        intervals[f"p{chosen[0]}"] = latency.ci95.get("chosen")
    cells = []
    for name, value in columns.items():
        interval = intervals.get(name)
        if interval is None:
            cells.append("")
        elif value is None or interval.low is None or interval.high is None:
            cells.append("±?")
        else:
            cells.append(deviation(value, interval.low, interval.high))
    return cells


def _latency_columns(latency: LatencyPart) -> dict[str, float | None]:
    """A percentile that was asked for takes the place of p90: more than eight columns are too wide for a terminal."""
    tail: dict[float, float | None] = {90.0: latency.p90, 95.0: latency.p95, 99.0: latency.p99, 99.9: latency.p99_9}
    chosen = chosen_of(latency)
    if chosen is not None and chosen[0] not in tail:
        del tail[90.0]
        tail[chosen[0]] = chosen[1]
    below, above = ({f"p{p:g}": tail[p] for p in sorted(tail) if (p < 50) is low} for low in (True, False))
    return {"min": latency.min, **below, "median": latency.median, "mean": latency.mean, **above, "max": latency.max}


def chosen_of(latency: LatencyPart) -> tuple[int, float] | None:
    """The percentile that was asked for, where it is another than the median."""
    percentile = latency.chosen_percentile
    return None if percentile == 50 or latency.chosen is None else (percentile, latency.chosen)


def group_table(groups: Sequence[GroupPart]) -> Table:
    """A row for each combination of shapes, in the order in which they are used."""
    chosen = next((group.latency_ms.chosen_percentile for group in groups if group.latency_ms is not None), 50)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 2), show_edge=False, pad_edge=True)
    table.add_column("shapes", overflow="fold")
    for name in ("count", "median" if chosen == 50 else f"p{chosen}", "mean", "min", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in groups:
        shapes = (f"{name} [{','.join(map(str, shape))}]" for name, shape in group.shapes.items())
        table.add_row(Text("\n".join(shapes)), count(group.count), *_group_latencies(group.latency_ms))
    return table


def _group_latencies(latency: LatencyPart | None) -> list[str]:
    if latency is None:
        return ["-"] * 4
    _, value = chosen_of(latency) or (50, latency.median)
    return [milliseconds(one) for one in (value, latency.mean, latency.min, latency.max)]
