"""High dynamic range histograms: counts in buckets whose width is a fixed fraction of their value.

The layout is HdrHistogram's (Gil Tene, https://hdrhistogram.org): values below 2**bits have a bucket each, and every
octave above has 2**(bits - 1) buckets, so a bucket is at most 2**(1 - bits) of its value wide. The compiled loops
count with the same arithmetic (`agent.loop.recording`); a test holds the two together.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


_VALUE_BITS: Final = 41

MOST_VALUE: Final = (1 << _VALUE_BITS) - 1


@dataclass(frozen=True)
class Layout:
    """Buckets for values from 0 to 2**41 - 1 (in ns: 36 minutes); larger ones count in the last bucket."""

    bits: int

    @property
    def size(self) -> int:
        octaves = _VALUE_BITS - self.bits
        return octaves * (1 << (self.bits - 1)) + (1 << self.bits)

    @property
    def relative_error(self) -> float:
        """Bound of |value(bucket of x) - x| / x."""
        return 2.0**-self.bits

    def buckets(self, values: Int64s) -> Int64s:
        """The bucket of each value; values are not negative."""
        clipped = np.clip(values, 0, MOST_VALUE)
        # frexp's exponent is the bit length for the integers here, all below 2**53.
        length = np.frexp(clipped.astype(np.float64))[1].astype(np.int64)
        shift = np.maximum(length - self.bits, 0)
        result: Int64s = (shift << (self.bits - 1)) + (clipped >> shift)
        return result

    def values(self, buckets: Int64s) -> Int64s:
        """The middle of each bucket."""
        half = 1 << (self.bits - 1)
        shift = np.maximum(buckets // half - 1, 0)
        low = (buckets - shift * half) << shift
        result: Int64s = low + (np.int64(1) << shift) // 2
        return result

    def count(self, values: Int64s) -> Int64s:
        """A histogram of `values`: int64 [size]."""
        return np.bincount(self.buckets(values), minlength=self.size).astype(np.int64)


FINE: Final = Layout(bits=11)
"""3 significant digits: for figures. Error at most 0.05 % of the value."""

COARSE: Final = Layout(bits=7)
"""2 significant digits: for the timeline and the live display. Error at most 0.8 % of the value."""


def nearest_rank(count: int, percent: float) -> int:
    """Zero-based rank of a percentile in `count` sorted samples: ceil(count * percent / 100) - 1, at least 0.

    The product is rounded to 9 decimals first: 99.9 has no exact binary form, and its error must not add a rank.
    """
    return max(0, math.ceil(round(count * percent / 100, 9)) - 1)


def percentile(layout: Layout, counts: Int64s, percent: float) -> int:
    """The value at the nearest rank of a histogram that is not empty."""
    rank = nearest_rank(int(counts.sum()), percent)
    bucket = np.searchsorted(np.cumsum(counts), rank, side="right")
    return int(layout.values(np.asarray([bucket], np.int64))[0])
