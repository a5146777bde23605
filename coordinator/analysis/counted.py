"""What of an agent's load counts in the window. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ovbench.common.messages import Folded
from ovbench.common.samples import SampleArray

from .recording import Piece, Recorded, Window, frames, inside


@dataclass(frozen=True)
class Counted:
    """Exact samples in the window, and all that was folded, with its first index. `by_due`: samples that were due in
    the window, and not those that ended in it."""

    agent: int
    batches: tuple[int, ...]
    pieces: list[Piece]
    folded: list[tuple[Folded, int]]
    by_due: bool = False

    @classmethod
    def of(cls, agent: Recorded, window: Window, by_due: bool = False) -> "Counted":
        folded = [(part, _first_folded(part, agent.pieces)) for part in agent.folded]
        pieces = list(inside(agent.pieces, window.start_ns, window.stop_ns, by_due))
        return cls(agent.agent, agent.batches, pieces, folded, by_due)

    def __len__(self) -> int:
        return self.exact + sum(part.count for part, _ in self.folded)

    @property
    def exact(self) -> int:
        """How many samples it has."""
        return sum(len(piece) for piece in self.pieces)

    @property
    def frames(self) -> int:
        folded = sum(frames(self.batches, part.request, first, part.count) for part, first in self.folded)
        return self.exact_frames + folded

    @property
    def exact_frames(self) -> int:
        return sum(frames(self.batches, piece.request, piece.first, len(piece)) for piece in self.pieces)

    @property
    def samples(self) -> list[SampleArray]:
        return [piece.samples for piece in self.pieces]

    @property
    def requests(self) -> set[int]:
        return {piece.request for piece in self.pieces} | {part.request for part, _ in self.folded}

    def longest_ns(self, request: int) -> int:
        """The longest latency of a request of it."""
        exact = (int(piece.samples.latencies.max()) for piece in self.pieces if piece.request == request)
        return max([*exact, *(part.most_ns for part, _ in self.folded if part.request == request)])

    def between(self, start_ns: int, stop_ns: int) -> "Counted":
        """With those exact samples that ended in [start, stop], or were due in [start, stop); what was folded is not
        divided."""
        return replace(self, pieces=list(inside(self.pieces, start_ns, stop_ns, self.by_due)))


def _first_folded(part: Folded, pieces: Sequence[Piece]) -> int:
    """The index of the first inference that was folded: where the exact samples from the request's start on end."""
    index = 0
    for piece in sorted((p for p in pieces if p.request == part.request), key=lambda p: p.first):
        if piece.first != index:
            break
        index += len(piece)
    return index
