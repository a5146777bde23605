"""Lengths of time as people write them: `10`, in the unit that the flag has, or `10s`, `500ms`, `1m30s`. Pure."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import inf
from typing import Final

NUMBER: Final = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
SECONDS_OF: Final[Mapping[str, Fraction]] = {
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
"""By unit."""

_PART: Final = re.compile(rf"({NUMBER})(us|µs|μs|ms|s|min|m|h)", re.ASCII)
_SAME: Final = {"µs": "us", "μs": "us", "min": "m"}


def in_unit(unit: str) -> Callable[[str], float]:
    """A parser to a number of `unit`, which a plain number is taken to be in. It raises ValueError."""

    def convert(text: str) -> float:
        parts = _PART.findall(text)
        if not parts or "".join(map("".join, parts)) != text:
            return float(text)
        seconds = sum(Fraction(number) * SECONDS_OF[_SAME.get(name, name)] for number, name in parts)
        return as_float(seconds / SECONDS_OF[unit])

    return convert


def as_float(value: Fraction) -> float:
    """Infinite where it is too large, as `float("1e999")` is."""
    try:
        return float(value)
    except OverflowError:
        return inf
