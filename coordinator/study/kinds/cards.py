"""What is known of each kind of study before it is loaded, which takes what it computes with along: for the parser and
the help. A table."""

from dataclasses import dataclass
from typing import Final

from ...result.study import KindName
from ..bisection import MOST_BLOCKS
from ..builds import RELEASE
from ..flag import StudyFlag
from ..shares import DEFAULT as SHARES
from ..shares import parse_shares
from .capacityflags import PARTITIONS, WITHIN
from .failif import FAIL_IF
from .size import SIZE
from .slo import SLO

AB_BLOCKS: Final = 10
"""By default, so 20 trials of each: at 3 % noise per trial a slowdown of 5 % is found in 95 of 100 studies
(see `ratio.CONFIDENCE`; tests/unit/coordinator/study/test_ratio.py)."""
RELEASE_BLOCKS: Final = 8
"""By default, so 16 trials of each."""

_A_SIDE: Final = "is a side of study ab, and this one is a study of the kind {kind}"
_OF_BISECT: Final = "is for study bisect, and this one is a study of the kind {kind}"
_METRICS: Final = ("fps", "median", "p99")


@dataclass(frozen=True)
class Card:
    """`about`: what it does, for the help. `made`: its module and its class. `flags`: those that no other kind has.
    `blocks`: the name of the blocks that are repeated and run again as a whole; empty where trials are. `leading`: the
    flag of a run that words right after the kind are values of."""

    name: KindName
    about: str
    made: str
    repetitions: int = 3
    blocks: str = ""
    leading: str = ""
    flags: tuple[StudyFlag, ...] = ()


def _shares(text: str) -> str:
    parse_shares(text)
    return text


def _metric(text: str) -> str:
    if text not in _METRICS:
        raise ValueError(f"'{text}' is none of {', '.join(_METRICS)}")
    return text


def _side(name: str) -> StudyFlag:
    about = f"of ab: the flags of {name.upper()}, quoted"
    return StudyFlag(name, (f"--{name}",), about, metavar="FLAGS", plan="a text", elsewhere=_A_SIDE)


def _build(dest: str, about: str, value: str) -> StudyFlag:
    return StudyFlag(dest, (f"--{dest}",), f"of bisect: {about}", metavar=value, plan="a text", elsewhere=_OF_BISECT)


SCALING: Final = Card(
    "scaling", "1 to N agents of a core each, or 1 to N --hosts: efficiency, fits, the knee",
    "scaling.ScalingStudy", repetitions=5,
)  # fmt: skip
STREAMS: Final = Card("streams", "streams x requests of one agent on all cores", "streams.StreamsStudy")
PARTITION: Final = Card(
    "partition", "the same cores as 1 x N streams, 2 x N/2, ... N x 1", "partition.PartitionStudy", repetitions=5
)
BATCH: Final = Card("batch", "batches of 1 to 32", "batch.BatchStudy")
AB: Final = Card(
    "ab", "A against B, in ABBA order: faster, slower or no difference", "ab.AbStudy",
    repetitions=AB_BLOCKS, blocks="ABBA", flags=(SIZE, _side("a"), _side("b"), FAIL_IF),
)  # fmt: skip
RELEASES: Final = Card(
    "releases", "releases of OpenVINO, installed as needed, against the first", "releases.ReleasesStudy",
    repetitions=RELEASE_BLOCKS, blocks="there-and-back", leading=RELEASE, flags=(SIZE, FAIL_IF),
)  # fmt: skip
BISECT: Final = Card(
    "bisect", "the first slow release from --good to --bad, and its layers", "bisect.BisectStudy",
    repetitions=MOST_BLOCKS, blocks="there-and-back",
    flags=(
        _build("good", "a release that is fast enough", "RELEASE"),
        _build("bad", "a later one that is too slow", "RELEASE"),
        _build("builds", "instead, all builds from good to bad: releases, or Pythons that have them", "LIST"),
        StudyFlag(
            "metric", ("--metric",), "of bisect: what is to be slower, fps, median or p99; default fps",
            metavar="FIGURE", parse=_metric, plan="a text", elsewhere=_OF_BISECT,
        ),
        SIZE,
    ),
)  # fmt: skip
LOAD: Final = Card(
    "load", "latency at 10 to 110 % of a closed loop's rate; the knee", "load.LoadStudy",
    flags=(
        StudyFlag(
            "at", ("--at",),
            "of load: the rates, in percent of what a closed loop does; a range goes in tens, or as in 50..110+5; "
            f"default {SHARES}",
            metavar="PERCENT", parse=_shares, plan="a text such as '10..90,95,100'",
            elsewhere="is for study load, and this one is a study of the kind {kind}",
        ),
        SLO,
    ),
)  # fmt: skip
CAPACITY: Final = Card(
    "capacity", "the highest rate at which --slo p99:20 holds, with its interval; --partitions cuts the cores",
    "capacity.CapacityStudy", repetitions=30, flags=(SLO, WITHIN, PARTITIONS),
)  # fmt: skip

READY_MADE: Final = (SCALING, STREAMS, PARTITION, BATCH, AB, RELEASES, BISECT, LOAD, CAPACITY)
"""Those that are asked for by their name."""

DEFAULT: Final = Card("sweep", "as many settings as the values given make", "sweep.SweepStudy")

CARDS: Final = {card.name: card for card in (DEFAULT, *READY_MADE)}
