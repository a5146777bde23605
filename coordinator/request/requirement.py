"""Limits on a result's figures, as people write them: `fps >= 900`, `p99 > +5%`. Pure."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from ovbench.common.errors import UsageError
from ovbench.common.spelling import did_you_mean

from ..result.figures import BY_NAME, FIGURES, Figure
from .durations import in_unit

Operator = Literal["<", "<=", ">", ">="]
LimitKind = Literal["value", "difference", "percent"]

_FORM: Final = re.compile(
    r"\s*([A-Za-z][A-Za-z0-9_.]*)\s*(<=|>=|<|>)\s*([+-]?)([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*(%|[A-Za-zµμ]*)\s*"
)
_OPERATORS: Final[dict[str, Operator]] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MOST_NAMES: Final = 3


@dataclass(frozen=True)
class Requirement:
    """A figure, by its full name, and the limit that it is compared with.

    `kind` value: a number in the figure's unit; difference: a change from the first result, in that unit; percent: a
    change from the first result, in percent of it.
    """

    text: str
    figure: str
    operator: Operator
    number: float
    kind: LimitKind

    def limit(self, first: float | None) -> float:
        """In the figure's unit. `first`: the first result's, which only the relative kinds need."""
        if self.kind == "value" or first is None:
            return self.number
        return first + (self.number if self.kind == "difference" else first * self.number / 100)

    def holds(self, value: float, first: float | None = None) -> bool:
        return compare(value, self.operator, self.limit(first))


def compare(value: float, operator: Operator, limit: float) -> bool:
    if operator in ("<", "<="):
        return value < limit or (operator == "<=" and value == limit)
    return value > limit or (operator == ">=" and value == limit)


def parse_requirement(flag: str, text: str, *, relative: bool) -> Requirement:
    """`relative`: whether there is a first result to be relative to. Raises UsageError, one sentence."""
    form = _FORM.fullmatch(text)
    if form is None:
        example = "'p99 > +5%'" if relative else "'fps >= 900'"
        raise UsageError(f"{flag} '{text}': this is not a figure, comparison and number, as in {example}")
    name, operator, sign, digits, unit = form.groups()
    percent = unit == "%"
    figure = BY_NAME.get(name)
    if figure is None:
        raise UsageError(f"{flag} '{text}': there is no figure '{name}'{_known(name)}")
    try:
        number = float(sign + digits)
    except ValueError:
        raise UsageError(f"{flag} '{text}': '{digits}' is not a number") from None
    if unit and not percent:
        number *= _factor(flag, text, unit, figure)
    if not number - number == 0:  # 1e999 is infinite
        raise UsageError(f"{flag} '{text}': '{digits}' is too large a number")
    if (sign or percent) and not relative:
        raise UsageError(f"{flag} '{text}': a run has nothing to be relative to; give a number without sign or %")
    if percent and not sign:
        raise UsageError(
            f"{flag} '{text}': a percentage is relative to the first result, so it needs a sign, as in +{digits}%"
        )
    kind: LimitKind = "percent" if percent else "difference" if sign else "value"
    return Requirement(text.strip(), figure.name, _OPERATORS[operator], number, kind)


def _factor(flag: str, text: str, unit: str, figure: Figure) -> float:
    """From a unit that a time may have to the figure's. Raises UsageError."""
    if unit == figure.unit:
        return 1.0
    try:
        return in_unit(figure.unit)(f"1{unit}")
    except (KeyError, ValueError):
        has = f"is in {figure.unit}" if figure.unit else "has no unit"
        raise UsageError(f"{flag} '{text}': {figure.name} {has}, so '{unit}' is not one for it; leave it out") from None


def _known(name: str) -> str:
    """The nearest names, or all of them where none is near."""
    near = did_you_mean(name.lower(), BY_NAME, most=_MOST_NAMES, full=lambda one: BY_NAME[one].name)
    return near or f"; there are {', '.join(figure.name for figure in FIGURES)}"
