"""The three times of an inference, each as samples have it and as it was folded. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.folded import FoldedTimes
from ovbench.common.messages import Folded
from ovbench.common.samples import SampleArray

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Time:
    """`of` samples, ns [n]; `folded` of what a request folded, None where that has it not."""

    of: Callable[[SampleArray], Int64s]
    folded: Callable[[Folded], Folded | FoldedTimes | None]

    def joined(self, samples: Sequence[SampleArray]) -> Int64s:
        """Of all samples, ns, with no array but their own."""
        values = np.empty(sum(len(part) for part in samples), np.int64)
        at = 0
        for part in samples:
            values[at : at + len(part)] = self.of(part)
            at += len(part)
        return values

    def all_folded(self, parts: Iterable[Folded]) -> list[Folded | FoldedTimes]:
        return [found for part in parts if (found := self.folded(part)) is not None]


LATENCY: Final = Time(lambda samples: samples.latencies, lambda part: part)
SERVICE: Final = Time(lambda samples: samples.services, lambda part: part.service)
WAIT: Final = Time(lambda samples: samples.waits, lambda part: part.wait)
