"""What the checks look at: a run's record, and the figures made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ovbench.common.topology import format_cpu_list

from ..analysis.consistency import Consistency, consistency_of
from ..analysis.interference import Surroundings
from ..analysis.merge import Merged
from ..analysis.scenario import judge_run
from ..analysis.until import until_of
from ..result.report import UntilPart
from ..result.scenario import ScenarioPart
from ..session.record import RunRecord


@dataclass(frozen=True)
class Evidence:
    """What the checks look at: the run, and what was made of it. `merged` is None where no agent delivered."""

    run: RunRecord
    merged: Merged | None
    samples_saved: bool
    surroundings: Surroundings = field(default_factory=Surroundings)

    @cached_property
    def scenario(self) -> ScenarioPart | None:
        return judge_run(self.run, None if self.merged is None else self.merged.offered)

    @cached_property
    def outputs(self) -> Consistency:
        return consistency_of(self.run.agents)

    @cached_property
    def until(self) -> UntilPart | None:
        return until_of(self.run, self.merged)

    @property
    def whole(self) -> bool:
        """Every agent delivered."""
        return all(agent.counts for agent in self.run.agents)

    @property
    def longer(self) -> str:
        """The flags that make a run longer; a schedule has a time alone."""
        return "-t or -niter" if self.run.request.arrivals is None else "-t"

    @property
    def claimed_percent(self) -> int:
        """The percentile that the report's first line claims."""
        chosen = self.run.request.output.latency_percentile
        return 99 if chosen in (50, 100) else chosen

    def who(self, ids: Sequence[int]) -> str:
        """Some of the agents, in words."""
        if len(ids) == len(self.run.agents):
            return "all agents"
        return f"agent{'s' if len(ids) > 1 else ''} {format_cpu_list(tuple(ids))}"
