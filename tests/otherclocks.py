"""Agents as they are known when their host has another clock than the coordinator."""

from dataclasses import replace

from ovbench.common.clockline import ClockLine
from ovbench.common.messages import Finished, Folded, Samples
from ovbench.coordinator.session.placed import place
from ovbench.coordinator.session.record import AgentRecord


def elsewhere(agent: AgentRecord, line: ClockLine) -> AgentRecord:
    """One whose messages have the instants of its host's clock, placed in the coordinator's time."""
    placed = [place(notice, line) for notice in (agent.finished, *agent.samples, *agent.folded) if notice is not None]
    return replace(
        agent,
        finished=next((one for one in placed if isinstance(one, Finished)), None),
        samples=tuple(one for one in placed if isinstance(one, Samples)),
        folded=tuple(one for one in placed if isinstance(one, Folded)),
    )
