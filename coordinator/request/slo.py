"""Objectives of a service's latency, as people write them: `20`, `p99:20,p50:5`, in milliseconds. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from .values import milliseconds

_PERCENT: Final = re.compile(r"p([0-9]+(?:\.[0-9]+)?):(.*)", re.ASCII | re.DOTALL)
_MOST: Final = 16


@dataclass(frozen=True)
class Objective:
    """A latency of at most `limit_ms`, for `percent` of all inferences; None where it is left open for how many."""

    limit_ms: float
    percent: float | None = None

    def __str__(self) -> str:
        """As on the command line."""
        limit = f"{self.limit_ms:.15g}"
        return limit if self.percent is None else f"p{self.percent:.15g}:{limit}"


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """Raises ValueError, whose text ends a sentence that begins with the flag."""
    found = tuple(_objective(part.strip()) for part in text.split(","))
    if len(found) > _MOST:
        raise ValueError(f"'{text}' has {len(found)} limits, more than {_MOST}")
    for one, other in combinations(found, 2):
        if one == other:
            raise ValueError(f"'{text}' has {one} twice; leave one out")
        if one.percent is not None and one.percent == other.percent:
            raise ValueError(f"'{text}' has two limits for p{one.percent:.15g}, {one} and {other}; leave one out")
    return found


def form_objectives(objectives: Sequence[Objective]) -> str | None:
    """As they were given; None where there are none."""
    return ",".join(map(str, objectives)) or None


def _objective(text: str) -> Objective:
    form = _PERCENT.fullmatch(text)
    percent = None if form is None else float(form[1])
    if percent is not None and not 0 < percent <= 100:
        raise ValueError(f"'{text}': a percentile is above 0 and at most 100, as in p99:20")
    try:
        limit_ms = float(milliseconds(text if form is None else form[2]))
    except ValueError:
        raise ValueError(
            f"'{text}' is not a number of milliseconds above 0, at most 1e9, or a time as in 20ms, alone or for a "
            "percentile, as in p99:20"
        ) from None
    return Objective(limit_ms, percent)
