"""Queues whose waits are known: mean, median and p99 of the wait on the null device, against theory.

D/D/1, M/D/1 and M/M/1 at 30, 60, 80 and 90 % load; M/M/c and M/D/c of 2 and 4 agents that share a queue, at 80 %; two
agents to which arrivals are dealt at random (M/M/1 and M/D/1 each) or in turn (E2/M/1 and E2/D/1), at 80 %. --only
'M/M/1' measures those alone. Services are of 16 ms, which sleep: of 20 us, one millisecond in which a virtual machine
is not run is a queue of fifty, and what is measured then is the machine.

What is judged is ovbench in proportion to an ideal dispatcher of the very same arrivals and services, the nominal ones:
all that the generator adds. How far chance alone is from theory is stated beside it: the mean of n waits at load r is
off by some 2 / ((1 - r) sqrt(n)) of itself, so that 3 % of theory at 90 % takes two million arrivals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final, Literal

import numpy as np

from ovbench.common.histogram import Int64s
from ovbench.coordinator.request.nullbackend import parse_null
from tests.closedforms import mean_wait_s, p_of_latency
from tests.nullservices import service_times

from . import theory
from .atrate import Served, ideal_waits, serve
from .theory import Waits
from .versus import Row, Settings, Workbench, in_turn, parse, quantity, report, workbench

SERVICE_US: Final = 16_000
SECONDS = 8.0
RUNS = 5
MEAN_SHARE: Final = 0.03
PERCENTILE_SHARE: Final = 0.05
LEAST_SHARE: Final = 0.01
"""Of a service: a difference that is smaller counts for nothing, as a median wait may be 0."""


@dataclass(frozen=True)
class Queue:
    """`arrivals`: M or D. `services`: M or D. `servers`: agents. `load`: the share of their time that they serve."""

    arrivals: Literal["M", "D"]
    services: Literal["M", "D"]
    servers: int
    load: float
    dispatch: Literal["shared", "random", "round-robin"] = "shared"

    def __str__(self) -> str:
        dealt = "" if self.dispatch == "shared" else f", {self.dispatch}"
        return f"{self.arrivals}/{self.services}/{self.servers} at {self.load:.0%}{dealt}"

    @property
    def backend(self) -> str:
        return f"{SERVICE_US},exp" if self.services == "M" else f"{SERVICE_US}"

    @property
    def closed_form(self) -> Waits:
        dealt = self.dispatch != "shared"
        match self.arrivals, self.services:
            case "D", "D":
                return theory.NONE
            case "M", "M" if self.dispatch == "round-robin":
                return theory.dealt(self.servers, self.load)
            case "M", "M":
                return theory.exponential(1 if dealt else self.servers, self.load)
            case "M", "D" if self.dispatch == "random" or self.servers == 1:
                return theory.constant(self.load)
            case "M", "D":  # servers take turns at equal services, so it is all the same whether they are dealt in turn
                return _of_equal_services(self.servers, self.load)
        raise ValueError(f"{self} has no closed form here")


QUEUES: Final = (
    *(Queue("D", "D", 1, load) for load in (0.3, 0.6, 0.8, 0.9)),
    *(Queue("M", "D", 1, load) for load in (0.3, 0.6, 0.8, 0.9)),
    *(Queue("M", "M", 1, load) for load in (0.3, 0.6, 0.8, 0.9)),
    *(Queue("M", services, servers, 0.8) for services in ("M", "D") for servers in (2, 4)),
    *(Queue("M", services, 2, 0.8, dealt) for services in ("M", "D") for dealt in ("random", "round-robin")),
)


def measure(settings: Settings) -> Iterator[Row]:
    with workbench() as bench:
        for queue in QUEUES:
            if settings.only not in str(queue):
                continue
            (runs,) = in_turn(settings.runs, partial(_run, bench, queue, settings.seconds))
            yield _row(queue, runs)


def _run(bench: Workbench, queue: Queue, seconds: float) -> tuple[Waits, Waits]:
    """What was measured, and the ideal."""
    rate = queue.servers * queue.load / (SERVICE_US * 1e-6)
    law = ("--arrivals", "poisson" if queue.arrivals == "M" else "constant", "--dispatch", queue.dispatch)
    done = serve(bench, queue.servers, queue.backend, rate, seconds, *law, "--arrival-seed", str(_next_seed()))
    counts, ideal = done.counts, np.empty(len(done.samples), np.int64)
    services = nominal_services(done, queue.backend)
    for members in done.queues(queue.dispatch == "shared"):
        servers = queue.servers if queue.dispatch == "shared" else 1
        ideal[members] = ideal_waits(done.samples.dues[members], services[members], servers)
    service_ns = SERVICE_US * 1e3
    return _figures(done.samples.waits[counts] / service_ns), _figures(ideal[counts] / service_ns)


def nominal_services(done: Served, backend: str) -> Int64s:
    """How long each was to take, in the order of the samples: an agent's services in turn. ns."""
    spec = parse_null(f"null:{backend}")
    services = np.empty(len(done.samples), np.int64)
    for agent, members in enumerate(done.queues(shared=False)):
        in_turn_ = members[np.argsort(done.samples.starts[members], kind="stable")]
        services[in_turn_] = service_times(spec.of_agent(agent, done.agents), len(in_turn_))
    return services


_seeds = iter(range(1, 1_000_000))


def _next_seed() -> int:
    return next(_seeds)


def _row(queue: Queue, runs: list[tuple[Waits, Waits]]) -> Row:
    ours, ideal = (tuple(median(run[side][k] for run in runs) for k in range(3)) for side in range(2))
    expected = queue.closed_form
    reached = all(
        abs(mine - best) <= max(share * best, LEAST_SHARE)
        for mine, best, share in zip(ours, ideal, (MEAN_SHARE, PERCENTILE_SHARE, PERCENTILE_SHARE), strict=True)
    )
    return Row(
        what=f"wait of {queue}: mean, p50, p99, in services of {SERVICE_US} us",
        ours=_text(ours),
        against=f"ideal {_text(ideal)}; closed form {_text(expected)}",
        outcome=f"to the ideal {_ratios(ours, ideal)}, to that {_ratios(ours, expected)}; {len(runs)} runs",
        goal=f"mean {MEAN_SHARE:.0%}, percentiles {PERCENTILE_SHARE:.0%} of the ideal",
        reached=reached,
    )


def _figures(waits: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Waits:
    middle, high = np.percentile(waits, [50, 99], method="inverted_cdf")
    return Waits(float(waits.mean()), float(middle), float(high))


def _text(figures: tuple[float, ...]) -> str:
    return " ".join(quantity(value, "") for value in figures)


def _ratios(ours: tuple[float, ...], theirs: tuple[float, ...]) -> str:
    return " ".join(f"{a / b:.3f}" if b >= LEAST_SHARE else "-" for a, b in zip(ours, theirs, strict=True))


def _of_equal_services(servers: int, load: float) -> Waits:
    """M/D/c."""
    rate = servers * load
    median, p99 = (p_of_latency("deterministic", servers, 1.0, rate, percent) - 1 for percent in (50, 99))
    return Waits(mean_wait_s("deterministic", servers, 1.0, rate), median, p99)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS, [str(queue) for queue in QUEUES]))))
