"""What ends a load before its time: a figure that is known well enough, as people write it: `p99 +-3%`. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from ovbench.common.spelling import did_you_mean

from ..result.figures import BY_NAME

FIGURES: Final = ("fps", "mean_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms", "p99_9_ms")
"""Those of which an interval is known while the load runs, by their full names."""

MOST_PERCENT: Final = 50.0

_FORM: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_.]*)\s*(?:\+-|\+/-|\u00b1)\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*%\s*")


@dataclass(frozen=True)
class Until:
    """`figure`: one of FIGURES. `percent`: how far from it the ends of its interval may be, in percent of it."""

    figure: str
    percent: float

    def __str__(self) -> str:
        return f"{self.name} +-{self.percent:g}%"

    @property
    def text(self) -> str:
        """In a sentence."""
        return f"{self.name} is known to ±{self.percent:g} %"

    @property
    def name(self) -> str:
        """The figure as people call it."""
        return self.figure.removesuffix("_ms")


def parse_until(text: str) -> Until:
    """Raises ValueError, whose text ends a sentence that begins with the flag."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"'{text}' is not a figure and how well it is to be known, as in 'p99 +-3%'")
    name, digits = form.groups()
    figure = BY_NAME.get(name)
    if figure is None or figure.name not in FIGURES:
        known = {alias: one.name for alias, one in BY_NAME.items() if one.name in FIGURES}
        near = did_you_mean(name.lower(), known, full=known.__getitem__) if figure is None else ""
        raise ValueError(f"'{text}' names no figure that a run can wait for{near or f'; there are {_names()}'}")
    try:
        percent = float(digits)
    except ValueError:
        percent = 0.0
    if not 0 < percent <= MOST_PERCENT:
        raise ValueError(f"'{text}' does not have a percentage above 0, at most {MOST_PERCENT:g}")
    return Until(figure.name, percent)


def _names() -> str:
    return ", ".join(name.removesuffix("_ms") for name in FIGURES)
