"""Partitioning: FPS of squeezenet1.1 on all CPUs, one synchronous agent per CPU, against one benchmark_app.

benchmark_app runs with `-hint throughput` on the exported IR of the same model.
"""

from collections.abc import Iterator

from .versus import Goal, Row, Settings, allowed_cpus, in_turn, parse, ratio_row, report, workbench

SECONDS = 3.0
RUNS = 7
REACH = Goal(low=1.08)


def measure(settings: Settings) -> Iterator[Row]:
    agents = len(allowed_cpus())
    with workbench() as bench:

        def ovbench() -> float:
            arguments = ("--agents", str(agents), "-api", "sync", "-t", f"{settings.seconds:g}", "--warmup", "0.5")
            return bench.ovbench("-m", "builtin:squeezenet1.1", *arguments).report.throughput.fps

        def app() -> float:
            return bench.benchmark_app(
                "squeezenet1.1", "-hint", "throughput", "-t", f"{max(1, round(settings.seconds))}"
            ).fps

        bench.model("squeezenet1.1")
        ours, theirs = in_turn(settings.runs, ovbench, app)
    what = f"all CPUs, squeezenet1.1, {agents} sync agents"
    yield ratio_row(what, ours, theirs, "benchmark_app -hint throughput", REACH)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
