"""Whether a load at a rate was served as it arrived: overload, what never completed, late starts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ovbench.common.clock import NS_PER_MS, NS_PER_S

from ..analysis.backlog import LEAST_SHARE, Backlog, Overload, overload_of, overload_of_counts
from ..analysis.contention import Contention, Slowdown
from ..analysis.merge import Merged, Turnout
from ..analysis.offered import Offered
from ..analysis.punctuality import shift_by_lateness
from ..result.findings import Code
from ..result.numbers import duration, milliseconds, rate
from ..result.report import Finding
from .evidence import Evidence

LEAST_RATE_SHARE: Final = 0.99
"""Of the rate that -max_irate allows: below it, something else limits the rate."""

LEAST_STAGE_SHARE: Final = 0.5
"""Of a stage, in which no stream may have been idle: stages are short, and a stall is no overload."""

LEAST_EXCESS: Final = 0.25
LEAST_SHARE_OF_LATENCY: Final = 0.02
"""By which a wait is far above another: of that one, and of the mean latency."""

MOST_SHIFT_PERCENT: Final = 1.0
"""By which lateness may move the percentile that is claimed."""


def find_in_arrivals(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    turnout = merged.turnout
    overloads = tuple(_overloads(evidence, merged)) if turnout is not None and evidence.whole else ()
    yield from overloads
    overloaded = any(finding.severity == "error" for finding in overloads)
    if turnout is not None and turnout.offered:
        yield from _dropped(evidence, turnout)
        if not overloaded:
            yield from _unfinished(evidence, turnout)
        yield from _late_starts(evidence, merged)
    if not overloaded:
        yield from _contention(evidence)
        yield from _rate_not_reached(evidence, merged)


@dataclass(frozen=True)
class _Overloaded:
    """A part of the window, in words, in which so many came and went. `last`: until its end."""

    where: str
    seconds: float
    came: int
    went: int
    overload: Overload
    last: bool = True


def _overloads(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    """Of the whole window, with its stages by name, or else of the stages alone. An error where it is certain, and
    nothing that came later worked it off. Where an agent does not count, all that it took stays in the backlog: that
    says nothing."""
    whole, stages = _whole(evidence, merged), list(_stages(evidence, merged))
    if whole is not None and whole.overload.certain:
        yield _overloaded(evidence, merged.turnout, whole, [stage.where for stage in stages if stage.overload.certain])
        return
    for stage in stages:
        yield _overloaded(evidence, merged.turnout, stage)
    if whole is not None and not any(stage.last for stage in stages):
        yield _overloaded(evidence, merged.turnout, whole)


def _whole(evidence: Evidence, merged: Merged) -> _Overloaded | None:
    """What came less what went is exact where samples were folded, too, and when each came and went is not."""
    window = merged.window
    if merged.offered is not None and merged.backlog is not None:
        stop_ns = _last_due_ns(evidence, merged.offered, window.stop_ns)
        return _between(merged, merged.backlog, window.start_ns, stop_ns)
    offered = 0 if merged.turnout is None else merged.turnout.offered
    overload = overload_of_counts(offered, merged.count, _streams(merged), window.duration_s)
    return None if overload is None else _Overloaded("", window.duration_s, offered, merged.count, overload)


def _between(
    merged: Merged, backlog: Backlog, start_ns: int, stop_ns: int, least_share: float = LEAST_SHARE, where: str = ""
) -> _Overloaded | None:
    overload = overload_of(backlog, start_ns, stop_ns, _streams(merged), least_share)
    if overload is None:
        return None
    came, went = backlog.counts(start_ns, stop_ns)
    return _Overloaded(where, (stop_ns - start_ns) / NS_PER_S, came, went, overload, stop_ns == merged.window.stop_ns)


def _last_due_ns(evidence: Evidence, offered: Offered, stop_ns: int) -> int:
    """Until when more arrives: with -max_irate a number of inferences that was asked for is all that does, and the load
    lasts until they are done."""
    request, dues = evidence.run.request, offered.samples.dues
    counted = request.max_irate > 0 and request.load.iterations is not None
    return min(stop_ns, int(dues[-1]) + 1) if counted and len(dues) else stop_ns


def _stages(evidence: Evidence, merged: Merged) -> Iterator[_Overloaded]:
    """Of several. What few arrivals leave in doubt matters in the last one alone, as what follows decides of others."""
    arrivals, backlog, window = evidence.run.request.arrivals, merged.backlog, merged.window
    if arrivals is None or backlog is None or len(arrivals.stages) < 2:
        return
    edges = [min(window.start_ns + edge, window.stop_ns) for edge in arrivals.edges_ns]
    for number, (start_ns, stop_ns) in enumerate(pairwise(edges), 1):
        start_s, stop_s = ((edge - window.start_ns) / NS_PER_S for edge in (start_ns, stop_ns))
        where = f"stage {number} (from {start_s:.6g} s to {stop_s:.6g} s)"
        found = _between(merged, backlog, start_ns, stop_ns, LEAST_STAGE_SHARE, where)
        if found is not None and (found.overload.certain or found.last):
            yield found


def _streams(merged: Merged) -> int:
    return max(sum(queue.streams for queue in merged.queues), 1)


def _overloaded(evidence: Evidence, turnout: Turnout | None, found: _Overloaded, stages: Sequence[str] = ()) -> Finding:
    """`stages`: those of the window that it was in."""
    overload, where = found.overload, f" in {found.where}" if found.where else ""
    names = f", in {' and '.join(stages)}" if stages else ""
    message = (
        f"More {'arrived' if overload.certain else 'may have arrived'}{where} than could be served{names}: "
        f"{rate(found.came / found.seconds)} inferences a second, of which {rate(found.went / found.seconds)} were "
        f"done; in the last {duration(overload.seconds)}{' of it' if where else ''} the backlog grew by "
        f"{rate(overload.per_s)} a second.{'' if where or turnout is None else _outcome(evidence, turnout)}"
    )
    if not overload.certain:
        return Finding(Code.OVERLOADED, "warning", message, "Measure for longer: too few arrived to tell.")
    length = "stage" if where else "run"
    advice = (
        f"Lower the rate, or use more agents, CPUs or streams; latencies here depend on the length of the {length}."
    )
    return Finding(Code.OVERLOADED, "error" if found.last or not where else "warning", message, advice)


def _outcome(evidence: Evidence, turnout: Turnout) -> str:
    drain = f" within {evidence.run.request.load.drain_s:g} s after the end"
    became = [f"{turnout.delivered:,} completed"]
    became += [f"{turnout.dropped:,} were dropped"] if turnout.dropped else []
    became += [f"{turnout.unfinished:,} were not done{drain}"] if turnout.unfinished else []
    return f" Of {turnout.offered:,} that were due, {', '.join(became)}."


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
        advice = "Raise --drain, or look for what stalls the agents." if evidence.whole else ""
        yield Finding(Code.UNFINISHED, "warning", message, advice)


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


def _contention(evidence: Evidence) -> Iterator[Finding]:
    """Waits far above those of inferences that are as fast as alone, as inferences slow each other down."""
    found, limit = evidence.contention, evidence.run.request.criteria.thresholds.max_contention_percent
    slower = None if found is None else found.slowdown
    if found is None or slower is None or not is_contended(found, limit):
        return
    message = (
        f"Inferences that are under way together slow each other down: {_ms(found.service_ns)} on average, about "
        f"{_ms(slower.alone_ns)} alone ({slower.percent:.0f} % longer, {_range(slower)}). Arrivals waited for "
        f"{_ms(found.measured_wait_ns)}; an ideal queue has {_ms(found.shuffled_ns)} with these services in any order, "
        f"and {_ms(slower.wait_ns)} with services as short as alone."
    )
    advice = (
        "Agents and streams share more than their queue: caches, memory bandwidth, power, or cores (--smt skip). "
        "Compare how the CPUs are cut, `study partition`, and plan with services under load, not alone."
    )
    yield Finding(Code.HIDDEN_CONTENTION, "warning", message, advice)


def is_contended(found: Contention, limit_percent: float) -> bool:
    """Whether services are longer than alone by more than that, for certain, and waits far longer for it."""
    slower = found.slowdown
    if slower is None or not slower.certain or slower.percent <= limit_percent:
        return False
    far = max(LEAST_EXCESS * slower.wait_ns, LEAST_SHARE_OF_LATENCY * found.latency_ns)
    return found.wait_ns - slower.wait_ns >= far


def _ms(ns: float) -> str:
    return milliseconds(ns / NS_PER_MS)


def _range(slower: Slowdown) -> str:
    if slower.high_percent is None:
        return f"{slower.low_percent:.0f} or more"
    return f"{slower.low_percent:.0f} to {slower.high_percent:.0f}"


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
