"""What study capacity is asked for beside the limits of latency: how narrow the interval, and which settings."""

from typing import Final

from ...request.values import number
from ...result.study import WITHIN_PERCENT
from ..flag import StudyFlag

_ELSEWHERE: Final = "is for study capacity, and this one is a study of the kind {kind}"

WITHIN: Final = StudyFlag(
    "within_percent", ("--within",),
    "of capacity: go on until half the 95 % interval of the rate is within this; "
    f"default {WITHIN_PERCENT:g}",
    metavar="PERCENT",
    parse=number(float, "a number of percent from 0.5 to 50", lambda percent: 0.5 <= percent <= 50),
    plan="a number from 0.5 to 50",
    elsewhere=_ELSEWHERE,
)  # fmt: skip

PARTITIONS: Final = StudyFlag(
    "partitions", ("--partitions",),
    "of capacity: every way to cut the same cores, 1 agent x N streams to N x 1, per node, per socket",
    takes="nothing",
    plan="true or false",
    elsewhere=_ELSEWHERE,
)  # fmt: skip
