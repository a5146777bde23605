"""What came of the same inputs on different agents, and before and after the load. Pure."""

from collections.abc import Iterator, Sequence
from math import isfinite

from ..analysis.consistency import Consistency, Mismatch
from ..result.findings import Code
from ..result.report import Finding
from .evidence import Evidence

_ADVICE = (
    "The results themselves are wrong: look for a failing CPU or memory, and for what the agents differ in; "
    "--check-outputs no leaves this out."
)

_ROUNDING_ADVICE = "Compare the agents' cores: different core kinds or cache sizes may explain it."

_AFTER_ADVICE = (
    "Try -nthreads 1 -nstreams 1: if outputs repeat then, it was threads that share a sum; else suspect memory."
)


def find_in_outputs(evidence: Evidence) -> Iterator[Finding]:
    """Beyond rounding it is an error. Within it, of what should add up alike, a warning."""
    found = evidence.outputs
    for after, advice in ((False, _ROUNDING_ADVICE), (True, _AFTER_ADVICE)):
        rounded = [one for one in found.mismatches if one.after is after and one.rounding]
        if rounded:
            yield Finding(Code.OUTPUTS_DIFFER, "warning", _rounded(evidence, found, rounded), advice)
    if found.unrepeated:
        message = (
            f"After the load two inferences on the same inputs gave different outputs on "
            f"{evidence.who(found.unrepeated)}, before it the same."
        )
        yield Finding(Code.OUTPUTS_DIFFER, "warning", message, _AFTER_ADVICE)
    for after in (False, True):
        apart = [one for one in found.mismatches if one.after is after and not one.rounding]
        if apart:
            yield Finding(Code.OUTPUTS_DIFFER, "error", _message(evidence, found, apart), _ADVICE)


def _rounded(evidence: Evidence, found: Consistency, rounded: Sequence[Mismatch]) -> str:
    agents = tuple(sorted({mismatch.agent for mismatch in rounded}))
    worst = max(mismatch.apart for mismatch in rounded)
    if rounded[0].after:
        what = f"The outputs on {evidence.who(agents)} after the load are not bit-identical to those before it"
    else:
        what = (
            f"The outputs on {evidence.who(agents)} are not bit-identical to those on {evidence.who([found.first])}, "
            "with as many threads and streams"
        )
    return f"{what}; the values compared are off by up to {100 * worst:.3g} % of the largest one."


def _message(evidence: Evidence, found: Consistency, apart: Sequence[Mismatch]) -> str:
    agents = tuple(sorted({mismatch.agent for mismatch in apart}))
    worst = max(apart, key=lambda mismatch: mismatch.apart)
    if worst.after:
        what = f"The same inputs gave different outputs after the load than before it ({evidence.who(agents)})"
    else:
        what = f"The same inputs gave different outputs on {evidence.who(agents)} than on {evidence.who([found.first])}"
    where = f"'{worst.output}'" + (f" of agent {worst.agent}" if len(agents) > 1 else "")
    if not isfinite(worst.apart):
        return f"{what}; {where} differs beyond comparison."
    return f"{what}; {where} is off by {100 * worst.apart:.3g} % of its largest value."
