"""What findings are found in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ovbench.common.topology import Topology, format_cpu_list

from ..analysis.consistency import Consistency, consistency_of
from ..analysis.interference import Surroundings
from ..analysis.merge import Merged
from ..plan.plan import Plan
from ..request.request import Request
from ..session.record import AgentRecord


@dataclass(frozen=True)
class Evidence:
    """What the checks look at."""

    request: Request
    plan: Plan
    topology: Topology
    agents: Sequence[AgentRecord]
    merged: Merged | None
    interrupted: bool
    samples_saved: bool
    surroundings: Surroundings = field(default_factory=Surroundings)

    @cached_property
    def outputs(self) -> Consistency:
        return consistency_of(self.agents)

    def who(self, ids: Sequence[int]) -> str:
        """Some of the agents, in words."""
        if len(ids) == len(self.agents):
            return "all agents"
        return f"agent{'s' if len(ids) > 1 else ''} {format_cpu_list(tuple(ids))}"
