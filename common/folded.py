"""What is left of samples beyond an agent's memory for exact ones, as sums and histograms; and whether it can be."""

from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct

from .bounded import MOST_COUNT, Nanoseconds
from .histogram import COARSE, FINE, Layout
from .job import Finite

_MOST_FOLDED_SLICES: Final = 4_096
"""Time slices of one `messages.Folded`."""

MOST_SLICE_BUCKETS: Final = 1 << 18
"""Buckets of slices in one `Folded`: 4 MiB."""

MOST_TALLIED: Final = 1 << 40
"""Inferences in one `messages.Tally`: those of all cells and agents add up in 64 bits."""

_ROUNDING: Final = 1e-6
"""The relative error of a sum that was added up one by one."""


class FoldedTimes(Struct, frozen=True, forbid_unknown_fields=True):
    """The services, or the waits, of what one request folded at a rate; as `Folded` has its latencies."""

    least_ns: Nanoseconds
    most_ns: Nanoseconds
    pivot_ns: Nanoseconds
    total_deviation_ns: Finite
    total_square_ns2: Annotated[float, Meta(ge=0, le=1e300)]
    fine_buckets: Annotated[bytes, Meta(max_length=4 * FINE.size)]
    fine_counts: Annotated[bytes, Meta(max_length=8 * FINE.size)]


class _Times(Protocol):
    """The latencies, services or waits that were folded."""

    @property
    def least_ns(self) -> int: ...
    @property
    def most_ns(self) -> int: ...
    @property
    def pivot_ns(self) -> int: ...
    @property
    def total_deviation_ns(self) -> float: ...
    @property
    def total_square_ns2(self) -> float: ...
    @property
    def fine_buckets(self) -> bytes: ...
    @property
    def fine_counts(self) -> bytes: ...


def check_slices(indices: bytes, buckets: bytes, counts: bytes, total: int) -> None:
    """Raises ValueError where these are no counts by slice and bucket that add up to `total`."""
    cells = len(buckets) // 4
    if (len(indices), len(buckets), len(counts)) != (4 * cells, 4 * cells, 8 * cells) or not cells:
        raise ValueError("a histogram has a count for each bucket")
    _check_buckets(buckets, COARSE)
    _check_counts(counts, total)
    numbers = memoryview(indices).cast("i")
    if min(numbers) < 0 or max(numbers) >= _MOST_FOLDED_SLICES:
        raise ValueError("a time slice comes after the start")


def check_times(times: _Times, count: int) -> None:
    """Raises ValueError where there can be no such times: figures of them would be of nothing."""
    check_histogram(times.fine_buckets, times.fine_counts, MOST_COUNT)
    _check_counts(times.fine_counts, count)
    if not times.least_ns <= times.pivot_ns <= times.most_ns:
        raise ValueError("what was folded lies between its extremes")
    low, high = (float(count * (edge - times.pivot_ns)) for edge in (times.least_ns, times.most_ns))
    most = float(count) * max(times.most_ns - times.pivot_ns, times.pivot_ns - times.least_ns) ** 2
    slack = _ROUNDING * (high - low) + 1.0
    if not low - slack <= times.total_deviation_ns <= high + slack:
        raise ValueError("a sum of deviations lies between those of the extremes")
    if times.total_square_ns2 > most * (1 + _ROUNDING) + 1.0:
        raise ValueError("a sum of squares is at most that of the extremes")


def check_histogram(buckets: bytes, counts: bytes, most: int) -> None:
    """Raises ValueError where these are no counts by bucket of `histogram.FINE`, at least one and in all `most`."""
    number = len(buckets) // 4
    if (len(buckets), len(counts)) != (4 * number, 8 * number) or not number:
        raise ValueError("a histogram has a count for each bucket")
    _check_buckets(buckets, FINE)
    numbers = memoryview(counts).cast("q")
    if min(numbers) < 1 or sum(numbers) > most:
        raise ValueError("a bucket that is named has a count")


def _check_counts(counts: bytes, total: int) -> None:
    numbers = memoryview(counts).cast("q")
    if min(numbers) < 1 or sum(numbers) != total:
        raise ValueError("a histogram's counts add up to what was counted")


def _check_buckets(buckets: bytes, layout: Layout) -> None:
    numbers = memoryview(buckets).cast("i")
    if min(numbers) < 0 or max(numbers) >= layout.size:
        raise ValueError("a bucket is one of the histogram's")
