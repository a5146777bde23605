"""A load at a rate on the terminal: what arrived and what became of it, how punctual that was, and by stage."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from ..result.arrivals import ArrivalsPart, GoodputPart, LatenessPart, ObjectivePart, QueueingPart
from ..result.numbers import count, duration, microseconds, milliseconds, percent, ramp, rate
from ..result.report import Report
from ..result.timeline import StagePart
from .latencytable import latency_figure
from .table import fitted_table

ARRIVALS_INDENT: Final = 10
"""Of what stands beside the title of a line."""


def arrival_lines(report: Report) -> Iterator[Text]:
    """Of a closed loop its goodput alone, where there is an objective."""
    if report.arrivals is not None:
        yield from _titled("arrivals", _arrived(report.arrivals))
    if report.lateness_us is not None:
        yield from _titled("lateness", [lateness_text(report.lateness_us)])
    if report.queueing is not None:
        yield from _titled("queue", queue_texts(report.queueing))
    if report.goodput is not None:
        yield from _titled("goodput", goodput_texts(report.goodput, at_rate=report.arrivals is not None))


def _titled(title: str, lines: Iterable[str]) -> Iterator[Text]:
    """The title beside the first of them."""
    for index, line in enumerate(lines):
        yield Text.assemble((f"{title if index == 0 else '':<{ARRIVALS_INDENT}}", "bold"), line)


def _arrived(part: ArrivalsPart) -> Iterator[str]:
    seed = "" if part.seed is None else f", seed {part.seed}"
    yield f"{part.law} at {rate(part.rate)}/s{seed} · dispatch {part.dispatch} · drain {duration(part.drain_s)}"
    yield (
        f"offered {count(part.offered)} ({rate(part.offered_per_s)}/s) · "
        f"delivered {count(part.delivered)} ({rate(part.delivered_per_s)}/s)"
    )
    yield (
        f"unfinished {count(part.unfinished)} · dropped {count(part.dropped)} · "
        f"backlog {backlog_text(part, '{} to {}')}"
    )


def backlog_text(part: ArrivalsPart, form: str) -> str:
    """`form`: with a place for that at the start of the window and one for that at its end."""
    if part.backlog_start is None or part.backlog_end is None:
        return "unknown"
    return form.format(count(part.backlog_start), count(part.backlog_end))


def lateness_text(part: LatenessPart) -> str:
    """Of the load generator itself."""
    figures = (("median", part.median), ("p99", part.p99), ("max", part.max))
    return " · ".join(f"{name} {microseconds(us)}" for name, us in figures)


def queue_texts(part: QueueingPart) -> Iterator[str]:
    """Means: the wait beside that which its services predict, and what of these is due to each other."""
    servers = "" if part.servers is None else f" · {part.servers} at a time"
    yield f"mean wait {milliseconds(part.wait_ms)} · in an ideal queue {milliseconds(part.shuffled_wait_ms)}{servers}"
    slower = part.slowdown
    if slower is not None and slower.certain:
        alone = f"alone {milliseconds(slower.alone_ms)} ({slower.percent:+.0f} %)"
        yield f"mean service {milliseconds(part.service_ms)} · {alone}"


def goodput_texts(part: GoodputPart, at_rate: bool) -> Iterator[str]:
    """One for each objective."""
    of = "arrivals" if at_rate else "inferences"
    if not part.objectives:
        yield f"{rate(part.per_s)}/s within {milliseconds(part.slo_ms)}: {share(part.share)} of {of}"
    for objective in part.objectives:
        within = f"{rate(objective.per_s)}/s within {milliseconds(objective.limit_ms)}"
        yield f"{within}: {share(objective.share)} of {of}{_asked(objective)}"


def _asked(objective: ObjectivePart) -> str:
    if objective.percent is None:
        return ""
    verdict = {True: ", met", False: ", not met", None: ""}[objective.met]
    return f", {objective.percent:g} % asked for{verdict}"


def share(part: float) -> str:
    """In percent, never rounded to all of them or to none."""
    words = percent(100 * part)
    if 0 < part < 1 and words in (percent(0), percent(100)):
        return "> 99.9 %" if part > 0.5 else "< 0.1 %"
    return words


def stage_table(stages: Sequence[StagePart]) -> Table:
    """A row for each stage, in order; a column for goodput where there is an objective."""
    good = any(stage.goodput is not None for stage in stages)
    titles = ("from", "rate", "offered", "delivered", "median", "p99", "wait p99", *["goodput"] * good)
    rows = [
        [
            duration(stage.start_s),
            ramp(stage.rate_from, stage.rate_to),
            count(stage.offered),
            count(stage.delivered),
            latency_figure(stage.latency_ms, "median"),
            latency_figure(stage.latency_ms, "p99"),
            latency_figure(stage.wait_ms, "p99"),
            *["-" if stage.goodput is None else share(stage.goodput.share)] * good,
        ]
        for stage in stages
    ]
    return fitted_table(titles, rows)
