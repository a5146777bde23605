"""The flag by which the verdict of a kind of study reaches its exit code; each such kind has the same."""

from collections.abc import Sequence
from typing import Final

from ovbench.common.errors import UsageError

from ..flag import StudyFlag
from ..gate import WORDS, parse_condition
from ..ratio import LEAST_BLOCKS

NAME: Final = "--fail-if"


def check_blocks(conditions: Sequence[str], blocks: int) -> None:
    """Raises UsageError where there would be too few for a verdict: the study would fail whatever it found."""
    if conditions and blocks < LEAST_BLOCKS:
        raise UsageError(
            f"{NAME} '{conditions[0]}': a verdict needs {LEAST_BLOCKS} blocks, so --repetitions {blocks} is too few"
        )


def _condition(text: str) -> str:
    try:
        return parse_condition(NAME, text).text
    except UsageError as error:
        raise ValueError(str(error).partition("': ")[2] or str(error)) from None


FAIL_IF: Final = StudyFlag(
    "fail_if", (NAME,),
    f"of ab: exit code 4 where it comes true of B: {', '.join(WORDS)}, or a change from A beyond noise, as in "
    "'fps < -3%' or 'p99 > +5%'; may be repeated",
    metavar="CONDITION", parse=_condition, repeatable=True,
    plan="a condition such as 'slower' or 'fps < -3%', or an array of them",
    elsewhere="is for the verdict of study ab, and a study of the kind {kind} has none",
)  # fmt: skip
