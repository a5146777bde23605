"""Which build is the first slow one, in as few trials and installations as it takes: what to run next. Pure.

First the last build against the first one, until it is known whether it is slower at all; no other is installed before.
Then the one in the middle of what is open, in blocks with both of them, until it is known which of the two it is like;
and so on. All that was measured counts for every decision, so one is taken back where later blocks speak against it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil, log, log2
from typing import Final, Literal

from ..stats.changepoint import Block, Places, places

DOUBT: Final = 0.02
"""How probable it is at most that what is named is wrong."""

LEAST_BLOCKS: Final = 3
MOST_BLOCKS: Final = 60
"""Of a whole bisection, unless another number is given."""


@dataclass(frozen=True)
class Found:
    """`none`: no build is slower. `first`: the first slow one, `open` between it and the last one that is known not to
    be slow, and what cannot be measured. `undecided`: blocks ran out before it was known."""

    what: Literal["none", "first", "undecided"]
    first: int | None = None
    last_good: int | None = None
    places: Places | None = None


@dataclass(frozen=True)
class Bisection:
    """`builds`: how many there are, the good one first and the bad one last. `size_percent`: what counts as slower.
    `most_blocks`: those that have figures; what was run without any is taken off it."""

    builds: int
    size_percent: float
    most_blocks: int = MOST_BLOCKS

    def next(self, blocks: Sequence[Block], broken: Collection[int] = ()) -> tuple[int, ...] | Found:
        """The builds of the next block, or what was found. `broken`: those that cannot be measured."""
        last = self.builds - 1
        if len(blocks) < LEAST_BLOCKS:
            return Found("undecided") if len(blocks) >= self.most_blocks else (0, last)
        now = places(blocks, self.builds, log(1 + self.size_percent / 100))
        if now.none >= 1 - DOUBT / 2:
            return Found("none", places=now)
        if now.none > DOUBT / 2:
            return Found("undecided", places=now) if len(blocks) >= self.most_blocks else (0, last)
        low, high = self._bounds(blocks, now)
        undecided = [one for one in self._measured(blocks) if low < one < high]
        candidates = undecided or [one for one in range(low + 1, high) if one not in broken]
        if not candidates:
            ends = {0, low, high, last}
            enough = all(sum(one in block for block in blocks) >= LEAST_BLOCKS for one in ends)
            if enough or len(blocks) >= self.most_blocks:
                return Found("first", high, low, now)
            return tuple(sorted(ends))  # so that it is known by how much
        if len(blocks) >= self.most_blocks:
            return Found("undecided", high, low, now)
        middle = (low + high) / 2
        return (0, min(candidates, key=lambda one: (abs(one - middle), one)), last)

    def _measured(self, blocks: Sequence[Block]) -> list[int]:
        return sorted({build for block in blocks for build in block} - {0, self.builds - 1})

    def _bounds(self, blocks: Sequence[Block], now: Places) -> tuple[int, int]:
        """The last build that is known to be as good as the first, and the first that is known to be slow."""
        doubt = DOUBT / 2 / max(1, ceil(log2(self.builds)))
        measured = self._measured(blocks)
        high = min((one for one in measured if now.slow(one) >= 1 - doubt), default=self.builds - 1)
        low = max((one for one in measured if now.slow(one) <= doubt and one < high), default=0)
        return low, high
