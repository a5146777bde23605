"""Rates as shares of what a closed loop does, as people write them: `10,20..90,95%`. Pure."""

import re
from typing import Final

DEFAULT: Final = "10..90,95,100,105,110"
_STEP: Final = 10
_MOST: Final = 200
_MOST_PERCENT: Final = 1000
_NUMBER: Final = r"[0-9]{1,4}(?:\.[0-9]{1,2})?"
_PART: Final = re.compile(rf"({_NUMBER})(?:\.\.({_NUMBER})(?:\+({_NUMBER}))?)?%?", re.ASCII)


def parse_shares(text: str) -> tuple[float, ...]:
    """Percent, ascending, each once; a range without a step goes in tens. Raises ValueError, whose text ends a sentence
    that begins with the flag."""
    found: set[float] = set()
    for part in text.replace(" ", "").split(","):
        form = _PART.fullmatch(part)
        if form is None:
            raise ValueError(f"'{part}' is not a number of percent nor a range, as in 10..90,95,100 or 50..110+5")
        low, high, step = float(form[1]), float(form[2] or form[1]), float(form[3] or _STEP)
        if low > high or step <= 0:
            raise ValueError(f"'{part}' has no end; write the range upwards, as in 10..90 or 50..110+5")
        if low <= 0 or high > _MOST_PERCENT:
            raise ValueError(f"'{part}' is not above 0 and at most {_MOST_PERCENT} percent")
        steps = int((high - low) / step + 1e-9)
        if len(found) + steps + 1 > _MOST:
            raise ValueError(f"'{text}' has more than {_MOST} rates; give fewer, or larger steps")
        found |= {round(low + step * number, 2) for number in range(steps + 1)}
    return tuple(sorted(found))
