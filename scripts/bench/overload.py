"""From light load to overload: squeezenet1.1 on two synchronous agents, at 50, 80, 95 and 110 % of their capacity.

The capacity is what a closed loop of the same agents does. Poisson arrivals and one queue for both. At 110 % the result
is to be INVALID by `overloaded`, and below the capacity no run may be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

from ovbench.coordinator.result.latency import LatencyPart

from .versus import Row, Settings, Workbench, in_turn, parse, quantity, report, say, workbench

SECONDS = 10.0
RUNS = 5
SHARES: Final = (0.5, 0.8, 0.95, 1.1)
FINDING: Final = "overloaded"
LOAD: Final = ("-m", "builtin:squeezenet1.1", "--agents", "2", "-api", "sync")


@dataclass(frozen=True)
class Outcome:
    """Of a run at a rate. `done_per_s`: in the window; p99 as text, as what depends on unfinished ones is unknown."""

    offered_per_s: float
    done_per_s: float
    wait_p99: str
    latency_p99: str
    verdict: str
    overloaded: bool

    def __str__(self) -> str:
        done = f"done {self.done_per_s:,.1f} of {self.offered_per_s:,.1f}/s"
        return f"{done}, wait p99 {self.wait_p99}, latency p99 {self.latency_p99}, {self.verdict}"


def measure(settings: Settings) -> Iterator[Row]:
    with workbench() as bench:
        (closed,) = in_turn(settings.runs, partial(_capacity, bench, settings.seconds))
        capacity = median(closed)
        say(f"closed loop: {quantity(capacity, '/s')}, {quantity(min(closed), '')} to {quantity(max(closed), '/s')}")
        sides = [partial(_outcome, bench, share * capacity, settings.seconds) for share in SHARES]
        for share, outcomes in zip(SHARES, in_turn(settings.runs, *sides), strict=True):
            for outcome in outcomes:
                say(f"{share:.0%}: {outcome}")
            yield _row(share, capacity, outcomes)


def _capacity(bench: Workbench, seconds: float) -> float:
    return bench.ovbench(*LOAD, "-t", f"{seconds:g}").report.throughput.inferences_per_s


def _outcome(bench: Workbench, rate: float, seconds: float) -> Outcome:
    """INVALID is a result here."""
    ran = bench.ovbench(*LOAD, "-t", f"{seconds:g}", "--rate", f"{rate:.6g}", invalid=True).report
    assert ran.arrivals is not None
    codes = [finding.code for finding in ran.validity.findings]
    return Outcome(
        ran.arrivals.offered / seconds,
        ran.throughput.inferences_per_s,
        _p99(ran.wait_ms),
        _p99(ran.latency_ms),
        f"{ran.validity.status}: {', '.join(codes)}" if codes else ran.validity.status,
        FINDING in codes,
    )


def _p99(part: LatencyPart | None) -> str:
    return "unknown" if part is None or part.p99 is None else quantity(part.p99, "ms")


def _row(share: float, capacity: float, outcomes: list[Outcome]) -> Row:
    """What is printed of it is the run of the median throughput."""
    middle = sorted(outcomes, key=lambda one: one.done_per_s)[len(outcomes) // 2]
    overloaded = sum(outcome.overloaded for outcome in outcomes)
    return Row(
        what=f"squeezenet1.1, 2 agents, open loop at {share:.0%} of capacity",
        ours=str(middle),
        against=f"closed loop {quantity(capacity, '/s')}",
        outcome=f"{overloaded} of {len(outcomes)} runs {FINDING}",
        goal="all" if share > 1 else "none",
        reached=overloaded == (len(outcomes) if share > 1 else 0),
    )


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
