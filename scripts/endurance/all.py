"""Each soak by name, or all of them: how many attempts of how many held."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, Protocol

from . import (
    besieged,
    busy,
    caches,
    capacity,
    cut_lines,
    few_inferences,
    forkserver,
    fuzzed_lives,
    interrupts,
    launches,
    many_agents,
    partitions,
    ray_runs,
    severed,
    slurm_runs,
    starvation,
    stolen_keys,
    strangers,
    terminals,
)


class _Soak(Protocol):
    """A module of this folder: one thing that must hold each time."""

    RUNS: int
    """How often it is tried."""

    def attempt(self, number: int, folder: Path) -> str:
        """Try once, the `number`-th time, with files in an empty folder; what went wrong, empty if it held."""


SOAKS: Final[dict[str, _Soak]] = {
    "besieged": besieged,
    "busy": busy,
    "caches": caches,
    "capacity": capacity,
    "cut_lines": cut_lines,
    "few_inferences": few_inferences,
    "forkserver": forkserver,
    "interrupts": interrupts,
    "launches": launches,
    "many_agents": many_agents,
    "partitions": partitions,
    "severed": severed,
    "starvation": starvation,
    "stolen_keys": stolen_keys,
    "strangers": strangers,
    "terminals": terminals,
    "fuzzed_lives": fuzzed_lives,
}
OF_ENGINES: Final[dict[str, _Soak]] = {"slurm_runs": slurm_runs, "ray_runs": ray_runs}
"""Only by name, as they need engines, which scripts/engines installs."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SOAKS)}; default all")
    parser.add_argument("--runs", type=int, metavar="N", help="how often each is tried; default its own number")
    arguments = parser.parse_args()
    soaks = SOAKS | OF_ENGINES
    unknown = [name for name in arguments.names if name not in soaks]
    if unknown:
        parser.error(f"there is no soak {unknown[0]}; there are {', '.join(soaks)}")
    failed = [name for name in arguments.names or SOAKS if not _holds(name, soaks[name], arguments.runs)]
    return 1 if failed else 0


def _holds(name: str, soak: _Soak, runs: int | None) -> bool:
    total = soak.RUNS if runs is None else runs
    held = 0
    began = time.monotonic()
    for number in range(total):
        with tempfile.TemporaryDirectory(prefix="ovbench-soak-") as folder:
            problem = soak.attempt(number, Path(folder))
        held += not problem
        if problem:
            print(f"{name}, attempt {number + 1}: {problem}", file=sys.stderr, flush=True)
    print(f"{name}: {held} of {total} ({time.monotonic() - began:.0f} s)", flush=True)
    return held == total


if __name__ == "__main__":
    raise SystemExit(main())
