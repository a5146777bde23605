"""What makes a figure doubtful: findings from a closed list, and the verdict they add up to. Pure.

`error` means that the figures are not those of the run that was asked for; `warning` that they may mislead; `info`
that something differs from the request in a way that a reader should know.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ovbench.common.clock import NS_PER_MS, NS_PER_US
from ovbench.common.job import AUTO_STREAMS
from ovbench.common.topology import format_cpu_list

from .fleet import Member
from .merge import Merged
from .options import Options
from .plan import Plan
from .result import Finding, Validity

MOST_SKEW_NS: Final = 10 * NS_PER_MS
"""Of the starts: beyond it the agents did not run the same stretch of time."""

MOST_STOP_SKEW_SHARE: Final = 0.1
"""Of the window: an agent that stops earlier cuts off that much of the others' work."""

LEAST_RATE_SHARE: Final = 0.99
"""Of the rate that -max_irate allows: below it, something else limits the rate."""


class Code(StrEnum):
    INTERRUPTED = "interrupted"
    AGENT_LOST = "agent_lost"
    INFERENCE_FAILED = "inference_failed"
    NOTHING_COUNTED = "nothing_counted"
    OVERSUBSCRIBED = "oversubscribed"
    WRONG_CPUS = "wrong_cpus"
    SETTINGS_CHANGED = "settings_changed"
    REQUESTS_BELOW_STREAMS = "requests_below_streams"
    START_SKEW = "start_skew"
    STOP_SKEW = "stop_skew"
    OUTSIDE_WINDOW = "outside_window"
    WINDOW_EDGES = "window_edges"
    SAMPLES_NOT_SAVED = "samples_not_saved"
    RATE_NOT_REACHED = "rate_not_reached"


@dataclass(frozen=True)
class Evidence:
    """What the checks look at."""

    options: Options
    plan: Plan
    members: Sequence[Member]
    merged: Merged | None
    interrupted: bool
    samples_saved: bool


def judge(evidence: Evidence) -> Validity:
    findings = tuple(find(evidence))
    partial = {Code.INTERRUPTED, Code.AGENT_LOST, Code.INFERENCE_FAILED}
    if any(finding.code in partial for finding in findings):
        return Validity("PARTIAL", findings)
    if any(finding.severity == "error" for finding in findings):
        return Validity("INVALID", findings)
    return Validity("VALID", findings)


def find(evidence: Evidence) -> Iterator[Finding]:
    yield from _incomplete(evidence)
    yield from find_in_plan(evidence.plan)
    yield from _placement(evidence)
    yield from _settings(evidence)
    if evidence.merged is not None:
        yield from _window(evidence, evidence.merged)
        yield from _rate(evidence, evidence.merged)


def _incomplete(evidence: Evidence) -> Iterator[Finding]:
    if evidence.interrupted:
        yield Finding(Code.INTERRUPTED, "error", "The run was interrupted; the figures are of what came before.")
    for member in evidence.members:
        if member.failure is not None:
            yield Finding(Code.INFERENCE_FAILED, "error", f"{member.name} failed: {member.failure.message}")
        elif member.finished is not None and member.finished.error is not None:
            done = member.finished.completed
            message = f"{member.name}: an inference failed after {done} that did not: {member.finished.error}"
            yield Finding(Code.INFERENCE_FAILED, "error", message)
        elif member.why:
            yield Finding(Code.AGENT_LOST, "error", f"{member.name} was lost: {member.why}.")
    compile_only = evidence.plan.jobs[0].load.compile_only
    nothing = evidence.merged is None or evidence.merged.count == 0
    if nothing and not compile_only:
        yield Finding(Code.NOTHING_COUNTED, "error", "No inference ended in the measured window.")


def find_in_plan(plan: Plan) -> Iterator[Finding]:
    """What is known before anything is started."""
    shared = plan.shared_cpus
    if shared:
        agents, cpus = len(plan.jobs), len(plan.measured_cpus)
        number = f"{cpus} CPUs" if cpus != 1 else "1 CPU"
        message = f"{agents} agents on {number}: those on {format_cpu_list(shared)} measure each other's load."
        yield Finding(Code.OVERSUBSCRIBED, "warning", message)


