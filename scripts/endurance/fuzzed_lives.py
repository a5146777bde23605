"""Lives of an agent that says what no agent says, a few variants of each: a report comes of all of them."""

import random
import traceback
from pathlib import Path
from typing import Final

from tests.fuzzedlives import KINDS, Change, survived

RUNS = 200
_VARIANTS: Final = 5


def attempt(number: int, folder: Path) -> str:
    chance = random.Random(number)
    for _ in range(_VARIANTS):
        changes = [_change(chance) for _ in range(chance.randint(1, 6))]
        kind = chance.randrange(KINDS)
        try:
            problem = survived(changes, kind)
        except Exception:
            problem = traceback.format_exc()
        if problem:
            return f"kind {kind}, {changes}: {problem}"
    return ""


def _change(chance: random.Random) -> Change:
    message, place, value = (chance.randrange(1 << 16) for _ in range(3))
    return Change(message, place, value, whole=chance.random() < 0.1)
