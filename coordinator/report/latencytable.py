"""Latencies on the terminal: percentiles with how exact they are, their parts at a rate, and by shapes."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from ..result.latency import LatencyPart
from ..result.numbers import bounded, count, deviation
from ..result.report import GroupPart
from .table import fitted_table


def method(latency: LatencyPart | None) -> str:
    if latency is None:
        return ""
    confidence = "  ± with 95 % confidence" if latency.ci95 else ""
    return confidence if latency.exact else f"  from a histogram: within 0.1 %{confidence}"


def latency_table(latency: LatencyPart | None) -> Table:
    if latency is None:
        return fitted_table((), ())
    columns = _columns(latency)
    rows: list[Sequence[str | Text]] = [_figures(latency, columns)]
    if latency.ci95:
        rows.append(_deviations(latency, columns))
    return fitted_table([*columns], rows)


def parts_table(parts: Mapping[str, LatencyPart | None]) -> Table:
    """A row for each part by its name. The first is the whole, and has its intervals below it. Without the minimum, as
    there is no room for it beside the names."""
    known = {name: part for name, part in parts.items() if part is not None}
    if not known:
        return fitted_table((), ())
    whole = next(iter(known))
    columns = {title: field for title, field in _columns(known[whole]).items() if title != "min"}
    rows: list[list[str | Text]] = []
    for name, part in known.items():
        rows.append([name, *_figures(part, columns)])
        if name == whole and part.ci95:
            rows.append(["", *_deviations(part, columns)])
    return fitted_table(["", *columns], rows, names=1)


def _figures(latency: LatencyPart, columns: Mapping[str, str]) -> list[str]:
    return [latency_figure(latency, field) for field in columns.values()]


def latency_figure(latency: LatencyPart | None, field: str) -> str:
    """A dash where there is no latency at all; one that is unknown is more than what it cannot be below."""
    return "-" if latency is None else bounded(getattr(latency, field), latency.at_least.get(field))


def _deviations(latency: LatencyPart, columns: Mapping[str, str]) -> list[Text]:
    """Below a percentile how exact it is; a question mark where too few samples leave it without a bound."""
    cells = []
    for field in columns.values():
        value, interval = getattr(latency, field), latency.ci95.get(field)
        if interval is None:
            cells.append("")
        elif value is None or interval.low is None or interval.high is None:
            cells.append("±?")
        else:
            cells.append(deviation(value, interval.low, interval.high))
    return [Text(cell, "dim") for cell in cells]


def _columns(latency: LatencyPart) -> dict[str, str]:
    """Fields by their titles. A percentile that was asked for takes the place of p90: more than eight columns are too
    wide for a terminal."""
    tail = {90.0: "p90", 95.0: "p95", 99.0: "p99", 99.9: "p99_9"}
    chosen = chosen_of(latency)
    if chosen is not None and chosen not in tail:
        del tail[90.0]
        tail[chosen] = "chosen"
    below, above = ({f"p{p:g}": tail[p] for p in sorted(tail) if (p < 50) is low} for low in (True, False))
    return {"min": "min", **below, "median": "median", "mean": "mean", **above, "max": "max"}


def chosen_of(latency: LatencyPart) -> int | None:
    """The percentile that was asked for, where it is another than the median. Its value may be unknown at a rate."""
    return None if latency.chosen_percentile == 50 else latency.chosen_percentile


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
    percentile = "median" if latency is None or chosen_of(latency) is None else "chosen"
    return [latency_figure(latency, name) for name in (percentile, "mean", "min", "max")]
