"""How long the coordinator waits for what: one table with a limit for each state of an agent.

Heartbeats alone are no progress, so whatever an agent sends, it stays in no state for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from ovbench.common.clock import NS_PER_MS, NS_PER_S
from ovbench.common.lifecycle import State

from .member import Member


@dataclass(frozen=True)
class Rules:
    """Times in seconds. A heartbeat on a saturated core was seen at most 67 ms late, so 3 s for lost has margin.

    One heartbeat costs an agent about 1.5 ms of CPU beside its load; more often, two agents' control would take 1 % of
    a core (scripts/bench/overhead_cpu.py).

    `prepare_s`: without a step done, or a second of CPU time used. `deliver_s`: without a result; with results it is
    longer by their bytes at `deliver_bytes_per_s`, so a trickle does not prolong it. `notices`: messages within a tick
    that are neither results nor a step; a coordinator that stood still for a quarter of an hour has as many heartbeats.
    """

    heartbeat_s: float = 1.0
    lost_s: float = 3.0
    lease_s: float = 3.0
    join_s: float = 3.5
    join_first_s: float = 60.0
    prepare_s: float = 600.0
    first_inference_s: float = 60.0
    deliver_s: float = 30.0
    deliver_stopped_s: float = 10.0
    deliver_bytes_per_s: float = 1e6
    stop_s: float = 4.0
    margin_ns: int = 20 * NS_PER_MS
    margin_per_agent_ns: int = NS_PER_MS // 5
    stall_factor: int = 10
    most_stall_s: float = 7_200.0
    prepare_factor: int = 10
    notices: int = 1_000

    def crowded(self, agents_per_cpu: float) -> "Rules":
        """For so many agents to each CPU: they wait for each other, and their heartbeats take its time.

        250 to a CPU, null devices, began 2.6 s apart with a margin for agents alone on their CPUs, and 0.4 s with this
        one, on a machine with other load. The times beyond are generous: a dead process is reported, not waited for.
        """
        others = max(0.0, agents_per_cpu - 1)
        heartbeat_s = max(self.heartbeat_s, _HEARTBEAT_CPU_S / _HEARTBEATS_SHARE * agents_per_cpu)
        more_s = _TURN_S * others
        return replace(
            self,
            heartbeat_s=heartbeat_s,
            lost_s=max(self.lost_s + more_s, 3 * heartbeat_s),
            lease_s=max(self.lease_s + more_s, 3 * heartbeat_s),
            join_s=self.join_s + more_s,
            join_first_s=self.join_first_s + more_s,
            deliver_s=self.deliver_s + more_s,
            deliver_stopped_s=self.deliver_stopped_s + more_s,
            deliver_bytes_per_s=self.deliver_bytes_per_s / (1 + others),
            stop_s=self.stop_s + more_s,
            margin_ns=self.margin_ns + round(_BEGIN_NS * others),
        )


_HEARTBEAT_CPU_S: Final = 0.0015
_HEARTBEATS_SHARE: Final = 0.05
"""Of each CPU, for the heartbeats of all its agents."""

_TURN_S: Final = 0.25
"""By how much longer each further agent on a CPU may have the others wait."""

_BEGIN_NS: Final = 5 * NS_PER_MS
"""What it takes an agent to hear when to begin, and to be about to."""


@dataclass(frozen=True)
class Limit:
    """How long an agent may be in a state: without progress, at all, and after the user asked for an end.

    Seconds; infinite where another limit bounds it. `why`: what it did if that was too long."""

    still_s: Callable[[Member, Rules], float] = lambda member, rules: inf
    whole_s: Callable[[Member, Rules], float] = lambda member, rules: inf
    stopped_s: Callable[[Member, Rules], float] = lambda member, rules: inf
    why: str = ""


def _stall_s(member: Member, rules: Rules) -> float:
    """How long it may be that no inference ends."""
    known_s = member.round_s
    allowed_s = rules.first_inference_s if known_s is None else rules.stall_factor * known_s
    return rules.lost_s + min(rules.most_stall_s, allowed_s) + member.period_s + member.job.load.drain_s


def _delivery_s(member: Member, rules: Rules) -> float:
    return member.received_bytes / rules.deliver_bytes_per_s


_WAITS: Final = Limit()
"""It has done what it was asked for; the limits are those of the agents that it waits for."""

LIMITS: Final[dict[State, Limit]] = {
    # When to go on without those that have not come depends on all of them: `Fleet` knows when the last one came.
    State.EXPECTED: Limit(),
    State.PREPARING: Limit(
        still_s=lambda member, rules: rules.prepare_s,
        whole_s=lambda member, rules: rules.prepare_s * rules.prepare_factor,
        why="it got no further than step {step} of 11 in {still:.0f} s, and {whole:.0f} s in all; "
        "if the model needs longer, give --prepare-timeout more than {limit:g} s",
    ),
    State.READY: _WAITS,
    State.WARMING: Limit(
        whole_s=lambda member, rules: member.job.load.warmup_s + _stall_s(member, rules),
        why="its warm-up had not ended after {whole:.1f} s",
    ),
    State.WARMED: _WAITS,
    State.RUNNING: Limit(
        still_s=_stall_s,
        stopped_s=lambda member, rules: rules.stop_s,
        why="it completed no inference for {still:.1f} s",
    ),
    State.DELIVERING: Limit(
        whole_s=lambda member, rules: rules.deliver_s + _delivery_s(member, rules),
        stopped_s=lambda member, rules: rules.deliver_stopped_s + _delivery_s(member, rules),
        why="it had not delivered all its results after {whole:.0f} s",
    ),
}


def overdue(member: Member, rules: Rules, now_ns: int, stopped_ns: int | None) -> str:
    """What an agent did for longer than it may; empty where it is within its limits.

    `stopped_ns`: when the user asked for an end.
    """
    limit = LIMITS[member.state]
    if stopped_ns is not None:
        since_s = (now_ns - max(stopped_ns, member.since_ns)) / NS_PER_S
        if since_s > limit.stopped_s(member, rules):
            return f"it did not {_ENDS[member.state]} within {since_s:.1f} s of the end that was asked for"
    silent_s = (now_ns - member.heard_ns) / NS_PER_S
    if member.state is not State.EXPECTED and silent_s > rules.lost_s:
        return f"nothing heard from it for {silent_s:.1f} s while {member.state.value}"
    still_s, whole_s = (now_ns - member.moved_ns) / NS_PER_S, (now_ns - member.since_ns) / NS_PER_S
    if still_s <= limit.still_s(member, rules) and whole_s <= limit.whole_s(member, rules):
        return ""
    return limit.why.format(still=still_s, whole=whole_s, step=member.step, limit=rules.prepare_s)


_ENDS: Final = {State.RUNNING: "stop", State.DELIVERING: "deliver"}
