"""Two network namespaces, between which nothing passes for 1 to 10 s: exact counts, or the host is given up in time.

Needs root, ip and nft.
"""

import random
import time
from pathlib import Path
from typing import Final

from .hostends import Supervisor, coordinator
from .namespaces import HERE, cut, heal, namespaces

RUNS = 30
NOTICES: Final = 300
EVERY_S: Final = 0.01
LEASE_S: Final = 3.0
MOST_S: Final = 4.0
HEALS_S: Final = 1.5
"""A partition that is shorter must do no harm."""


def attempt(number: int, folder: Path) -> str:
    chance = random.Random(number)
    length_s = chance.choice((chance.uniform(1.0, 2.5), chance.uniform(1.0, 10.0)))
    with (
        namespaces() as (ours, theirs),
        coordinator(["far"], LEASE_S, f"tcp://{HERE}:0", ("ip", "netns", "exec", ours)) as here,
    ):
        far = Supervisor(here.join("far"), [chance.randint(0, 20_000) for _ in range(NOTICES)], EVERY_S, theirs)
        far.start()
        time.sleep(chance.uniform(0.3, 2.5))
        cut(theirs)
        time.sleep(length_s)
        heal(theirs)
        problem = far.result()
        seen = here.end()
    about = f"partition of {length_s:.1f} s: {problem} {seen}"
    if seen.strange or seen.dropped:
        return about
    if "far" in seen.given_up_s:
        in_time = seen.given_up_s["far"] <= MOST_S and length_s > HEALS_S
        return "" if in_time and far.refused and seen.counts["far"] <= NOTICES else about
    return "" if not problem and seen.counts["far"] == NOTICES else about
