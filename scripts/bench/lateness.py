"""Lateness of starts: synchronous, a null device of 100 us, one agent on a CPU of its own, 500 Poisson arrivals/s.

By how much a start is later than both its instant and the end of the inference before. Beside it that of MLPerf's
LoadGen on the same CPU at the same rate, with a service of no time: the issue delay in its trace. Then what each
--spin gives.
"""

import os
from collections.abc import Iterator
from statistics import median

import numpy as np

from .atrate import LEAD_IN_S, serve
from .versus import (
    Goal,
    Row,
    RunFailed,
    Settings,
    allowed_cpus,
    in_own_process,
    in_turn,
    parse,
    quantity,
    report,
    say,
    value_row,
    workbench,
)

SECONDS = 4.0
RUNS = 5
RATE = 500.0
MEDIAN = Goal(high=2.0, unit=" us")
P99 = Goal(high=20.0, unit=" us")
SPINS_US = (0, 20, 50, 100, 200)

Quantiles = tuple[float, float]


def measure(settings: Settings) -> Iterator[Row]:
    with workbench() as bench:

        def ours(*more: str) -> Quantiles:
            return _quantiles(serve(bench, 1, "100", RATE, settings.seconds, *more).lateness_ns())

        def theirs() -> Quantiles:
            return in_own_process(_loadgens, allowed_cpus()[-1], settings.seconds)

        try:
            mine, other = in_turn(settings.runs, ours, theirs)
        except RunFailed as problem:
            say(f"LoadGen is not measured: {problem}")
            (mine,), other = in_turn(settings.runs, ours), []
        for index, (name, goal) in enumerate((("median", MEDIAN), ("p99", P99))):
            than = f"LoadGen {quantity(median(one[index] for one in other), 'us')}" if other else "-"
            yield value_row(f"lateness at {RATE:g}/s, {name}", [one[index] for one in mine], "us", goal, than)
        for spin in SPINS_US:

            def spinning(spin: int = spin) -> Quantiles:
                return ours("--spin", str(spin))

            (found,) = in_turn(max(1, settings.runs // 2), spinning)
            middle, high = (median(one[index] for one in found) for index in range(2))
            say(f"--spin {spin}: median {quantity(middle, 'us')}, p99 {quantity(high, 'us')}")


def _quantiles(lateness_ns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Quantiles:
    middle, high = np.percentile(lateness_ns / 1e3, [50, 99], method="inverted_cdf")
    return float(middle), float(high)


def _loadgens(cpu: int, seconds: float) -> Quantiles:
    """In a process of its own."""
    os.sched_setaffinity(0, {cpu})
    try:
        from tests.differential import loadgen
    except ImportError:
        raise RunFailed("mlcommons-loadgen is not installed") from None
    milliseconds = round(1e3 * (seconds + LEAD_IN_S))
    outcome = loadgen.run("Server", server_target_qps=RATE, min_duration_ms=milliseconds, min_query_count=100)
    return _quantiles(outcome.start - outcome.due)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
