"""Partitioning: FPS of squeezenet1.1 on all CPUs, one synchronous agent per CPU, against one benchmark_app.

benchmark_app runs with `-hint throughput` on the exported IR of the same model. With the limit program there is a third
side, one C++ loop pinned to each CPU: what the machine can do in this shape, so what a harness costs is separate from
what the shape gains.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from .versus import Goal, Row, Settings, allowed_cpus, in_turn, parse, ratio_row, report, workbench

SECONDS = 3.0
RUNS = 7
REACH = Goal(low=1.08)
LIMIT = Goal(low=0.97)


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

        def loops() -> float:
            assert settings.limit is not None
            limit, cpus = settings.limit, allowed_cpus()
            with ThreadPoolExecutor(len(cpus)) as pool:
                runs = [
                    pool.submit(bench.limit, limit, "sync", "squeezenet1.1", 1, 1, 1, settings.seconds, cpus=[cpu])
                    for cpu in cpus
                ]
                return sum(run.result() for run in runs)

        bench.model("squeezenet1.1")
        sides: list[Callable[[], float]] = [ovbench, app]
        ours, theirs, *limits = in_turn(settings.runs, *sides, *([loops] if settings.limit is not None else []))
    what = f"all CPUs, squeezenet1.1, {agents} sync agents"
    yield ratio_row(what, ours, theirs, "benchmark_app -hint throughput", REACH)
    for limit in limits:
        yield ratio_row(what, ours, limit, "C++ loops, one per CPU", LIMIT)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
