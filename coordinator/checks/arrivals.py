"""Whether a load at a rate was served as it arrived: overload, what never completed, late starts. Pure."""

from collections.abc import Iterator
from typing import Final

from ovbench.common.clock import NS_PER_MS

from ..analysis.backlog import Backlog, Overload, overload_of
from ..analysis.merge import Merged, Turnout
from ..analysis.punctuality import shift_by_lateness
from ..result.findings import Code
from ..result.numbers import duration, rate
from ..result.report import Finding
from .evidence import Evidence

LEAST_RATE_SHARE: Final = 0.99
"""Of the rate that -max_irate allows: below it, something else limits the rate."""

MOST_SHIFT_PERCENT: Final = 1.0
"""By which lateness may move the percentile that is claimed."""


def find_in_arrivals(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    overload, turnout = _overload(merged), merged.turnout
    if overload is not None and turnout is not None:
        yield _overloaded(evidence, merged, turnout, overload)
    if turnout is not None and turnout.offered:
        yield from _dropped(evidence, turnout)
        if overload is None:
            yield from _unfinished(evidence, turnout)
        yield from _late_starts(evidence, merged)
    if overload is None:
        yield from _rate_not_reached(evidence, merged)


def _overload(merged: Merged) -> Overload | None:
    """None also where samples were folded: it is not known then when each began and ended."""
    if merged.offered is None:
        return None
    requests = sum(queue.requests for queue in merged.queues)
    return overload_of(Backlog.of(merged.offered), merged.window.start_ns, merged.window.stop_ns, max(requests, 1))


def _overloaded(evidence: Evidence, merged: Merged, turnout: Turnout, overload: Overload) -> Finding:
    seconds = merged.window.duration_s
    drain = f" within {evidence.run.request.load.drain_s:g} s after the end"
    became = [f"{turnout.delivered:,} completed"]
    became += [f"{turnout.dropped:,} were dropped"] if turnout.dropped else []
    became += [f"{turnout.unfinished:,} were not done{drain}"] if turnout.unfinished else []
    message = (
        f"More arrived than could be served: {rate(turnout.offered / seconds)} inferences a second, of which "
        f"{rate(merged.work.inferences / seconds)} were done; in the last {duration(overload.seconds)} the backlog "
        f"grew by {rate(overload.per_s)} a second. Of {turnout.offered:,} that were due, {', '.join(became)}."
    )
    advice = "Lower the rate, or use more agents, CPUs or streams; latencies here depend on the length of the run."
    return Finding(Code.OVERLOADED, "error", message, advice)


def _dropped(evidence: Evidence, turnout: Turnout) -> Iterator[Finding]:
    if turnout.dropped:
        timeout_ms = 1000 * (evidence.run.request.load.timeout_s or 0.0)
        message = (
            f"{_some(turnout.dropped, turnout)} waited for {timeout_ms:g} ms and were dropped; they count as longer "
            "than all that completed."
        )
        yield Finding(Code.DROPPED, "warning", message, "Lower the rate, or raise --timeout-ms.")


def _unfinished(evidence: Evidence, turnout: Turnout) -> Iterator[Finding]:
    if turnout.unfinished:
        message = (
            f"{_some(turnout.unfinished, turnout)} had not completed {evidence.run.request.load.drain_s:g} s after the "
            "end; they count as longer than all that did."
        )
        yield Finding(Code.UNFINISHED, "warning", message, "Raise --drain, or look for what stalls the agents.")


def _some(count: int, turnout: Turnout) -> str:
    return f"{count:,} of {turnout.offered:,} arrivals ({100 * count / turnout.offered:.3g} %)"


def _late_starts(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    percent = evidence.claimed_percent
    shift = shift_by_lateness(merged.queues, merged.window.start_ns, merged.window.stop_ns, percent)
    if shift is not None and shift.percent > MOST_SHIFT_PERCENT:
        message = (
            f"Inferences were started late although a request was idle: without that, p{percent} could be "
            f"{shift.punctual_ns / NS_PER_MS:,.4g} ms and not {shift.measured_ns / NS_PER_MS:,.4g} ms."
        )
        advice = (
            "Raise --spin, leave CPUs to ovbench itself with --housekeeping, and keep other load off the measured ones."
        )
        yield Finding(Code.LATE_STARTS, "warning", message, advice)


def _rate_not_reached(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    """Of -max_irate. An agent's latest inference may have been under way when the window ended: in a short run that
    alone is 1 %. What was late and has been caught up with is not here: it is in the waits."""
    wanted = evidence.run.request.max_irate
    under_way = sum(max(agent.batches) for agent in evidence.run.agents if agent.id in merged.agent_counts)
    frames = merged.work.frames + under_way
    if wanted and merged.count and frames < LEAST_RATE_SHARE * wanted * merged.window.duration_s:
        waited = (
            f" What was due waited for up to {merged.wait.least('max'):,.4g} ms." if merged.wait is not None else ""
        )
        message = f"-max_irate {wanted:g} was not reached: the agents did {merged.fps:,.1f} frames per second.{waited}"
        yield Finding(Code.RATE_NOT_REACHED, "warning", message, "Lower the rate, or use more agents or streams.")
