"""Whether a run is whole: its agents, its window. Pure."""

from collections.abc import Iterator, Sequence

from ovbench.common.clock import NS_PER_MS, NS_PER_US, to_ns

from ..analysis.hosts import skew_error_ns
from ..analysis.merge import Merged
from ..result.findings import Code
from ..result.report import Finding
from ..session.record import AgentRecord
from .evidence import Evidence


def find_in_agents(evidence: Evidence) -> Iterator[Finding]:
    if evidence.run.interrupted:
        what = "; the figures cover the time before" if _counted(evidence) else " before anything was measured"
        yield Finding(Code.INTERRUPTED, "error", f"The run was interrupted{what}.")
    for (code, _, why), agents in _by_reason(evidence).items():
        yield Finding(code, "error", _gone(evidence, code, why, agents))
    compile_only = evidence.run.plan.jobs[0].load.compile_only
    if not compile_only:
        yield from _nothing_counted(evidence)


def _by_reason(evidence: Evidence) -> dict[tuple[Code, bool, str], list[AgentRecord]]:
    """Agents that did not deliver all, by code, whether an inference failed under way, and why: many are mostly lost
    for one reason, which is said once. That a host was lost is a finding of its own."""
    found: dict[tuple[Code, bool, str], list[AgentRecord]] = {}
    for agent in evidence.run.agents:
        if agent.failure is not None:
            found.setdefault((Code.INFERENCE_FAILED, False, agent.failure.message), []).append(agent)
        elif agent.finished is not None and agent.finished.error is not None:
            found.setdefault((Code.INFERENCE_FAILED, True, agent.finished.error), []).append(agent)
        elif agent.why and not evidence.run.hosts[evidence.homes[agent.id]].why:
            found.setdefault((Code.AGENT_LOST, False, agent.why), []).append(agent)
    return found


def _gone(evidence: Evidence, code: Code, why: str, agents: Sequence[AgentRecord]) -> str:
    several = len(agents) > 1
    first, ids = agents[0], [agent.id for agent in agents]
    name = evidence.who(ids) if several else f"{first.name}{evidence.where(ids)}"
    if code is Code.AGENT_LOST:
        return f"{name} {'were' if several else 'was'} lost: {why}."
    done = sorted({one.finished.completed for one in agents if one.failure is None and one.finished is not None})
    if not done:
        return f"{name} failed: {why}"
    after = f"{done[0]} to {done[-1]}" if len(done) > 1 else f"{done[0]}"
    return f"{name}: an inference failed after {after} successful ones{' on each' * several}: {why}"


def _counted(evidence: Evidence) -> bool:
    """Any inference. At a rate what was due in the window counts, whenever it ended."""
    merged = evidence.merged
    if merged is None:
        return False
    return (merged.count if merged.turnout is None else merged.turnout.delivered) > 0


def _nothing_counted(evidence: Evidence) -> Iterator[Finding]:
    if _counted(evidence):
        return
    turnout = None if evidence.merged is None else evidence.merged.turnout
    message, advice = "No inference ended in the measured window.", f"Measure for longer, {evidence.longer}."
    if turnout is not None and turnout.offered:
        message = f"None of the {turnout.offered:,} inferences that were due in the measured window completed."
        advice = "Lower the rate, or raise --drain."
    whole = not evidence.run.interrupted and not any(_broken(agent) for agent in evidence.run.agents)
    yield Finding(Code.NOTHING_COUNTED, "error", message, advice if whole else "")


def _broken(agent: AgentRecord) -> bool:
    return bool(agent.failure or agent.why or (agent.finished and agent.finished.error))


def find_in_window(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    window = merged.window
    limits = evidence.run.request.criteria.thresholds
    if window.start_skew_ns > limits.max_start_skew_ms * NS_PER_MS:
        error_ns = skew_error_ns(evidence.run)
        known = "" if error_ns is None else f", which is known to {error_ns / NS_PER_US:,.0f} us"
        message = f"The agents started {window.start_skew_ns / NS_PER_US:,.0f} us apart{known}."
        yield Finding(Code.START_SKEW, "warning", message, "Keep other load off the machine, or see --max-start-skew.")
    length_ns = window.stop_ns - window.start_ns
    if 0 < length_ns < _least_window_ns(evidence):
        length = f"{window.duration_s:.3g}" if window.duration_s < 0.1 else f"{window.duration_s:.3f}"
        message = f"The window is {length} s long, shorter than the {limits.min_window_s:g} s of --min-window."
        yield Finding(Code.TOO_SHORT, "warning", message, f"Measure for longer, {evidence.longer}.")
    if length_ns and 100 * window.stop_skew_ns > limits.max_stop_skew_percent * length_ns:
        skew = f"{window.stop_skew_ns / NS_PER_MS:,.0f} ms"
        message = f"The agents stopped {skew} apart; only the time when all of them ran is counted."
        yield Finding(Code.STOP_SKEW, "warning", message, "Measure for a time with -t, or for longer.")
    completed = sum(
        m.finished.completed for m in evidence.run.agents if m.finished and not m.why and not m.finished.error
    )
    if evidence.run.request.load.iterations and completed != merged.count:
        message = (
            f"{completed} inferences were done; {merged.count} ended while all agents ran, and those under way at the "
            "end of that count by the share of their time."
        )
        yield Finding(Code.OUTSIDE_WINDOW, "info", message)
    if not merged.edges_exact:
        message = "An agent recorded more outside the window than its memory holds, so its edges are not exact."
        yield Finding(Code.WINDOW_EDGES, "warning", message, "Raise --sample-memory.")
    if evidence.run.request.output.save_samples and not evidence.samples_saved:
        message = "samples.npz was not written: there were more samples than --sample-memory holds."
        yield Finding(Code.SAMPLES_NOT_SAVED, "warning", message, "Raise --sample-memory.")


def _least_window_ns(evidence: Evidence) -> int:
    """Of a run of a given time that is long enough, the window is shorter by as much as the agents began late: what the
    limit for that lets pass makes none too short."""
    limits, asked_s = evidence.run.request.criteria.thresholds, evidence.run.request.load.duration_s
    enough = asked_s is not None and asked_s >= limits.min_window_s
    return to_ns(limits.min_window_s) - (round(limits.max_start_skew_ms * NS_PER_MS) if enough else 0)
