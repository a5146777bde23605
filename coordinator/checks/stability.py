"""Whether a run says enough, kept its level, and served its agents alike. Pure."""

import math
from collections.abc import Iterator, Sequence
from statistics import median_high
from typing import Final

from ovbench.common.topology import Cpu

from ..analysis.fairness import cpus_of_each, fps_per_cpu
from ..analysis.merge import Merged
from ..analysis.steadiness import last_windows, trend
from ..result.findings import Code
from ..result.numbers import rate
from ..result.report import Finding
from ..session.record import AgentRecord
from ..stats.uncertainty import samples_needed
from .evidence import Evidence

CHANCE: Final = 0.01
"""Of a trend by chance: one that is likelier is none."""

GAP_FACTOR: Final = 10
"""An agent is stalled for so many times what its inferences usually take, or what there usually is between them."""

_P90: Final = "p90"

_MEASURE_LONGER: Final = "Warm up for longer, --warmup, measure for longer, -t, and keep other load off the machine."


def find_in_sample_size(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    """MLPerf LoadGen's rule (see `samples_needed`), for the percentile that the report's first line claims."""
    confidence = evidence.run.request.criteria.thresholds.percentile_confidence_percent
    percent = evidence.claimed_percent
    count = merged.latency.total if merged.latency is not None else 0
    if count == 0 or confidence == 0:
        return
    needed = samples_needed(percent, confidence)
    if count < needed:
        message = (
            f"p{percent} is from {count:,} inference{'s' if count != 1 else ''}; {confidence:g} % confidence takes "
            f"{needed:,}, about {needed * merged.window.duration_s / count:,.3g} s at this rate."
        )
        advice = f"Measure for longer, {evidence.longer}, or claim a lower percentile, -latency_percentile."
        yield Finding(Code.FEW_SAMPLES, "warning", message, advice)


def find_in_until(evidence: Evidence) -> Iterator[Finding]:
    part = evidence.until
    if part is not None and not part.reached:
        message = f"--until '{evidence.run.request.until}' was not reached: {part.why}."
        yield Finding(Code.UNTIL_NOT_REACHED, "warning", message, "Raise -t, or ask for a wider interval.")


def find_in_course(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    """With a schedule the throughput follows what arrives, so its course says nothing of the machine; that agents do
    not keep up is another finding."""
    if evidence.run.request.arrivals is None:
        yield from _unsteady(evidence, merged)
    if merged.count:
        yield from _stalls(evidence, merged)


def _unsteady(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    limits = evidence.run.request.criteria.thresholds
    windows = last_windows(merged)
    if windows is not None and windows.change_percent > limits.max_change_percent:
        rates = ", ".join(map(rate, windows.fps))
        change = f"by {windows.change_percent:.0f} %" if windows.change_percent < math.inf else "without limit"
        message = (
            f"The last {len(windows.fps)} of {windows.parts} windows of {windows.seconds:.3g} s differ {change}: "
            f"{rates} FPS."
        )
        yield Finding(Code.NOT_STEADY, "warning", message, _MEASURE_LONGER)
    found = trend(merged)
    if found is not None and found.chance < CHANCE and abs(found.percent) > limits.max_trend_percent:
        direction = "fell" if found.percent < 0 else "rose"
        message = f"The throughput {direction} steadily, by {abs(found.percent):.1f} % over the window."
        yield Finding(Code.TREND, "warning", message, _MEASURE_LONGER)


def _stalls(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    """Gaps of LEAST_GAP_NS or more, said once, with the longest: what stalls one agent mostly stalls others, too."""
    stalled = {id: gap for id, gap in merged.agent_gaps_ms.items() if gap > _usual_ms(merged, id) * GAP_FACTOR}
    if stalled:
        longest = max(stalled, key=stalled.__getitem__)
        who = evidence.who(sorted(stalled))
        which = f", longest agent {longest}" if len(stalled) > 1 else ""
        message = f"No inference ended for up to {stalled[longest]:,.0f} ms ({who}{which})."
        advice = (
            "Look for what stalls the agents' CPUs: a quota, the hypervisor, swapping, or a process of higher priority."
        )
        yield Finding(Code.STALLED, "warning", message, advice)


def _usual_ms(merged: Merged, id: int) -> float:
    """How long inferences are, and in a closed loop how far apart; where none ended in the window, one that was under
    way is known by its share. At a rate a gap is only what something was due in, however far apart arrivals are."""
    latency = merged.agent_latencies[id]
    usual_ms = 0.0 if latency is None else latency.least(_P90)
    if merged.turnout is not None:
        return usual_ms
    count = merged.agent_counts[id] or merged.agent_work[id].inferences
    return max(usual_ms, 1000 * merged.window.duration_s / count if count else 0.0)


def find_in_agents_speed(evidence: Evidence, merged: Merged) -> Iterator[Finding]:
    """Among agents with the same number of CPUs, as more CPUs for one inference make less of each, on hosts alike.

    An agent must be slower even with one inference more: that one of a few took long is chance. With a schedule an
    agent does what falls to it, which says nothing of its speed.
    """
    if evidence.run.request.arrivals is not None:
        return
    limit = evidence.run.request.criteria.thresholds.max_slower_percent
    rates, had = fps_per_cpu(evidence.run, merged), cpus_of_each(evidence.run, merged)
    groups: dict[tuple[int, int], list[AgentRecord]] = {}
    for agent in (agent for agent in evidence.run.agents if agent.id in rates):
        kind = evidence.classes[evidence.homes[agent.id]] if evidence.several_hosts else 1
        groups.setdefault((kind, len(agent.job.placement.cpus)), []).append(agent)
    for equals in (groups[key] for key in sorted(groups)):
        middle = median_high([rates[agent.id] for agent in equals])
        slow = []
        for agent in equals:
            one = max(agent.batches) / merged.window.duration_s / had[agent.id]
            if rates[agent.id] + one < (1 - limit / 100) * (middle - one):
                slow.append(agent)
        if slow:
            yield _unfair(evidence, slow, [agent for agent in equals if agent not in slow], rates, middle)


def _unfair(
    evidence: Evidence, slow: Sequence[AgentRecord], rest: Sequence[AgentRecord], rates: dict[int, float], middle: float
) -> Finding:
    worst = min(slow, key=lambda agent: rates[agent.id])
    percent = 100 * (1 - rates[worst.id] / middle)
    whom = evidence.who(sorted(agent.id for agent in slow)).capitalize()
    how = f"are up to {percent:.0f} % slower (agent {worst.id})" if len(slow) > 1 else f"is {percent:.0f} % slower"
    message = f"{whom} {how} than the median of {middle:,.4g} FPS per CPU."
    return Finding(Code.UNFAIR, "warning", message, _why_slow(evidence, worst, rest))


def _why_slow(evidence: Evidence, slow: AgentRecord, rest: Sequence[AgentRecord]) -> str:
    if all(_kinds(evidence, slow) != _kinds(evidence, agent) for agent in rest):
        return "Its cores are of another kind: measure performance and efficient cores separately with --cpus."
    if _shares_core(evidence, slow) and not any(_shares_core(evidence, agent) for agent in rest):
        return "It shares a core with another agent: use one CPU of each core, --smt skip."
    return "Check what else uses its CPUs and its memory node, and their frequency."


def _cpus(evidence: Evidence, agent: AgentRecord) -> list[Cpu]:
    host = evidence.run.hosts[evidence.homes[agent.id]]
    return [cpu for cpu in host.topology.cpus if cpu.id in agent.job.placement.cpus]


def _kinds(evidence: Evidence, agent: AgentRecord) -> set[str]:
    return {cpu.kind for cpu in _cpus(evidence, agent)}


def _shares_core(evidence: Evidence, agent: AgentRecord) -> bool:
    home = evidence.homes[agent.id]
    beside = [one for one in evidence.run.agents if one is not agent and evidence.homes[one.id] == home]
    others = {cpu.core for other in beside for cpu in _cpus(evidence, other)}
    return any(cpu.core in others for cpu in _cpus(evidence, agent))
