"""The flag by which the verdict of a kind of study reaches its exit code; each such kind has the same."""

from collections.abc import Sequence
from typing import Final

from ovbench.common.errors import UsageError

from ...result.study import Study
from ..atrate import rate_flag
from ..flag import StudyFlag
from ..gate import WORDS, parse_condition
from ..ratio import LEAST_BLOCKS

NAME: Final = "--fail-if"


def check_conditions(conditions: Sequence[str], study: Study) -> None:
    """Raises UsageError where what the study finds makes no difference: with too few blocks it would fail, and at a
    rate a limit on throughput would never come true."""
    if conditions and study.repetitions < LEAST_BLOCKS:
        raise UsageError(
            f"{NAME} '{conditions[0]}': a verdict needs {LEAST_BLOCKS} blocks, so --repetitions {study.repetitions} is "
            "too few"
        )
    at_rate = next(filter(None, (rate_flag(trial.argv) for trial in study.trials)), "")
    for text in conditions if at_rate else ():
        if parse_condition(NAME, text).ratio == "throughput":
            raise UsageError(
                f"{NAME} '{text}': at a rate ({at_rate}) throughput is what was offered; limit a latency, as in "
                "'p99 > +5%'"
            )


def _condition(text: str) -> str:
    try:
        return parse_condition(NAME, text).text
    except UsageError as error:
        raise ValueError(str(error).removeprefix(f"{NAME} ")) from None


FAIL_IF: Final = StudyFlag(
    "fail_if", (NAME,),
    f"of ab and releases: exit code 4 where it comes true of B, or of a release against the first: {', '.join(WORDS)}, "
    "or a change beyond noise, as in 'fps < -3%' or 'p99 > +5%'; may be repeated",
    metavar="CONDITION", parse=_condition, repeatable=True,
    plan="a condition such as 'slower' or 'fps < -3%', or an array of them",
    elsewhere="is for the verdict of study ab and releases, and a study of the kind {kind} has none",
)  # fmt: skip
