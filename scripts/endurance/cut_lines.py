"""Many and large messages both ways over lines that are cut, stall and delay at random: each arrives once, in order."""

import random
import time
from pathlib import Path
from typing import Final

from .hostends import Supervisor, coordinator
from .lines import Line

RUNS = 100
HOSTS: Final = ("one", "two")
NOTICES: Final = 200
EVERY_S: Final = 0.005
SMALL: Final = 10_000
LARGE: Final = 1_500_000
"""Bytes of a notice at the most; one in ten is large."""


def attempt(number: int, folder: Path) -> str:
    chance = random.Random(number)
    with coordinator(HOSTS) as here:
        lines = [Line(here.address) for _ in HOSTS]
        ends = [
            Supervisor(here.join(host, line.address), [_size(chance) for _ in range(NOTICES)], EVERY_S)
            for host, line in zip(HOSTS, lines, strict=True)
        ]
        for end in ends:
            end.start()
        while not ends[0].orders and ends[0].is_alive():
            time.sleep(0.01)
        lines[0].cut()
        while any(end.is_alive() for end in ends):
            _disturb(chance, chance.choice(lines))
        problems = [end.result() for end in ends]
        for line in lines:
            line.close()
        seen = here.end()
    if seen.counts != dict.fromkeys(HOSTS, NOTICES) or seen.strange or seen.dropped:
        problems.append(f"the coordinator saw {seen}")
    if sum(line.cuts for line in lines) == 0:
        problems.append("no line was cut")
    return ", ".join(one for one in problems if one)


def _size(chance: random.Random) -> int:
    return chance.randint(0, LARGE if chance.random() < 0.1 else SMALL)


def _disturb(chance: random.Random, line: Line) -> None:
    time.sleep(chance.uniform(0.0, 0.2))
    match chance.randrange(4):
        case 0 | 1:
            line.cut()
        case 2:
            line.hold(True)
            time.sleep(chance.choice((0.05, 0.3, 1.5)) * chance.random())
            line.hold(False)
        case _:
            line.delay(chance.choice((0.0, 0.005, 0.05)))
