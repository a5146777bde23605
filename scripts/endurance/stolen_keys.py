"""Whoever has a key of the run, or its very bytes, but is not the process that joined: refused, nothing taken."""

import contextlib
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .hostends import Coordinator, Supervisor, coordinator
from .lines import Line

RUNS = 100
NOTICES: Final = 40
EVERY_S: Final = 0.01
_PATIENCE_S: Final = 3.0


def attempt(number: int, folder: Path) -> str:
    chance = random.Random(number)
    with coordinator(["true", "other"]) as here:
        other = Supervisor(here.join("other"), [1] * NOTICES, EVERY_S)
        other.start()
        use = USES[number % len(USES)]
        taken, problem = use(here, chance)
        problems = [problem, other.result()]
        seen = here.end()
    if seen.counts != {"true": taken, "other": NOTICES} or seen.strange or seen.dropped or not seen.refused:
        problems.append(f"it saw {seen}, and {taken} were sent")
    return ", ".join(f"{use.__name__.strip('_')}: {one}" for one in problems if one)


def _beside_the_first(here: Coordinator, chance: random.Random) -> tuple[int, str]:
    first = Supervisor(here.join("true"), [1] * NOTICES, EVERY_S)
    first.start()
    while not first.orders:
        first.join(0.005)
    first.join(chance.uniform(0.0, EVERY_S * NOTICES / 2))
    second = Supervisor(here.join("true"), [2] * NOTICES)
    second.start()
    second.join(_PATIENCE_S)
    return NOTICES, first.result() or ("" if second.refused and not second.orders else "the second was not refused")


def _after_the_first(here: Coordinator, chance: random.Random) -> tuple[int, str]:
    first = Supervisor(here.join("true"), [1] * NOTICES)
    first.start()
    problem = first.result()
    second = Supervisor(here.join("true"), [2] * NOTICES)
    second.start()
    second.join(_PATIENCE_S)
    return NOTICES, problem or ("" if second.refused and not second.orders else "the second was not refused")


def _bytes_of_an_earlier_run(here: Coordinator, chance: random.Random) -> tuple[int, str]:
    with coordinator(["true", "other"]) as earlier:
        recorded, problem = _recorded(earlier)
        earlier.end()
    return 0, problem or _replay(here, recorded)


def _bytes_of_this_run(here: Coordinator, chance: random.Random) -> tuple[int, str]:
    recorded, problem = _recorded(here)
    return NOTICES, problem or _replay(here, recorded)


def _recorded(here: Coordinator) -> tuple[list[bytes], str]:
    line = Line(here.address, record=True)
    supervisor = Supervisor(here.join("true", line.address), [1_000] * NOTICES)
    supervisor.start()
    problem = supervisor.result()
    line.close()
    return line.recorded[0], problem


def _replay(here: Coordinator, recorded: list[bytes]) -> str:
    """In the pieces in which it came, each after an answer, as far as anybody listens."""
    with socket.create_connection(here.address, timeout=0.1) as peer:
        end_s = time.monotonic() + _PATIENCE_S
        with contextlib.suppress(ConnectionError):
            for piece in recorded:
                peer.sendall(piece)
                with contextlib.suppress(TimeoutError):
                    if not peer.recv(1 << 16):
                        return ""
            while time.monotonic() < end_s:
                with contextlib.suppress(TimeoutError):
                    if not peer.recv(1 << 16):
                        return ""
            return "it is still connected"
    return ""


USES: Final[tuple[Callable[[Coordinator, random.Random], tuple[int, str]], ...]] = (
    _beside_the_first,
    _after_the_first,
    _bytes_of_an_earlier_run,
    _bytes_of_this_run,
)
