"""Whether a trial at a rate was more than could be served, and nothing else was wrong with it. Pure.

A study that raises the rate until the machine cannot follow has such trials on purpose: their latencies depend on how
long they were, and say that the rate is too high.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from ..result.findings import Code
from ..result.study import Outcome
from .standing import measured

_OTHER_ERRORS: Final = frozenset((
    Code.CLOCK_ERROR, Code.CPU_QUOTA, Code.OUTPUTS_DIFFER, Code.WRONG_CPUS, Code.CPU_COLLISION, Code.MASK_CHANGED,
    Code.NOTHING_COUNTED, Code.SCENARIO_NOT_VALID, Code.INFERENCE_FAILED,
))  # fmt: skip
"""What may make a trial INVALID, too."""


def only_overloaded(one: Outcome) -> bool:
    """INVALID, and for no other reason."""
    found = set(one.findings)
    return one.status == "INVALID" and Code.OVERLOADED in found and found.isdisjoint(_OTHER_ERRORS)


def served(one: Outcome) -> bool:
    """Whether all that arrived was served as it came; not where that is in doubt."""
    return Code.OVERLOADED not in one.findings


def counted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Of the trials at one rate those whose figures are used: the VALID ones, or where there are none the SUSPECT ones,
    and all that were overloaded, or may have been: without these a rate that is sometimes too high would seem to be
    none."""
    known = [one for one in outcomes if measured(one)]
    status = "VALID" if any(one.status == "VALID" for one in known) else "SUSPECT"
    return [one for one in known if one.status == status or only_overloaded(one) or _may_be(one)]


def _may_be(one: Outcome) -> bool:
    return one.status == "SUSPECT" and not served(one)


def without_overload(one: Outcome) -> Outcome:
    """With the findings that are no surprise taken away."""
    return structs.replace(one, findings=tuple(code for code in one.findings if code != Code.OVERLOADED))