def _placement(evidence: Evidence) -> Iterator[Finding]:
    for member in evidence.members:
        requested = set(member.job.placement.cpus)
        if member.finished is None:
            continue
        given = format_cpu_list(member.job.placement.cpus)
        strayed = (set(member.finished.mask) | set(member.finished.seen)) - requested
        if strayed:
            where = format_cpu_list(tuple(strayed))
            message = f"{member.name} was given CPUs {given} but its threads may run on or ran on {where}."
            yield Finding(Code.WRONG_CPUS, "error", message)


def _settings(evidence: Evidence) -> Iterator[Finding]:
    """Requested against effective, said once for all agents that it is true of."""
    options = evidence.options
    only_compiled = evidence.plan.jobs[0].load.compile_only  # there are no requests then
    changed: dict[str, list[int]] = {}
    starved: list[int] = []
    for member in evidence.members:
        if member.ready is None:
            continue
        effective = member.ready.effective
        asynchronous = options.api == "async"
        for name, wanted, got in (
            ("-nstreams", None if options.streams == AUTO_STREAMS else options.streams, effective.streams),
            ("-nthreads", options.threads, effective.threads),
            ("-nireq", None if only_compiled else options.requests, effective.requests),
            ("-infer_precision", _definite(options.precision), _definite(effective.precision)),
        ):
            if wanted is not None and got is not None and wanted != got:
                why = "; -api sync has one request in flight" if name == "-nireq" and not asynchronous else ""
                changed.setdefault(f"{name} {wanted} became {got}{why}", []).append(member.id)
        if asynchronous and effective.requests < effective.streams and not only_compiled:
            starved.append(member.id)
    for text, agents in changed.items():
        yield Finding(Code.SETTINGS_CHANGED, "warning", f"{text} ({_agents(agents, evidence)}).")
    if starved:
        message = f"Fewer requests than streams keep some streams idle ({_agents(starved, evidence)}); raise -nireq."
        yield Finding(Code.REQUESTS_BELOW_STREAMS, "warning", message)


def _definite(precision: str | None) -> str | None:
    """None where it is left to OpenVINO, whose word for that is another in what it answers, or is not known."""
    return None if precision in ("undefined", "dynamic", "", None) else precision


def _agents(ids: list[int], evidence: Evidence) -> str:
    if len(ids) == len(evidence.members):
        return "all agents"
    return f"agent{'s' if len(ids) > 1 else ''} {format_cpu_list(tuple(ids))}"


def _window(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    window = merged.window
    if window.start_skew_ns > MOST_SKEW_NS:
        message = f"The agents started {window.start_skew_ns / NS_PER_US:,.0f} us apart."
        yield Finding(Code.START_SKEW, "warning", message)
    length_ns = window.stop_ns - window.start_ns
    if length_ns and window.stop_skew_ns > MOST_STOP_SKEW_SHARE * length_ns:
        message = (
            f"The agents stopped {window.stop_skew_ns / NS_PER_MS:,.0f} ms apart; only the time all ran is counted."
        )
        yield Finding(Code.STOP_SKEW, "warning", message)
    completed = sum(m.finished.completed for m in evidence.members if m.finished and not m.why and not m.finished.error)
    if evidence.options.iterations and completed != merged.count:
        message = f"{completed} inferences were done; the {merged.count} that ended while all agents ran are counted."
        yield Finding(Code.OUTSIDE_WINDOW, "info", message)
    if not merged.edges_exact:
        message = "An agent recorded more than fits its memory outside the window, so the window's edges are not exact."
        yield Finding(Code.WINDOW_EDGES, "warning", message + " Raise --sample-memory.")
    if evidence.options.save_samples and not evidence.samples_saved:
        message = "samples.npz was not written: there were more samples than --sample-memory holds. Raise it."
        yield Finding(Code.SAMPLES_NOT_SAVED, "warning", message)


def _rate(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    """An agent's latest inference may have been under way when the window ended: in a short run that alone is 1 %."""
    wanted = evidence.options.max_irate
    under_way = sum(max(member.batches) for member in evidence.members if member.id in merged.agent_counts)
    frames = merged.frames + under_way
    if wanted and merged.count and frames < LEAST_RATE_SHARE * wanted * merged.window.duration_s:
        message = f"-max_irate {wanted:g} was not reached: the agents did {merged.fps:,.1f} frames per second."
        yield Finding(Code.RATE_NOT_REACHED, "warning", message)
