"""The process that starts agents is killed at any time of a study: it is named soon, and no process is left."""

import os
import random
import signal
from pathlib import Path
from typing import Final

import psutil

from .screens import COORDINATOR, Screen

RUNS = 20
MOST_END_S: Final = 20.0
"""Far below the minute that an agent which never comes is waited for."""

_STUDY: Final = (
    COORDINATOR, "study", "--backend", "null:1000", "-api", "sync", "--agents", "1,2", "-t", "0.5", "--warmup", "0",
    "--repetitions", "6",
)  # fmt: skip
_FIRST_TRIAL: Final = b"1/12 "
_NAMED: Final = b"the process that starts agents was killed"


def attempt(number: int, folder: Path) -> str:
    screen = Screen(_STUDY, folder)
    try:
        if not screen.show(_FIRST_TRIAL, 60.0):
            return f"it did not begin: {screen.shown[-300:]!r}"
        screen.read(random.Random(number).uniform(0.0, 3.0))
        (server,) = psutil.Process(screen.pid).children()
        os.kill(server.pid, signal.SIGKILL)
        if not screen.wait(MOST_END_S):
            return f"it did not end within {MOST_END_S:g} s: {screen.shown[-300:]!r}"
        if screen.status != 3 or _NAMED not in screen.shown:
            return f"exit code {screen.status}: {screen.shown[-300:]!r}"
        return f"processes are left: {left}" if (left := screen.left(5.0)) else screen.restored()
    finally:
        screen.close()
