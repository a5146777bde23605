"""Clocks of other hosts in whole runs: two hosts with clocks of their own, each behind a line of its own.

A host is a supervisor with its agent in a time namespace, up to 10 s apart from this machine; its line is a TCP proxy
that delays what passes by up to 5 ms, another time in each direction. The true offsets are those of the namespaces, so
that a bound which does not hold is seen. Takes root, unshare(1) and a kernel with time namespaces.
"""

import json
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from scripts.endurance.lines import Line
from tests.process.byhand import Convoy, clocks_can_be_planted
from tests.process.driver import Coordinator

from .versus import Row, RunFailed, Settings, parse, quantity, report, say

SECONDS = 1.0
RUNS = 10
HOSTS: Final = ("a", "b")
_NULL: Final = ("--backend", "null:1000", "-api", "sync", "--agents", "1", "--warmup", "0.2")
_MOST_APART_S: Final = 10
_MOST_DELAY_S: Final = 0.005


@dataclass(frozen=True)
class Seen:
    """Of one host in one run, in us. `told`: the error that the report has; `true`: that of its offset."""

    told: float
    true: float


def measure(settings: Settings) -> Iterator[Row]:
    if not clocks_can_be_planted():
        raise RunFailed("planting a clock takes root, unshare(1) and a kernel with time namespaces")
    seen, skews = [], []
    for seed in range(settings.runs):
        hosts, skew_us, known_us = _run(random.Random(seed), settings.seconds)
        seen += hosts
        skews.append(skew_us <= known_us)
        told = ", ".join(f"told {quantity(one.told, 'us')}, true {quantity(one.true, 'us')}" for one in hosts)
        say(f"{told}; began {quantity(skew_us, 'us')} apart, known to {quantity(known_us, 'us')}")
    right = sum(one.true <= one.told for one in seen)
    yield Row(
        "true offset within the reported bound, whole runs",
        f"{right} of {len(seen)}",
        f"planted: +-{_MOST_APART_S} s, 0 to {1e3 * _MOST_DELAY_S:g} ms in each direction",
        f"told: median {quantity(median(one.told for one in seen), 'us')}, "
        f"true: median {quantity(median(one.true for one in seen), 'us')}, "
        f"most {quantity(max(one.true for one in seen), 'us')}",
        "all",
        right == len(seen),
    )


def _run(draws: random.Random, seconds: float) -> tuple[list[Seen], float, float]:
    """What was known of each host's clock; how far apart the agents began, and how well that is known, us."""
    ahead_s = {name: draws.randint(-_MOST_APART_S, _MOST_APART_S) for name in HOSTS}
    with tempfile.TemporaryDirectory(prefix="ovbench-clocks-") as place:
        folder = Path(place)
        words = ("--launcher", "external", "--hosts", ",".join(HOSTS), "--bind", "tcp://127.0.0.1:0")
        coordinator = Coordinator(folder, *words, "--join-folder", place, *_NULL, "-t", f"{seconds:g}")
        found, lines = Convoy(coordinator, folder), []
        cpus = sorted(os.sched_getaffinity(0))
        try:
            for index, name in enumerate(HOSTS):
                lines.append(_line(found, name, draws))
                found.join(name, cpu=cpus[index % len(cpus)], ahead_s=ahead_s[name])
            ran = found.finish()
        finally:
            for line in lines:
                line.close()
        if ran.code not in (0, 4):
            raise RunFailed(f"a run ended with {ran.code}: {ran.err.strip()[-300:]}")
        window = ran.report["window"]
        clocks = {host["name"]: host["clock"] for host in ran.report["hosts"]}
    seen = [
        Seen(clock["offset_error_us"], abs(clock["offset_us"] - 1e6 * ahead_s[name])) for name, clock in clocks.items()
    ]
    return seen, window["start_skew_us"], window["skew_error_us"]


def _line(found: Convoy, name: str, draws: random.Random) -> Line:
    """Between a host and the coordinator, in its join file."""
    file = found.await_file(name)
    join = json.loads(file.read_text())
    host, _, port = join["endpoint"].removeprefix("tcp://").rpartition(":")
    line = Line((host, int(port)))
    line.delay(draws.uniform(0, _MOST_DELAY_S), draws.uniform(0, _MOST_DELAY_S))
    join["endpoint"] = "tcp://{}:{}".format(*line.address)
    file.write_text(json.dumps(join))
    return line


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
