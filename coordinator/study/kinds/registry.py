"""All kinds of studies, by name."""

from collections.abc import Mapping
from typing import Final

from ...result.study import KindName, Study
from .ab import Against
from .batch import Batch
from .kind import Kind
from .partition import Partition
from .scaling import Scaling
from .streams import Streams
from .sweep import Sweep

READY_MADE: Final[tuple[Kind, ...]] = (Scaling(), Streams(), Partition(), Batch(), Against())
"""Those that are asked for by their name."""

DEFAULT: Final = Sweep([kind.name for kind in READY_MADE])

KINDS: Final[Mapping[KindName, Kind]] = {kind.name: kind for kind in (DEFAULT, *READY_MADE)}


def kind_of(study: Study) -> Kind:
    return KINDS[study.kind]
