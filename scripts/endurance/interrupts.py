"""Ctrl-C more than once, at any time and any spacing: it ends, the terminal is as it was, and no process is left."""

import random
import time
from pathlib import Path
from typing import Final

from .screens import COORDINATOR, Screen

RUNS = 200
MOST_END_S: Final = 30.0
"""On a machine with other load, too: what hangs does so for good."""

_CTRL_C: Final = b"\x03"
_NULL: Final = ("--backend", "null:1000", "-api", "sync")
_RUN: Final = (COORDINATOR, *_NULL, "--agents", "2", "-t", "1", "--warmup", "0.5", "--report-folder", "report")
_STUDY: Final = (COORDINATOR, "study", *_NULL, "--agents", "1,2", "-t", "0.5", "--warmup", "0.2", "--repetitions", "2")
_MOMENTS: Final = (b"Step 1/11", b"Step 10/11", b" left", b"Step 11/11", b"trials, in", b"1/4", b"2/4", b"FPS")
"""Words after which the first press comes, where it does not come at any time at all."""


def attempt(number: int, folder: Path) -> str:
    chance = random.Random(number)
    words = _STUDY if number % 3 == 2 else _RUN
    presses = chance.choice((2, 2, 2, 3, 12))
    spacing_s = chance.choice((0.0, 0.03, 0.1, 0.3)) or chance.uniform(0.001, 0.008)
    screen = Screen(words, folder)
    try:
        if number % 2:
            after = chance.uniform(0.0, 4.0)
            screen.read(after)
        else:
            screen.show(chance.choice(_MOMENTS), 8.0)
            screen.read(chance.choice((0.0, 0.0, 0.01, 0.1, 0.3)))
        at = screen.shown[-40:]
        for _ in range(presses):
            screen.press(_CTRL_C)
            time.sleep(spacing_s)
        problem = _problem(screen)
    finally:
        screen.close()
    return problem and f"{presses} presses {spacing_s * 1000:.0f} ms apart after {at!r}: {problem}"


def _problem(screen: Screen) -> str:
    if not screen.wait(MOST_END_S):
        return "it did not end"
    if screen.status not in (130, 0, -2):  # 0: it was done before; -2: before Python could hear it
        return f"exit code {screen.status}: {screen.shown[-300:]!r}"
    if b"Traceback" in screen.shown and b"ovbench" in screen.shown.split(b"Traceback")[-1]:
        return f"a traceback: {screen.shown[-600:]!r}"
    if left := screen.left(5.0):
        return f"processes are left: {left}"
    return screen.restored()
