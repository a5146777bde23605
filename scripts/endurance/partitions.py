"""Two network namespaces, between which nothing passes for 1 to 10 s: exact counts, or the host is given up in time.

Needs root, ip and nft.
"""

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .hostends import Supervisor, coordinator

RUNS = 30
NOTICES: Final = 300
EVERY_S: Final = 0.01
LEASE_S: Final = 3.0
MOST_S: Final = 4.0
HEALS_S: Final = 1.5
"""A partition that is shorter must do no harm."""

_DROP: Final = """table inet cut {
  chain in { type filter hook input priority 0; policy drop; }
  chain out { type filter hook output priority 0; policy drop; }
}"""


def attempt(number: int, folder: Path) -> str:
    chance = random.Random(number)
    length_s = chance.choice((chance.uniform(1.0, 2.5), chance.uniform(1.0, 10.0)))
    with (
        _namespaces() as (ours, theirs),
        coordinator(["far"], LEASE_S, "tcp://10.99.0.1:0", ("ip", "netns", "exec", ours)) as here,
    ):
        far = Supervisor(here.join("far"), [chance.randint(0, 20_000) for _ in range(NOTICES)], EVERY_S, theirs)
        far.start()
        time.sleep(chance.uniform(0.3, 2.5))
        _nft(theirs, _DROP)
        time.sleep(length_s)
        _nft(theirs, "flush ruleset")
        problem = far.result()
        seen = here.end()
    about = f"partition of {length_s:.1f} s: {problem} {seen}"
    if seen.strange or seen.dropped:
        return about
    if "far" in seen.given_up_s:
        in_time = seen.given_up_s["far"] <= MOST_S and length_s > HEALS_S
        return "" if in_time and far.refused and seen.counts["far"] <= NOTICES else about
    return "" if not problem and seen.counts["far"] == NOTICES else about


@contextlib.contextmanager
def _namespaces() -> Iterator[tuple[str, str]]:
    names = tuple(f"ovbench-{os.getpid()}-{side}" for side in ("here", "far"))
    ends = tuple(f"ov{os.getpid()}{side}" for side in ("h", "f"))
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", "name", ends[1], "netns", names[1])
        for number, (name, end) in enumerate(zip(names, ends, strict=True), 1):
            _ip("-n", name, "address", "add", f"10.99.0.{number}/24", "dev", end)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", end, "up")
        yield names[0], names[1]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _nft(namespace: str, rules: str) -> None:
    subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=rules, text=True, check=True)
