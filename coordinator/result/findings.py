"""The closed list of findings, and what each makes of a verdict: one table. docs/validity.md says why for each. Pure.

The table is of warnings, as the rest follows from the severity: an error makes a run INVALID whatever its code, but for
those that are losses; an info makes nothing of it.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

from .report import Finding, Status


class Code(StrEnum):
    INTERRUPTED = "interrupted"
    AGENT_LOST = "agent_lost"
    HOST_LOST = "host_lost"
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
    CLOCK_ERROR = "clock_error"
    HOST_UNSEEN = "host_unseen"
    UNLIKE_HOSTS = "unlike_hosts"
    START_SKEW = "start_skew"
    STOP_SKEW = "stop_skew"
    OUTSIDE_WINDOW = "outside_window"
    WINDOW_EDGES = "window_edges"
    SAMPLES_NOT_SAVED = "samples_not_saved"
    OVERLOADED = "overloaded"
    UNFINISHED = "unfinished"
    DROPPED = "dropped"
    LATE_STARTS = "late_starts"
    HIDDEN_CONTENTION = "hidden_contention"
    RATE_NOT_REACHED = "rate_not_reached"
    UNTIL_NOT_REACHED = "until_not_reached"
    SCENARIO_NOT_VALID = "scenario_not_valid"
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


Effect = Literal["loss", "doubt", "none"]
"""loss: the run is not whole (PARTIAL). doubt: a warning of it makes the figures doubtful (SUSPECT). none: a warning of
it is about how much the figures say, or about the request, and they are true as they stand."""

EFFECTS: Final[Mapping[Code, Effect]] = {
    Code.INTERRUPTED: "loss",
    Code.AGENT_LOST: "loss",
    Code.HOST_LOST: "loss",
    Code.INFERENCE_FAILED: "loss",
    Code.NOTHING_COUNTED: "none",
    Code.OVERSUBSCRIBED: "doubt",
    Code.WRONG_CPUS: "none",
    Code.CPU_COLLISION: "none",
    Code.MASK_CHANGED: "none",
    Code.REMOTE_MEMORY: "doubt",
    Code.SMT_SHARING: "none",
    Code.SPANS_NODES: "none",
    Code.SETTINGS_CHANGED: "none",
    Code.REQUESTS_BELOW_STREAMS: "none",
    Code.CLOCK_ERROR: "none",
    Code.HOST_UNSEEN: "doubt",
    Code.UNLIKE_HOSTS: "none",
    Code.START_SKEW: "none",
    Code.STOP_SKEW: "none",
    Code.OUTSIDE_WINDOW: "none",
    Code.WINDOW_EDGES: "doubt",
    Code.SAMPLES_NOT_SAVED: "none",
    Code.OVERLOADED: "doubt",
    Code.UNFINISHED: "none",
    Code.DROPPED: "none",
    Code.LATE_STARTS: "doubt",
    Code.HIDDEN_CONTENTION: "none",
    Code.RATE_NOT_REACHED: "none",
    Code.UNTIL_NOT_REACHED: "none",
    Code.SCENARIO_NOT_VALID: "none",
    Code.TOO_SHORT: "none",
    Code.OUTPUTS_DIFFER: "none",
    Code.OTHER_LOAD: "doubt",
    Code.STEAL: "doubt",
    Code.HARNESS_LOAD: "doubt",
    Code.FREQUENCY_DROP: "doubt",
    Code.GOVERNOR: "none",
    Code.THERMAL_THROTTLE: "doubt",
    Code.CPU_QUOTA: "none",
    Code.FEW_SAMPLES: "none",
    Code.NOT_STEADY: "doubt",
    Code.TREND: "doubt",
    Code.STALLED: "doubt",
    Code.UNFAIR: "doubt",
}


def because_of(findings: Sequence[Finding], strict: bool) -> tuple[str, ...]:
    """The codes that the verdict is due to, each once, in the order of the findings."""
    wanted: Mapping[Status, Callable[[Finding], bool]] = {
        "VALID": lambda one: False,
        "SUSPECT": lambda one: one.severity == "warning" and EFFECTS[Code(one.code)] == "doubt",
        "INVALID": lambda one: one.severity == "error" or (strict and one.severity == "warning"),
        "PARTIAL": lambda one: EFFECTS[Code(one.code)] == "loss",
    }
    due_to = wanted[verdict_of(findings, strict)]
    return tuple(dict.fromkeys(one.code for one in findings if due_to(one)))


def verdict_of(findings: Sequence[Finding], strict: bool) -> Status:
    """Of the worst of them. `strict`: any warning counts as an error."""
    effects = [(finding.severity, EFFECTS[Code(finding.code)]) for finding in findings]
    if any(effect == "loss" for _, effect in effects):
        return "PARTIAL"
    if any(severity == "error" or (strict and severity == "warning") for severity, _ in effects):
        return "INVALID"
    return "SUSPECT" if ("warning", "doubt") in effects else "VALID"
