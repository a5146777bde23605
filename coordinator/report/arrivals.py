"""A load at a rate on the terminal: what arrived and what became of it, how punctual that was, and by stage."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from ..result.arrivals import ArrivalsPart, GoodputPart, LatenessPart, ObjectivePart
from ..result.numbers import count, duration, microseconds, milliseconds, percent, rate
from ..result.report import Report, StagePart
from .latencytable import latency_figure
from .table import fitted_table


def arrival_lines(report: Report) -> Iterator[Text]:
    """None for a closed loop."""
    if report.arrivals is None:
        return
    first, *others = _arrived(report.arrivals)
    yield Text.assemble(("\narrivals", "bold"), f"  {first}")
    yield from (Text(f"          {line}") for line in others)
    if report.lateness_us is not None:
        yield Text.assemble(("lateness", "bold"), f"  {lateness_text(report.lateness_us)}")
    if report.goodput is not None:
        first, *others = goodput_texts(report.goodput)
        yield Text.assemble(("goodput", "bold"), f"   {first}")
        yield from (Text(f"          {line}") for line in others)


def _arrived(part: ArrivalsPart) -> Iterator[str]:
    seed = "" if part.seed is None else f", seed {part.seed}"
    yield f"{part.law} at {rate(part.rate)}/s{seed} · dispatch {part.dispatch} · drain {duration(part.drain_s)}"
    yield (
        f"offered {count(part.offered)} ({rate(part.offered_per_s)}/s) · "
        f"delivered {count(part.delivered)} ({rate(part.delivered_per_s)}/s)"
    )
    yield (
        f"unfinished {count(part.unfinished)} · dropped {count(part.dropped)} · "
        f"backlog {count(part.backlog_start)} to {count(part.backlog_end)}"
    )


def lateness_text(part: LatenessPart) -> str:
    """Of the load generator itself."""
    figures = (("median", part.median), ("p99", part.p99), ("max", part.max))
    return " · ".join(f"{name} {microseconds(us)}" for name, us in figures)


def goodput_texts(part: GoodputPart) -> Iterator[str]:
    """One for each objective."""
    if not part.objectives:
        yield f"{rate(part.per_s)}/s within {milliseconds(part.slo_ms)}: {share(part.share)} of arrivals"
    for objective in part.objectives:
        within = f"{rate(objective.per_s)}/s within {milliseconds(objective.limit_ms)}"
        yield f"{within}: {share(objective.share)} of arrivals{_asked(objective)}"


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


def stage_rate(stage: StagePart) -> str:
    """Per second, a ramp with both its ends."""
    ends = (stage.rate_from,) if stage.rate_to == stage.rate_from else (stage.rate_from, stage.rate_to)
    return "..".join(f"{end:,.6g}" for end in ends)


def stage_table(stages: Sequence[StagePart]) -> Table:
    """A row for each stage, in order; a column for goodput where there is an objective."""
    good = any(stage.goodput is not None for stage in stages)
    titles = ("from", "rate", "offered", "delivered", "median", "p99", "wait p99", *["goodput"] * good)
    rows = [
        [
            duration(stage.start_s),
            stage_rate(stage),
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
