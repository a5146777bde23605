"""All kinds of studies, by name."""

from collections.abc import Mapping
from typing import Final

from ...result.study import KindName, Study
from .ab import AbStudy
from .batch import BatchStudy
from .bisect import BisectStudy
from .capacity import CapacityStudy
from .kind import Kind
from .load import LoadStudy
from .partition import PartitionStudy
from .releases import ReleasesStudy
from .scaling import ScalingStudy
from .streams import StreamsStudy
from .sweep import SweepStudy

READY_MADE: Final[tuple[Kind, ...]] = (
    ScalingStudy(),
    StreamsStudy(),
    PartitionStudy(),
    BatchStudy(),
    AbStudy(),
    ReleasesStudy(),
    BisectStudy(),
    LoadStudy(),
    CapacityStudy(),
)
"""Those that are asked for by their name."""

DEFAULT: Final = SweepStudy([kind.name for kind in READY_MADE])

KINDS: Final[Mapping[KindName, Kind]] = {kind.name: kind for kind in (DEFAULT, *READY_MADE)}


def kind_of(study: Study) -> Kind:
    return KINDS[study.kind]
