"""Synchronous loop: FPS of ovbench on builtin:tiny (one agent, stream and thread) against the C++ loop `limit sync`.

Both under the same affinity: once with one CPU for the whole program, once with all CPUs.
"""

from collections.abc import Iterator

from .versus import Goal, Row, Settings, allowed_cpus, in_turn, parse, ratio_row, report_with_limit, workbench

SECONDS = 2.0
RUNS = 7
REACH = Goal(low=0.97)


def measure(settings: Settings) -> Iterator[Row]:
    limit = settings.limit
    if limit is None:
        return
    seconds = settings.seconds
    one_stream = ("--agents", "1", "-api", "sync", "-hint", "none", "-nstreams", "1", "-nthreads", "1")
    everywhere = allowed_cpus()
    with workbench() as bench:
        bench.model("tiny")
        for where, cpus in (("one CPU", everywhere[-1:]), ("all CPUs", everywhere)):

            def ovbench(cpus: list[int] = cpus) -> float:
                arguments = ("-m", "builtin:tiny", *one_stream, "-t", f"{seconds:g}", "--warmup", "0.5")
                return bench.ovbench(*arguments, cpus=cpus).report.throughput.fps

            def loop(cpus: list[int] = cpus) -> float:
                return bench.limit(limit, "sync", "tiny", 1, 1, 1, seconds, cpus=cpus)

            ours, theirs = in_turn(settings.runs, ovbench, loop)
            yield ratio_row(f"sync loop, tiny, {where}", ours, theirs, "C++ loop", REACH)


if __name__ == "__main__":
    SETTINGS = parse(__doc__, SECONDS, RUNS)
    raise SystemExit(report_with_limit(measure(SETTINGS), SETTINGS))
