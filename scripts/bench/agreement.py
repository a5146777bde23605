"""Agreement: median latency and FPS of squeezenet1.1 by ovbench and by benchmark_app with the same settings.

One agent, synchronous, one stream: with one thread, and with as many as the latency hint chooses.
"""

from collections.abc import Iterator

from .versus import Goal, Row, RunFailed, Settings, in_turn, parse, ratio_row, report, workbench

SECONDS = 2.0
RUNS = 5
REACH = Goal(low=0.97, high=1.03)


def measure(settings: Settings) -> Iterator[Row]:
    one_thread = ("-api", "sync", "-hint", "none", "-nstreams", "1", "-nthreads", "1")
    hint = ("-api", "sync", "-hint", "latency")
    with workbench() as bench:
        bench.model("squeezenet1.1")
        for name, arguments in (("one thread", one_thread), ("latency hint", hint)):

            def ovbench(arguments: tuple[str, ...] = arguments) -> tuple[float, float]:
                own = ("--agents", "1", "-t", f"{settings.seconds:g}", "--warmup", "0.5")
                result = bench.ovbench("-m", "builtin:squeezenet1.1", *own, *arguments).report
                if result.latency_ms is None or result.latency_ms.median is None:
                    raise RunFailed("ovbench counted no inference")
                return result.latency_ms.median, result.throughput.fps

            def app(arguments: tuple[str, ...] = arguments) -> tuple[float, float]:
                whole_seconds = f"{max(1, round(settings.seconds))}"
                result = bench.benchmark_app("squeezenet1.1", *arguments, "-t", whole_seconds)
                return result.median_ms, result.fps

            ours, theirs = in_turn(settings.runs, ovbench, app)
            for index, (figure, unit) in enumerate((("median latency", "ms"), ("throughput", "FPS"))):
                mine, other = [pair[index] for pair in ours], [pair[index] for pair in theirs]
                what = f"{figure}, squeezenet1.1, sync, {name}"
                yield ratio_row(what, mine, other, "benchmark_app", REACH, unit)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
