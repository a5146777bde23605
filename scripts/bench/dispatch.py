"""What one queue for two agents costs in their loops: per arrival, against a share for each (--dispatch partition).

The null device of 0 us, at a rate far above what can be served, so that the loops never wait: wall time of an agent per
arrival that it serves, from the window's start to its last end. Each agent on a CPU of its own.
"""

from collections.abc import Iterator
from statistics import mean, median

from .atrate import Served, serve
from .versus import Goal, Row, Settings, in_turn, parse, quantity, report, workbench

SECONDS = 0.2
RUNS = 5
REACH = Goal(high=60.0, unit=" ns")
RATE = 25e6


def measure(settings: Settings) -> Iterator[Row]:
    with workbench() as bench:

        def cost_ns(dispatch: str) -> float:
            more = ("--arrivals", "constant", "--dispatch", dispatch, "--drain", "60")
            return _per_arrival_ns(serve(bench, 2, "0", RATE, settings.seconds, *more))

        shared, own = in_turn(settings.runs, lambda: cost_ns("shared"), lambda: cost_ns("partition"))
    more = median(shared) - median(own)
    pairs = sorted(a - b for a, b in zip(shared, own, strict=True))
    yield Row(
        what="one queue for two agents, per arrival",
        ours=quantity(median(shared), "ns"),
        against=f"partition {quantity(median(own), 'ns')}",
        outcome=f"{more:+.1f} ns ({len(pairs)} runs: {pairs[0]:+.1f} to {pairs[-1]:+.1f})",
        goal=f"<= {REACH.high:+g} ns",
        reached=REACH.reached(more),
    )


def _per_arrival_ns(run: Served) -> float:
    """Mean of the agents; while both were busy."""
    ends = [run.samples.ends[run.whose == agent] for agent in range(run.agents)]
    begin, end = run.window_ns[0], min(int(one.max()) for one in ends)
    return mean(float((end - begin) / ((one >= begin) & (one <= end)).sum()) for one in ends)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
