"""Where in an ordered list of builds one became slower, from measurements in blocks: how probable each place is. Pure.

A block has a figure of each of some builds, as a logarithm: what is larger is slower. The model: y = m(block) +
d [build >= k] + noise, where k is the first slow build (d > 0) or the first fast one (d < 0), or all are alike (d = 0).
What a block has in common, the machine's speed in those minutes, cancels. The size d of the step and the noise are not
known: d is summed over, from the least that counts to `_MOST`, evenly by logarithm; the noise's standard deviation s is
integrated out with a prior of 1 / s and two more residuals of 1 %, so that two figures that happen to agree prove
nothing.

That all are alike, that one became faster and that one became slower are equally probable beforehand, and each build is
as probable to be the first. So by Ville's inequality, where none became slower, odds against that of 1 to x are reached
with a probability of x at most, however often one looks (Ville 1939; Grunwald, de Heide and Koolen, "Safe Testing",
2024).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from .estimate import Estimate
from .student import t_within

Block = Mapping[int, float]
"""The logarithm of a figure by build, the number of its place in the list."""

_MOST: Final = log(100.0)
"""The largest step that is thought of: a larger one fits it best."""

_STEPS: Final = 48
"""An eighth more each: what a step between two of them leaves is little beside it."""

_PRIOR_RESIDUALS: Final = 2.0
_PRIOR_SCATTER: Final = 0.01


@dataclass(frozen=True)
class Places:
    """`none`: the probability that no build is slower than the first, also where one is faster. `first[k]`: that build
    k (from 1) is the first slow one; 0 of the first build itself. They add up to 1."""

    none: float
    first: tuple[float, ...]

    def slow(self, build: int) -> float:
        """The probability that it is slow, if any is."""
        some = sum(self.first)
        return sum(self.first[: build + 1]) / some if some > 0 else 0.0


def places(blocks: Sequence[Block], builds: int, size: float) -> Places:
    """`size` (> 0): the logarithm of the least ratio that counts as slower."""
    import numpy as np  # here, as the tables of flags ask for the kinds of studies

    steps = np.exp(np.linspace(log(size), max(log(_MOST), log(size)), _STEPS))
    freedom = sum(len(block) - 1 for block in blocks) + _PRIOR_RESIDUALS
    # Of what blocks say, y, and of a step x at each build but the first, about their means: y y, x y and x x.
    scatter = _PRIOR_RESIDUALS * _PRIOR_SCATTER**2
    along, square = np.zeros(builds - 1), np.zeros(builds - 1)
    for block in blocks:
        y = np.array(list(block.values()))
        x = (np.array(list(block)) >= np.arange(1, builds)[:, None]).astype(np.float64)
        y, x = y - y.mean(), x - x.mean(axis=1, keepdims=True)
        scatter, along, square = scatter + float(y @ y), along + x @ y, square + (x * x).sum(axis=1)
    both = np.concatenate([steps, -steps])
    left = scatter - 2 * both * along[:, None] + both**2 * square[:, None]
    weights = -freedom / 2 * np.log(np.append(left.ravel(), scatter))
    shares = np.exp(weights - weights.max())
    slower, faster = shares[:-1].reshape(builds - 1, 2, _STEPS).mean(axis=2).T / max(1, builds - 1)
    none, first = float(shares[-1] + faster.sum()), slower
    total = none + float(first.sum())
    return Places(none / total, (0.0, *(float(one) / total for one in first)))


def difference(blocks: Sequence[Block], before: int, after: int, confidence: float) -> Estimate | None:
    """How much larger the logarithm is of one build than of another, by least squares over all blocks: each build and
    each block has a level of its own. None where blocks do not connect the two; no interval where nothing is left to
    know the scatter by."""
    import numpy as np

    names = sorted({build for block in blocks for build in block})
    rows = [(number, build, value) for number, block in enumerate(blocks) for build, value in block.items()]
    if before not in names or after not in names or not _connected(blocks, before, after):
        return None
    design = np.zeros((len(rows), len(blocks) + len(names)))
    for row, (number, build, _) in enumerate(rows):
        design[row, number] = design[row, len(blocks) + names.index(build)] = 1.0
    values = np.array([value for _, _, value in rows])
    inverse = np.linalg.pinv(design.T @ design)
    levels = inverse @ design.T @ values
    which = np.zeros(design.shape[1])
    which[len(blocks) + names.index(after)] += 1.0
    which[len(blocks) + names.index(before)] -= 1.0
    middle = float(which @ levels)
    freedom = len(rows) - int(np.linalg.matrix_rank(design))
    count = sum(before in block or after in block for block in blocks)
    if freedom < 1:
        return Estimate(middle, count=count)
    scatter = float(np.sum((values - design @ levels) ** 2)) / freedom
    half = t_within(freedom, confidence) * float(np.sqrt(max(0.0, scatter * float(which @ inverse @ which))))
    return Estimate(middle, middle - half, middle + half, count)


def _connected(blocks: Sequence[Block], before: int, after: int) -> bool:
    """Whether blocks lead from one build to the other."""
    reached = {before}
    for _ in blocks:
        for block in blocks:
            if not reached.isdisjoint(block):
                reached |= set(block)
    return after in reached
