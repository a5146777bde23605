"""The flag with the limits of latency that a rate is to keep; each kind that looks for such a rate has the same."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ovbench.common.errors import UsageError

from ...request.slo import Objective, form_objectives, parse_objectives
from ..flag import StudyFlag

NAME: Final = "--slo"
_GOODPUT: Final = "goodput:"
_EXAMPLE: Final = "as in p99:20, which is 99 % within 20 ms"


def _objectives(text: str) -> str:
    """As --slo-ms takes them. `goodput:99:20` is another spelling of `p99:20`."""
    parts = (part.strip() for part in text.split(","))
    spelt = ",".join(f"p{part.removeprefix(_GOODPUT)}" if part.startswith(_GOODPUT) else part for part in parts)
    found = parse_objectives(spelt)
    for one in found:
        if one.percent is None:
            raise ValueError(f"'{text}' does not say how many must keep it; write it {_EXAMPLE}")
    return form_objectives(found) or ""


SLO: Final = StudyFlag(
    "slo", (NAME,),
    f"of capacity and load: the latency to keep, {_EXAMPLE}; of several, all must hold; goodput:99:20 is the same",
    metavar="PERCENTILE:MS", parse=_objectives, repeatable=True,
    plan="a text such as 'p99:20', or an array of them",
    elsewhere="is for studies that look for a rate, and this one is a study of the kind {kind}",
)  # fmt: skip


def objectives_of(own: Mapping[str, Any]) -> tuple[Objective, ...]:
    """All that were given, in their order. Raises UsageError, one sentence."""
    given = [_objectives(text) for text in own.get(SLO.dest, ())]
    if not given:
        return ()
    try:
        return parse_objectives(",".join(given))
    except ValueError as error:
        raise UsageError(f"{NAME} {error}") from None


def refuse_all_arrivals(objectives: Iterable[Objective]) -> None:
    """Raises UsageError where each and every arrival is to keep a limit."""
    for one in objectives:
        if one.percent == 100:
            raise UsageError(
                f"{NAME} {one}: no run is long enough to show p100; give a lower percentile, as in "
                f"p99.9:{one.limit_ms:g}"
            )
