"""Several values of one flag as people write them: `1,2,4`, `1..8`, `1..9+2`, `1..64*2`. Pure.

They are alternatives for the trials of a study; a run has one of them.
"""

import re
from typing import Final

from ovbench.common.errors import UsageError

from .flag import Flag

MOST_VALUES: Final = 1_000
"""Of one setting; more are a mistake in typing."""

_RANGE: Final = re.compile(r"(?P<low>[0-9]{1,9})\.\.(?P<high>[0-9]{1,9})(?P<by>[+*][0-9]{1,9})?")


def spread_out(flag: Flag, text: str) -> list[str]:
    """The values that one text stands for, which may be one. Raises UsageError, one sentence."""
    parts = [text] if flag.several == "again" else text.split(",")
    if len(parts) > 1 and "" in parts:
        raise UsageError(f"{flag.name} {text}: a value is missing between two commas")
    return [value for part in parts for value in (_range(flag.name, part) if flag.several == "ranges" else [part])]


def are_alternatives(flag: Flag, text: str) -> bool:
    """Whether a study would take the text for several values, each of which a run takes."""
    try:
        found = spread_out(flag, text)
        for value in found:
            if flag.parse(value) not in (flag.choices or (flag.parse(value),)):
                return False
    except (UsageError, ValueError):
        return False
    return len(found) > 1


def _range(flag: str, text: str) -> list[str]:
    found = _RANGE.fullmatch(text)
    if found is None:
        if ".." in text:
            raise UsageError(f"{flag} {text}: a range is written 1..8, 1..9+2 (in steps) or 1..64*2 (in powers)")
        return [text]
    low, high, by = int(found["low"]), int(found["high"]), found["by"] or "+1"
    step = int(by[1:])
    if low > high or step < (2 if by[0] == "*" else 1) or (by[0] == "*" and low == 0):
        raise UsageError(f"{flag} {text}: this range has no end; write it upwards, as in 1..8, 1..9+2 or 1..64*2")
    values: list[str] = []
    while low <= high:
        values.append(str(low))
        if len(values) > MOST_VALUES:
            raise UsageError(f"{flag} {text}: the range has more than {MOST_VALUES} values")
        low = low * step if by[0] == "*" else low + step
    return values
