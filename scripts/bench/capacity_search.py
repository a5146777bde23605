"""The search for a capacity, on simulated machines whose capacity is known in closed form.

M/D/1, M/D/4 and M/M/4 with limits of p99 that hold up to 60, 70, 80, 90 and 95 % of saturation; from trial to trial the
machine is 3 % slower or faster (standard deviation), or the percentile alone is 3 % off. --runs: searches of each. What
is judged: how many estimates are within 3 % of the truth, how many intervals hold it, and the median of the trials.

--seconds measures the percentiles of trials of that length, of services of 10 ms on average, in queues that are
simulated: they scatter by themselves, and near saturation are shorter than in the long run. --off is the noise beside
it, in percent.
"""

import argparse
from dataclasses import replace
from random import Random
from statistics import median
from typing import Final, get_args

from ovbench.coordinator.study.search import Terms
from tests.closedforms import Law
from tests.searches import Machine, Noise, QueueMachine, searched

RUNS: Final = 200
LOADS: Final = (0.6, 0.7, 0.8, 0.9, 0.95)
QUEUES: Final[tuple[tuple[str, Law, int], ...]] = (
    ("M/D/1", "deterministic", 1), ("M/D/4", "deterministic", 4), ("M/M/4", "exponential", 4),
)  # fmt: skip
WITHIN: Final = 0.03
MOST: Final = 40
NOISE: Final = 0.03
SECONDS: Final = 1e6
"""Of a trial, as the search is told where it is not simulated: closed forms have what the long run shows."""


def main() -> None:
    """Prints a table: a row for each queue, limit and noise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"searches of each; default {RUNS}")
    parser.add_argument("--noise", choices=get_args(Noise), action="append", help="of this alone")
    parser.add_argument("--seconds", type=float, help="of trials in simulated queues; default closed forms")
    parser.add_argument("--off", type=float, default=100 * NOISE, help=f"percent of noise; default {100 * NOISE:g}")
    raw = parser.parse_args()
    runs = max(1, raw.runs)
    print("| queue | limit at | noise of | within 3 % | in the interval | trials, median | most | off, mean |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in raw.noise or get_args(Noise):
        every: list[tuple[bool, bool, int]] = []
        for name, law, servers in QUEUES:
            for load in LOADS:
                every += _row(name, _machine(law, servers, kind, raw.off / 100, raw.seconds), load, runs)
        within, held, trials = zip(*every, strict=True)
        print(
            f"| all | | {kind} | {sum(within) / len(every):.1%} | {sum(held) / len(every):.1%} | {median(trials):g} "
            f"| {max(trials)} | |"
        )


def _machine(law: Law, servers: int, kind: Noise, noise: float, seconds: float | None) -> Machine:
    if seconds is None:
        return Machine(law, servers, noise, kind)
    return QueueMachine(law, servers, noise, kind, seconds=seconds)


def _row(name: str, like: Machine, load: float, runs: int) -> list[tuple[bool, bool, int]]:
    found: list[tuple[bool, bool, int]] = []
    offs: list[float] = []
    seconds = like.seconds if isinstance(like, QueueMachine) else SECONDS
    for seed in range(runs):
        machine = replace(like, draw=Random(f"{name} {load} {seed}"))
        limit = machine.limit_at(load)
        search = searched(machine, Terms((limit,), 100 * WITHIN, seconds=seconds, most=MOST))
        truth, rate = machine.capacity(limit), search.rate
        if rate is None or rate.low is None or rate.high is None:
            found.append((False, False, len(search.past)))
            continue
        offs.append(rate.value / truth - 1)
        found.append((abs(offs[-1]) <= WITHIN, rate.low <= truth <= rate.high, len(search.past)))
    within, held, trials = zip(*found, strict=True)
    print(
        f"| {name} | {load:.0%} | {like.kind} | {sum(within)} of {runs} | {sum(held)} of {runs} | {median(trials):g} "
        f"| {max(trials)} | {100 * sum(offs) / max(1, len(offs)):+.2f} % |", flush=True,
    )  # fmt: skip
    return found


if __name__ == "__main__":
    main()
