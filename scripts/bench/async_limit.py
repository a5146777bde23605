"""Asynchronous loop: FPS of ovbench (one agent, 2 streams, 8 requests) on builtin:mlp and builtin:tiny.

Against the C++ dispatcher with an idle queue, `limit queue`, and against benchmark_app with the same settings.
"""

from collections.abc import Iterator

from .versus import Goal, Row, Settings, in_turn, parse, ratio_row, report_with_limit, workbench

SECONDS = 1.5
RUNS = 5
REACH = Goal(low=1.25)


def measure(settings: Settings) -> Iterator[Row]:
    limit, seconds = settings.limit, settings.seconds
    arguments = ("-api", "async", "-hint", "none", "-nstreams", "2", "-nthreads", "2", "-nireq", "8")
    with workbench() as bench:
        for model in ("mlp", "tiny"):
            bench.model(model)

            def ovbench(model: str = model) -> float:
                own = ("-m", f"builtin:{model}", "--agents", "1", "-t", f"{seconds:g}", "--warmup", "0.5")
                return bench.ovbench(*own, *arguments).report.throughput.fps

            def app(model: str = model) -> float:
                # Its -t takes whole seconds only.
                return bench.benchmark_app(model, *arguments, "-t", f"{max(1, round(seconds))}").fps

            def queue(model: str = model) -> float:
                return bench.limit(limit, "queue", model, 2, 2, 8, seconds) if limit is not None else 0.0

            ours, apps, queues = in_turn(settings.runs, ovbench, app, queue)
            if limit is not None:
                yield ratio_row(f"async loop, {model}", ours, queues, "C++ queue", REACH)
            yield ratio_row(f"async loop, {model}", ours, apps, "benchmark_app", REACH)


if __name__ == "__main__":
    SETTINGS = parse(__doc__, SECONDS, RUNS)
    raise SystemExit(report_with_limit(measure(SETTINGS), SETTINGS))
