"""What each finding makes of a verdict: one table over the closed list. docs/validity.md says why for each. Pure.

The table is of warnings, as the rest follows from the severity: an error makes a run INVALID whatever its code, but for
those that are losses; an info makes nothing of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from ..result import Finding, Status
from .evidence import Code

Effect = Literal["loss", "doubt", "none"]
"""loss: the run is not whole (PARTIAL). doubt: a warning of it makes the figures doubtful (SUSPECT). none: a warning of
it is about how much the figures say, or about the request, and they are true as they stand."""

EFFECTS: Final[Mapping[Code, Effect]] = {
    Code.INTERRUPTED: "loss",
    Code.AGENT_LOST: "loss",
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
    Code.START_SKEW: "none",
    Code.STOP_SKEW: "none",
    Code.OUTSIDE_WINDOW: "none",
    Code.WINDOW_EDGES: "doubt",
    Code.SAMPLES_NOT_SAVED: "none",
    Code.RATE_NOT_REACHED: "none",
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
    return tuple(dict.fromkeys(one.code for one in findings if wanted[verdict_of(findings, strict)](one)))


def verdict_of(findings: Sequence[Finding], strict: bool) -> Status:
    """Of the worst of them. `strict`: any warning counts as an error."""
    effects = [(finding.severity, EFFECTS[Code(finding.code)]) for finding in findings]
    if any(effect == "loss" for _, effect in effects):
        return "PARTIAL"
    if any(severity == "error" or (strict and severity == "warning") for severity, _ in effects):
        return "INVALID"
    return "SUSPECT" if ("warning", "doubt") in effects else "VALID"
