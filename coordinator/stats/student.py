"""The distributions of Student and Fisher. Pure."""

from functools import lru_cache
from math import exp, inf, isfinite, lgamma, log, log1p
from typing import Final

CONFIDENCE: Final = 0.95
"""Of every interval, unless another is named."""

_MOST_TERMS: Final = 10_000
_PRECISION: Final = 1e-13
_TINY: Final = 1e-300
_BISECTIONS: Final = 200


@lru_cache(maxsize=1024)
def t_quantile(probability: float, freedom: float) -> float:
    """Student's t below which `probability` (0.5 to 1, excluded) lies; degrees of freedom > 0, whole or not.

    By bisection of the tail 2 P(T > t) = I_x(f/2, 1/2), x = f / (f + t^2) (Abramowitz and Stegun 26.5.27): relative
    error below 1e-9 for f from 1 to 10^6 and probabilities up to 0.9999.
    """
    if not 0.5 < probability < 1 or not freedom > 0:
        raise ValueError(f"no quantile {probability} of t with {freedom} degrees of freedom")
    tail, low, high = 2 * (1 - probability), 0.0, 1.0
    while _two_tails(high, freedom) > tail:
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _two_tails(middle, freedom) > tail else (low, middle)
    return (low + high) / 2


def t_within(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Student's t that |t| stays below with this confidence: how many standard errors an interval reaches each way."""
    return t_quantile(0.5 + confidence / 2, freedom)


def f_tail(ratio: float, above: float, below: float) -> float:
    """The probability that Fisher's F with those degrees of freedom is greater (Abramowitz and Stegun 26.6.2)."""
    return incomplete_beta(below / (below + above * ratio), below / 2, above / 2) if isfinite(ratio) else 0.0


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised I_x(a, b), by its continued fraction (DLMF 8.17.22), evaluated as Lentz has it."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror does fast
        return 1 - incomplete_beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    value, c, d = 1.0, 1.0, 0.0
    for term in range(_MOST_TERMS):
        half = term // 2
        if term == 0:
            factor = 1.0
        elif term % 2 == 0:
            factor = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        else:
            factor = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        d = 1 / _away(1 + factor * d)
        c = _away(1 + factor / c)
        value *= c * d
        if abs(1 - c * d) < _PRECISION:
            break
    return front * (value - 1)


def _two_tails(t: float, freedom: float) -> float:
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) if t < inf else 0.0


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
