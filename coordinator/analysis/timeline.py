"""The course of a run: the window in slices. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_MS
from ovbench.common.histogram import COARSE, nearest_rank, percentile
from ovbench.common.messages import Folded
from ovbench.common.samplememory import FIRST_SLICE_NS

from .counted import Counted
from .population import Population
from .progress import Work
from .recording import Piece, Window, frames
from .slices import slice_edges_ns, slice_length_ns
from .times import LATENCY

Int64s = npt.NDArray[np.int64]

_TIMELINE_SLICES: Final = 600
"""A minute, benchmark_app's default, in slices of 100 ms."""


@dataclass(frozen=True)
class Slice:
    """A part of the window, given by its edges. `count`: inferences that ended in it; `frames`: what was done, of each
    agent in `agent_frames`, in their order. Where agents folded samples, inferences have their frames where they end.
    """

    start_ns: int
    stop_ns: int
    count: int
    frames: float
    p99_ms: float | None
    agent_frames: tuple[float, ...] = ()


@dataclass(frozen=True)
class Span:
    """Slice `index` of the timeline; `length` is that of all but the last."""

    start: int
    stop: int
    index: int
    last: bool
    length: int

    @property
    def end(self) -> int:
        """The last instant of it: an edge between two slices belongs to the later one."""
        return self.stop if self.last else self.stop - 1


def spans_of(loads: Sequence[Counted], window: Window) -> Iterator[Span]:
    """The window in slices of equal length, the last as long as what remains; a short rest joins the one before."""
    length = slice_length_ns(window.stop_ns - window.start_ns, _TIMELINE_SLICES, FIRST_SLICE_NS)
    length = max([length, *(part.slice_ns for load in loads for part, _ in load.folded)])
    edges = slice_edges_ns(window.start_ns, window.stop_ns, length)
    for index in range(len(edges) - 1):
        yield Span(edges[index], edges[index + 1], index, index == len(edges) - 2, length)


def counts_of(spans: Sequence[Span], loads: Sequence[Counted]) -> Int64s:
    """Of exact samples, how many ended in each, [n]."""
    counts = np.zeros(len(spans), np.int64)
    for piece in (piece for load in loads for piece in load.pieces):
        counts += np.diff(_places(piece, spans, by_due=False))
    return counts


def p99s_ms(spans: Sequence[Span], population: Population) -> Iterator[float | None]:
    """Of the exact samples of each; None where it is not known, or there is none."""
    pieces = [
        (piece.samples, _places(piece, spans, population.by_due).tolist())
        for load in population.loads
        for piece in load.pieces
    ]
    for index, span in enumerate(spans):
        places = ((samples, at[index], at[index + 1]) for samples, at in pieces)
        values = LATENCY.joined([samples[low:high] for samples, low, high in places if low < high])
        rank = nearest_rank(len(values) + population.missing.between(span.start, span.stop), 99.0)
        if rank >= len(values):
            yield None
            continue
        values.partition(rank)
        yield float(values[rank]) / NS_PER_MS


def _places(piece: Piece, spans: Sequence[Span], by_due: bool) -> Int64s:
    """Where its samples begin that ended in each span, or were due in it, [n + 1]. All of it lies in the window."""
    instants = piece.samples.dues if by_due else piece.samples.ends
    places = np.searchsorted(instants, [*(span.start for span in spans), spans[-1].end + 1])
    return places.astype(np.int64)


def folded_timeline(
    loads: Sequence[Counted], window: Window, work: Mapping[int, Work]
) -> tuple[tuple[Slice, ...], Int64s]:
    """The slices, and a histogram of each in COARSE: int64 [slices, COARSE.size]. What an agent did beyond what is
    counted was at the window's edges: the last slice has it."""
    spans = list(spans_of(loads, window))
    found = [_folded_slice(span, [load.between(span.start, span.end) for load in loads]) for span in spans]
    slices = [part for part, _ in found]
    if slices:
        last = slices[-1]
        beyond = (work[load.agent].frames - load.frames for load in loads)
        of_agents = tuple(frames + more for frames, more in zip(last.agent_frames, beyond, strict=True))
        slices[-1] = replace(last, frames=sum(of_agents), agent_frames=of_agents)
    histograms = [histogram for _, histogram in found]
    return tuple(slices), np.asarray(histograms, np.int64).reshape(len(found), COARSE.size)


def _folded_slice(span: Span, parts: Sequence[Counted]) -> tuple[Slice, Int64s]:
    """Agents fold by slices of the same origin, give or take the start skew; p99 has an error of at most 0.8 %."""
    histogram = np.zeros(COARSE.size, np.int64)
    done = []
    for load in parts:
        total = load.exact_frames
        for piece in load.pieces:
            histogram += COARSE.count(piece.samples.latencies)
        for part, first in load.folded:
            before, here = _add_folded(histogram, span, part)
            total += frames(load.batches, part.request, first + before, here)
        done.append(total)
    count = int(histogram.sum())
    p99_ms = percentile(COARSE, histogram, 99.0) / NS_PER_MS if count else None
    return Slice(span.start, span.stop, count, sum(done), p99_ms, tuple(done)), histogram


def _add_folded(histogram: Int64s, span: Span, part: Folded) -> tuple[int, int]:
    """Adds what a request folded in a slice; how many it had folded before, and how many in it."""
    slices = np.frombuffer(part.slice_indices, "<i4") // (span.length // part.slice_ns)
    counts = np.frombuffer(part.slice_counts, "<i8")
    within = slices >= span.index if span.last else slices == span.index
    np.add.at(histogram, np.frombuffer(part.slice_buckets, "<i4")[within], counts[within])
    return int(counts[slices < span.index].sum()), int(counts[within].sum())
