"""Many arrivals: 50,000 per second of a 5 us service, and as many as can be of the null device of 0 us.

Constant gaps. One synchronous agent, and of 0 us also two that share one queue, each on a CPU of its own. What is
delivered is the number of ends in the window. The most are the highest rate of which all but 0.1 % is delivered.
"""

from collections.abc import Iterator
from statistics import median

import numpy as np

from .atrate import Served, serve
from .versus import Goal, Row, Settings, Workbench, in_turn, parse, quantity, report, say, value_row, workbench

SECONDS = 1.0
RUNS = 5
LEAST_SHARE = 0.999
DELIVERED = Goal(low=LEAST_SHARE, high=1.001)
RATE = 50_000.0
HIGH_RATE = 1e6
STEPS = (1.5e6, 2e6, 3e6, 4e6, 5e6)
CONSTANT = ("--arrivals", "constant")


def measure(settings: Settings) -> Iterator[Row]:
    with workbench() as bench:
        yield _delivered(bench, 1, "5", RATE, settings)
        for agents in (1, 2):
            yield _delivered(bench, agents, "0", HIGH_RATE, settings)
            most = HIGH_RATE
            for rate in STEPS:
                share = _share(serve(bench, agents, "0", rate, settings.seconds, *CONSTANT), settings.seconds, rate)
                say(f"{agents} agents, {rate:,.0f}/s offered: {share:.4f} delivered")
                if share < LEAST_SHARE:
                    break
                most = rate
            say(f"{agents} agents: at least {most:,.0f}/s")


def _delivered(bench: Workbench, agents: int, service: str, rate: float, settings: Settings) -> Row:
    (runs,) = in_turn(settings.runs, lambda: serve(bench, agents, service, rate, settings.seconds, *CONSTANT))
    late = [run.lateness_ns()[run.counts] / 1e3 for run in runs]
    middle, high = (median(float(np.percentile(one, share)) for one in late) for share in (50, 99))
    return value_row(
        f"delivered of {rate:,.0f}/s, {service} us each, {agents} agents",
        [_share(run, settings.seconds, rate) for run in runs],
        "",
        DELIVERED,
        f"lateness median {quantity(middle, 'us')}, p99 {quantity(high, 'us')}",
    )


def _share(run: Served, seconds: float, rate: float) -> float:
    ends, (begin, end) = run.samples.ends, run.window_ns
    return float(((ends >= begin) & (ends < end)).sum() / (seconds * rate))


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
