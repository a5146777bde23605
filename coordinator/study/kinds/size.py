"""The flag with the size of a difference, which all kinds with a verdict have."""

from typing import Final

from ...request.values import number
from ...result.study import SIZE_PERCENT
from ..flag import StudyFlag

SIZE: Final = StudyFlag(
    "size_percent", ("--size-percent",),
    "of ab, releases and bisect: a difference whose interval lies within this counts as none; "
    f"default {SIZE_PERCENT:g}",
    metavar="PERCENT",
    parse=number(float, "a number of percent above 0, up to 100", lambda size: 0 < size <= 100),
    plan="a number above 0, up to 100",
    elsewhere="is for the verdict of study ab, releases and bisect, and a study of the kind {kind} has none",
)  # fmt: skip
