"""What the checks look at: a run's record, and the figures made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ovbench.common.topology import format_cpu_list

from ..analysis.consistency import Consistency, consistency_of
from ..analysis.contention import Contention, contention_of
from ..analysis.hosts import classes_of
from ..analysis.interference import Surroundings
from ..analysis.merge import Merged
from ..analysis.scenario import judge_run
from ..analysis.until import until_of
from ..result.hosts import named_hosts
from ..result.report import UntilPart
from ..result.scenario import ScenarioPart
from ..session.record import RunRecord


@dataclass(frozen=True)
class Evidence:
    """What the checks look at: the run, and what was made of it. `merged` is None where no agent delivered.

    `parts`: of each host of several that was not lost, what concerns its CPUs: its part of the record, and its
    surroundings.
    """

    run: RunRecord
    merged: Merged | None
    samples_saved: bool
    surroundings: Surroundings = field(default_factory=Surroundings)
    parts: tuple["Evidence", ...] = ()

    @property
    def on_hosts(self) -> tuple["Evidence", ...]:
        """By host; of a run on one host that is all of it."""
        return self.parts if self.several_hosts else (self,)

    @property
    def several_hosts(self) -> bool:
        return len(self.run.hosts) > 1

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Of each host (see `classes_of`)."""
        return classes_of(self.run)

    @cached_property
    def homes(self) -> dict[int, int]:
        """The index of the host that each agent is on."""
        return self.run.homes

    @cached_property
    def scenario(self) -> ScenarioPart | None:
        return judge_run(self.run, None if self.merged is None else self.merged.offered)

    @cached_property
    def contention(self) -> Contention | None:
        merged = self.merged
        if merged is None:
            return None
        edges = merged.window.start_ns, merged.window.stop_ns
        return contention_of(merged.queues, *edges, self.homes, self.run.request.arrivals)

    @cached_property
    def outputs(self) -> Consistency:
        if not self.several_hosts:
            return consistency_of(self.run.agents)
        return consistency_of(self.run.agents, {id: self.classes[host] for id, host in self.homes.items()})

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
        """Some of the agents, in words; of several hosts with those that they are on."""
        if len(ids) == len(self.run.agents):
            return "all agents"
        return f"agent{'s' if len(ids) > 1 else ''} {format_cpu_list(tuple(ids))}{self.where(ids)}"

    def where(self, ids: Sequence[int]) -> str:
        """Such as ` on host b`, of several hosts."""
        if not self.several_hosts:
            return ""
        names = [self.run.hosts[index].name for index in sorted({self.homes[id] for id in ids})]
        return f" on {named_hosts(names)}" if names else ""
