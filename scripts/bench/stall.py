"""A planted stall of 200 ms: the p99 of latency from due against the closed form, and from the start beside it.

The null device of 1 ms, one synchronous agent, constant arrivals, 200 a second.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from . import theory
from .atrate import serve
from .versus import Goal, Row, Settings, in_turn, parse, quantity, report, say, value_row, workbench

SECONDS = 3.0
RUNS = 5
RATE: Final = 200.0
SERVICE_MS: Final = 1.0
STALL_MS: Final = 200.0
P99 = Goal(low=0.98, high=1.02)


def measure(settings: Settings) -> Iterator[Row]:
    due, started = expected_p99s_ms(round(RATE * settings.seconds))
    service = f"{SERVICE_MS * 1e3:g},stall={STALL_MS / 1e3:g}@{settings.seconds / 3:g}"
    with workbench() as bench:

        def measured() -> tuple[float, float]:
            done = serve(bench, 1, service, RATE, settings.seconds, "--arrivals", "constant")
            of_counted = (done.samples.latencies[done.counts], done.samples.services[done.counts])
            return _p99(of_counted[0]) / 1e6, _p99(of_counted[1]) / 1e6

        (runs,) = in_turn(settings.runs, measured)
    for by_due, by_start in runs:
        say(f"p99 by due {quantity(by_due, 'ms')}, by start {quantity(by_start, 'ms')}")
    yield value_row(
        f"p99 by due, stall of {STALL_MS:g} ms at {RATE:g}/s, in proportion to the closed form",
        [by_due / due for by_due, _ in runs],
        "",
        P99,
        f"closed form {quantity(due, 'ms')}",
    )
    yield value_row(
        "p99 by start, the same runs: what it hides",
        [by_start for _, by_start in runs],
        "ms",
        Goal(),
        f"closed form {quantity(started, 'ms')}; by due {quantity(due, 'ms')}",
    )


def expected_p99s_ms(count: int) -> tuple[float, float]:
    """By due, and by start: there one inference is long."""
    by_due = theory.stalled_latencies(SERVICE_MS, 1e3 / RATE, STALL_MS, count)
    by_start = np.append(np.full(count - 1, SERVICE_MS), STALL_MS)
    return _p99(by_due), _p99(by_start)


def _p99(values: np.ndarray[tuple[int], np.dtype[np.int64]] | np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(np.percentile(values, 99, method="inverted_cdf"))


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
