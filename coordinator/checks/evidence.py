"""The closed list of findings, and what they are found in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from ovbench.common.topology import Topology, format_cpu_list

from ..interference import Surroundings
from ..member import Member
from ..merge import Merged
from ..options import Options
from ..outputs import Comparison, compare
from ..plan import Plan


class Code(StrEnum):
    INTERRUPTED = "interrupted"
    AGENT_LOST = "agent_lost"
    INFERENCE_FAILED = "inference_failed"
    NOTHING_COUNTED = "nothing_counted"
    OVERSUBSCRIBED = "oversubscribed"
    WRONG_CPUS = "wrong_cpus"
    CPU_COLLISION = "cpu_collision"
    MASK_CHANGED = "mask_changed"
    REMOTE_MEMORY = "remote_memory"
    SMT_SHARING = "smt_sharing"
    SPANS_NODES = "spans_nodes"
    SETTINGS_CHANGED = "settings_changed"
    REQUESTS_BELOW_STREAMS = "requests_below_streams"
    START_SKEW = "start_skew"
    STOP_SKEW = "stop_skew"
    OUTSIDE_WINDOW = "outside_window"
    WINDOW_EDGES = "window_edges"
    SAMPLES_NOT_SAVED = "samples_not_saved"
    RATE_NOT_REACHED = "rate_not_reached"
    TOO_SHORT = "too_short"
    OUTPUTS_DIFFER = "outputs_differ"
    OTHER_LOAD = "other_load"
    STEAL = "steal"
    HARNESS_LOAD = "harness_load"
    FREQUENCY_DROP = "frequency_drop"
    GOVERNOR = "governor"
    THERMAL_THROTTLE = "thermal_throttle"
    CPU_QUOTA = "cpu_quota"
    FEW_SAMPLES = "few_samples"
    NOT_STEADY = "not_steady"
    TREND = "trend"
    STALLED = "stalled"
    UNFAIR = "unfair"


@dataclass(frozen=True)
class Evidence:
    """What the checks look at."""

    options: Options
    plan: Plan
    topology: Topology
    members: Sequence[Member]
    merged: Merged | None
    interrupted: bool
    samples_saved: bool
    surroundings: Surroundings = field(default_factory=Surroundings)

    @cached_property
    def outputs(self) -> Comparison:
        return compare(self.members)

    def agents(self, ids: Sequence[int]) -> str:
        """Some of the agents, in words."""
        if len(ids) == len(self.members):
            return "all agents"
        return f"agent{'s' if len(ids) > 1 else ''} {format_cpu_list(tuple(ids))}"
