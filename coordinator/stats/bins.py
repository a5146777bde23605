"""Bins of a histogram that is looked at: as many as the samples can fill, none too narrow to be seen. Pure."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_BINS: Final = 100

WIDE: Final = 12.0
"""A range in which the largest is more times the smallest gets bins of equal ratio, else of equal width."""


def bin_edges(least: float, most: float, quartiles: tuple[float, float], count: int) -> Floats:
    """From `least` to `most`, both > 0, for `count` samples with these first and third quartiles.

    By the rule of Freedman and Diaconis: twice the interquartile range by the cube root of the count
    (https://doi.org/10.1007/BF01025868), of logarithms where the range is wide.
    """
    if not least < most:
        return np.asarray([least, most], np.float64)
    wide = most > WIDE * least
    low, high, first, third = (math.log(x) if wide else x for x in (least, most, *quartiles))
    width = 2 * (third - first) / math.cbrt(count)
    bins = MOST_BINS if width * MOST_BINS <= high - low else math.ceil((high - low) / width)
    edges: Floats = np.linspace(low, high, bins + 1)
    if wide:
        edges = np.exp(edges)
        edges[[0, -1]] = least, most
    return edges
