"""Counting layers (-pc): what it adds to an inference of each built-in model; one synchronous stream and thread.

The mean time of an inference with and without, and the difference for each layer that is executed. There is nothing to
reach: OpenVINO does the counting. The figure stands in the docs, so that nobody quotes a rate that was counted.
"""

from collections.abc import Iterator
from statistics import median

from .versus import Goal, Row, Settings, allowed_cpus, in_turn, parse, report, value_row, workbench

SECONDS = 2.0
RUNS = 5
MODELS = ("tiny", "mlp", "squeezenet1.1")


def measure(settings: Settings) -> Iterator[Row]:
    options = ("--agents", "1", "-api", "sync", "-hint", "none", "-nstreams", "1", "-nthreads", "1", "--warmup", "0.5")
    with workbench() as bench:
        for model in MODELS:

            def mean_us(*more: str, model: str = model) -> tuple[float, int]:
                """Of an inference, and how many layers were executed where they were counted."""
                arguments = ("-m", f"builtin:{model}", *options, "-t", f"{settings.seconds:g}", *more)
                done = bench.ovbench(*arguments, cpus=allowed_cpus()[-1:]).report
                executed = [part for part in done.layers.layers if part.status == "EXECUTED"] if done.layers else []
                return 1e6 / done.throughput.inferences_per_s, len(executed)

            counted, plain = in_turn(settings.runs, lambda: mean_us("-pc"), mean_us)
            added = [with_[0] - without[0] for with_, without in zip(counted, plain, strict=True)]
            base, layers = median(time for time, _ in plain), counted[0][1]
            share = f"{100 * median(added) / base:.1f} % of {base:,.1f} us, {layers} layers executed"
            yield value_row(f"counting layers, {model}: per inference", added, "us", Goal(), share)


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
