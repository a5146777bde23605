"""Whether inferences slow each other down, as a run at a rate finds it: on machines that are simulated.

Machines on which they do not, steady and not, of which none is to be said to have it; and machines on which they do:
how often that is found, and how far what one inference takes alone is from the truth. --runs: of each.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from ovbench.coordinator.checks.arrivals import is_contended
from ovbench.coordinator.request.thresholds import Thresholds
from tests.contending import UNIT_NS, Machine, found, queue

RUNS: Final = 100
COUNTS: Final = (400, 2_000)
LIMIT: Final = Thresholds().max_contention_percent


@dataclass(frozen=True)
class Case:
    """`unsteady`: at which speed it is for a fifth of the time, in spans of so many services."""

    servers: int
    load: float
    gaps: str
    services: str
    slower: float = 0.0
    unsteady: tuple[float, float] | None = None

    def __str__(self) -> str:
        words = f"{self.servers} at {self.load:.0%}, {self.gaps} arrivals, {self.services} services"
        return words + ("" if self.unsteady is None else f", at times at {self.unsteady[0]:.0%} of its speed")

    def machine(self, seed: int) -> Machine:
        if self.unsteady is None:
            return Machine(self.servers, self.slower)
        speed, span = self.unsteady
        speeds = np.where(np.random.default_rng(seed).random(1_000) < 0.2, speed, 1.0)
        return Machine(self.servers, self.slower, speeds.tolist(), span)


ALIKE: Final = (
    Case(2, 0.8, "poisson", "equal"),
    Case(4, 0.9, "poisson", "exponential"),
    Case(2, 0.7, "bursty", "alike"),
    Case(2, 0.6, "stages", "alike"),
    Case(4, 0.6, "constant", "alike"),
    Case(2, 0.5, "poisson", "alike", unsteady=(0.6, 30.0)),
    Case(2, 0.5, "poisson", "alike", unsteady=(0.4, 5.0)),
    Case(4, 0.5, "stages", "exponential", unsteady=(0.4, 5.0)),
)
SLOWER: Final = (
    Case(2, 0.5, "poisson", "alike", 0.3),
    Case(2, 0.5, "poisson", "alike", 0.5),
    Case(2, 0.5, "bursty", "alike", 0.5),
    Case(2, 0.5, "poisson", "exponential", 0.5),
    Case(4, 0.5, "poisson", "alike", 0.2),
)


def rows(runs: int) -> Iterator[str]:
    yield "| servers, arrivals, services | slower by | arrivals | found | alone, to the truth |"
    yield "|---|---|---|---|---|"
    for case in (*ALIKE, *SLOWER):
        for count in COUNTS:
            queues = (queue(case.machine(k), case.load, count, k, case.gaps, case.services) for k in range(runs))
            seen = [of for one in queues if (of := found(one)) is not None]
            contended = sum(is_contended(of, LIMIT) for of in seen)
            alone = [of.slowdown.alone_ns / UNIT_NS for of in seen if of.slowdown is not None]
            ratio = f"{median(alone):.2f}" if alone and case.unsteady is None else "-"
            yield f"| {case} | {case.slower:.0%} each | {count:,} | {contended} of {runs} | {ratio} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each; default {RUNS}")
    for row in rows(max(1, parser.parse_args().runs)):
        print(row, flush=True)


if __name__ == "__main__":
    main()
