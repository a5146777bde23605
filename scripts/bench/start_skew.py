"""Start skew: how far apart two agents begin their load, by the report's window.start_skew_us, over many starts.

On a null device, which starts fast, and some with squeezenet1.1 and a warm-up. The 99th percentile is judged.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .versus import Goal, Row, Settings, in_turn, parse, quantity, report, say, value_row, workbench

SECONDS = 0.2
RUNS = 50
REACH = Goal(high=200.0, unit=" us")
_PART_WITH_A_MODEL = 5


def measure(settings: Settings) -> Iterator[Row]:
    null = ("--backend", "null:1000", "--warmup", "0")
    real = ("-m", "builtin:squeezenet1.1", "-api", "sync", "--warmup", "0.2")
    with workbench() as bench:
        for name, arguments, runs in (
            ("null device", null, settings.runs),
            ("squeezenet1.1", real, max(1, settings.runs // _PART_WITH_A_MODEL)),
        ):

            def start(arguments: tuple[str, ...] = arguments) -> float:
                length = ("-t", f"{settings.seconds:g}")
                return bench.ovbench("--agents", "2", *arguments, *length).report.window.start_skew_us

            (skews,) = in_turn(runs, start)
            yield _row(f"start skew of 2 agents, {name}", skews)
            say("sorted, us: " + " ".join(f"{skew:.1f}" for skew in sorted(skews)))


def _row(what: str, skews: list[float]) -> Row:
    p99 = sorted(skews)[int(np.ceil(0.99 * len(skews))) - 1]
    row = value_row(what, skews, "us", REACH)
    return replace(
        row,
        ours=f"p99 {quantity(p99, 'us')}",
        outcome=f"{len(skews)} starts: median {row.ours}, most {quantity(max(skews), 'us')}",
        reached=REACH.reached(p99),
    )


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
