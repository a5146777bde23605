"""Whether the figure of --until became known well enough, and why not. Pure."""

from ovbench.common.clock import NS_PER_MS, NS_PER_S

from ..analysis.merge import Merged
from ..result.report import LookPart, UntilPart
from ..session.record import RunRecord
from ..session.watch import LookTaken, grid_of


def until_of(record: RunRecord, merged: Merged | None) -> UntilPart | None:
    """None where the run did not wait for a figure. Looks are at what has completed: where some never did, they may be
    of a figure that is not known in the end."""
    wanted = record.request.until
    if wanted is None:
        return None
    unit = 1.0 if wanted.figure == "fps" else NS_PER_MS
    known = merged is None or _known(merged, wanted.figure)
    reached = known and bool(record.looks) and record.looks[-1].reached
    return UntilPart(
        figure=wanted.figure,
        within_percent=wanted.percent,
        reached=reached,
        looks=tuple(_look(look, unit) for look in record.looks),
        planned=len(grid_of(record.request.load).looks),
        why="" if reached else _why(record, wanted.percent, known),
        known=known,
    )


def _look(look: LookTaken, unit: float) -> LookPart:
    estimate = look.estimate

    def scaled(value: float | None) -> float | None:
        return None if value is None else value / unit

    return LookPart(
        at_s=look.at_ns / NS_PER_S,
        confidence_percent=100 * look.confidence,
        count=0 if estimate is None else estimate.count,
        estimate=None if estimate is None else scaled(estimate.value),
        low=None if estimate is None else scaled(estimate.low),
        high=None if estimate is None else scaled(estimate.high),
        half_width_percent=look.half_width_percent,
    )


def _known(merged: Merged, figure: str) -> bool:
    """Of one that the run waited for. Without latencies there are too few inferences as it is."""
    latency, name = merged.latency, figure.removesuffix("_ms")
    return figure == "fps" or latency is None or name not in latency.at_least


def _why(record: RunRecord, percent: float, known: bool) -> str:
    if record.interrupted:
        return "the run was interrupted"
    if not all(agent.counts for agent in record.agents):
        return "not all agents measured to the end"
    if not known:
        return "it depends on arrivals that never completed"
    last = record.looks[-1] if record.looks else None
    if last is None or last.estimate is None:
        return "there were too few inferences for an interval"
    width = last.half_width_percent
    if width is None:
        return f"{last.estimate.count:,} inferences were too few for an interval with two ends"
    needed_s = last.at_ns / NS_PER_S * (width / percent) ** 2
    return (
        f"its interval was within {width:.3g} % of it after {last.at_ns / NS_PER_S:g} s; about {needed_s:,.2g} s would "
        "have been enough"
    )
