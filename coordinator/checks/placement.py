"""Where agents and their memory were, against where they were to be. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from ovbench.common.messages import Finished, MaskChange, OnNode
from ovbench.common.topology import format_cpu_list

from ..result.findings import Code
from ..result.report import Finding
from ..session.record import AgentRecord
from .evidence import Evidence
from .planned import agents_in_words, number_of


def find_in_placement(evidence: Evidence) -> Iterator[Finding]:
    yield from _find_many_threads(evidence)
    yield from _find_collisions(evidence)
    for agent in evidence.run.agents:
        if agent.finished is not None:
            yield from _find_strayed(agent, agent.finished, evidence)
            yield from _find_moved(agent, agent.finished.mask_changes)
            yield from _find_remote(agent, agent.finished, evidence)


def _find_many_threads(evidence: Evidence) -> Iterator[Finding]:
    """The null device's threads need no CPU while they serve."""
    crowded = {
        agent.id: (agent.ready.effective.threads, len(agent.job.placement.cpus))
        for agent in evidence.run.agents
        if agent.ready is not None
        and agent.job.null is None
        and agent.ready.effective.threads > len(agent.job.placement.cpus)
    }
    if crowded:
        threads, cpus = max(crowded.values(), key=lambda both: both[0] / both[1])
        who = evidence.who(list(crowded))
        message = f"More threads than CPUs on {who}: up to {number_of(threads, 'thread')} on {number_of(cpus, 'CPU')}."
        yield Finding(Code.OVERSUBSCRIBED, "warning", message, "Use fewer -nthreads, or more --cpus-per-agent.")


def _find_strayed(agent: AgentRecord, finished: Finished, evidence: Evidence) -> Iterator[Finding]:
    requested = set(agent.job.placement.cpus)
    given = format_cpu_list(requested)
    strayed = (set(finished.mask) | set(finished.seen)) - requested
    if strayed:
        where = format_cpu_list(strayed)
        message = f"{agent.name} was given CPUs {given} but its threads may run on or ran on {where}."
        advice = "Look for what sets affinities on this machine, and for a property in -load_config that pins threads."
        yield Finding(Code.WRONG_CPUS, "error", message, advice)
    # After an interruption an inference may be under way, in which OpenVINO narrows masks itself.
    lost = requested - set(finished.mask)
    if lost and finished.mask and not evidence.run.interrupted:
        message = (
            f"{agent.name} was given CPUs {given} but at the end none of its inference threads was allowed on "
            f"{format_cpu_list(lost)}."
        )
        advice = "Find out what narrowed it: a control group's cpuset, taskset, or CPUs that went offline."
        yield Finding(Code.WRONG_CPUS, "error", message, advice)


def seen_by(agents: Sequence[AgentRecord]) -> dict[tuple[str, int], tuple[int, ...]]:
    """By host and CPU: the agents whose inference threads were seen to run on it."""
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for agent in agents:
        for cpu in agent.finished.seen if agent.finished is not None else ():
            found[agent.host, cpu] = (*found.get((agent.host, cpu), ()), agent.id)
    return found


def _find_collisions(evidence: Evidence) -> Iterator[Finding]:
    """Agents that the plan gave one CPU are no collision, but oversubscription."""
    given = {agent.id: agent.job.placement.cpus for agent in evidence.run.agents}
    met: dict[tuple[int, ...], list[int]] = {}
    for (_, cpu), agents in seen_by(evidence.run.agents).items():
        if len(agents) > 1 and any(cpu not in given[id] for id in agents):
            met.setdefault(agents, []).append(cpu)
    for agents, cpus in met.items():
        message = (
            f"{agents_in_words(agents)} were seen inferring on CPUs {format_cpu_list(cpus)}, which the plan did not "
            "give to all of them: they measured each other's load."
        )
        advice = "Find out what sets affinities on this machine, stop it, and run again."
        yield Finding(Code.CPU_COLLISION, "error", message, advice)


def _find_moved(agent: AgentRecord, changes: Sequence[MaskChange]) -> Iterator[Finding]:
    """Threads that were moved alike are counted together."""
    for control in (False, True):
        moves = Counter((change.before, change.after) for change in changes if change.control is control)
        if not moves:
            continue
        moved = ", ".join(
            f"{times} from {format_cpu_list(before)} to {format_cpu_list(after)}"
            for (before, after), times in moves.most_common(4)
        )
        kind = "control threads" if control else "inference threads"
        message = f"{agent.name}: the affinity of {kind} was changed from outside during the load: {moved}."
        advice = "Look for what sets affinities on this machine: taskset, a cpuset, a daemon that balances load."
        yield Finding(Code.MASK_CHANGED, "warning" if control else "error", message, advice)


def remote_percent(nodes: Iterable[OnNode], home: Collection[int]) -> float | None:
    """Of an agent's own memory, on other nodes than those; None where it is not known, or none is its own."""
    own_mb = {part.node: part.own_mb for part in nodes}
    total_mb = sum(own_mb.values())
    return 100 * sum(mb for node, mb in own_mb.items() if node not in home) / total_mb if total_mb > 0 else None


def _find_remote(agent: AgentRecord, finished: Finished, evidence: Evidence) -> Iterator[Finding]:
    home = evidence.run.host.topology.nodes_of(agent.job.placement.cpus)
    percent = remote_percent(finished.nodes, home)
    limit = evidence.run.request.criteria.thresholds.max_remote_memory_percent
    if percent is None or percent <= limit:
        return
    mb = sum(part.own_mb for part in finished.nodes if part.node not in home)
    far = [part.node for part in finished.nodes if part.node not in home and part.own_mb > 0]
    message = (
        f"{agent.name} has {percent:.1f} % of its own memory, {mb:,.0f} MB, on NUMA nodes {format_cpu_list(far)}, "
        f"while its CPUs are on {format_cpu_list(home)} (limit {limit:g} %)."
    )
    policy = agent.job.placement.memory
    if policy is not None and (policy.mode == "interleave" or not set(policy.nodes) <= home):
        yield Finding(Code.REMOTE_MEMORY, "info", message, f"This is what --memory {policy.asked} asks for.")
    else:
        advice = "Use --memory local, see that the node has memory free, or raise --max-remote-memory."
        yield Finding(Code.REMOTE_MEMORY, "warning", message, advice)
