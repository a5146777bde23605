"""Private memory of an agent against that of a bare Python process with the same model, two of each alive at a time.

squeezenet1.1, one stream and thread, one CPU each. The bare process (`bare`) imports OpenVINO, compiles the model with
the same settings and runs one request once. Private memory is USS, by smaps_rollup.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

from .versus import Goal, Row, RunFailed, Settings, allowed_cpus, in_turn, parse, quantity, report, workbench

SECONDS = 1.0
RUNS = 5
REACH = Goal(high=25.0, unit=" MiB")


def measure(settings: Settings) -> Iterator[Row]:
    arguments = ("-api", "sync", "-hint", "none", "-nstreams", "1", "-nthreads", "1", "-t", f"{settings.seconds:g}")
    with workbench() as bench:
        model = bench.model("squeezenet1.1")

        def ovbench() -> float:
            result = bench.ovbench("-m", "builtin:squeezenet1.1", "--agents", "2", *arguments).report
            memory = (agent.memory_mb for agent in result.agents if agent.memory_mb is not None)
            return mean(part.private for part in memory if part.private is not None)

        ours, theirs = in_turn(settings.runs, ovbench, lambda: _bare_mb(model))
    more = median(ours) - median(theirs)
    pairs = sorted(a - b for a, b in zip(ours, theirs, strict=True))
    yield Row(
        what="private memory of an agent, squeezenet1.1, 2 agents",
        ours=quantity(median(ours), "MiB"),
        against=f"bare process {quantity(median(theirs), 'MiB')}",
        outcome=f"{more:+.1f} MiB ({len(pairs)} runs: {pairs[0]:+.1f} to {pairs[-1]:+.1f})",
        goal=f"<= {REACH.high:+g} MiB",
        reached=REACH.reached(more),
    )


def _bare_mb(model: Path) -> float:
    """Of two such processes, pinned to a CPU each: the mean, taken while both are alive."""
    command = [sys.executable, str(Path(__file__).with_name("bare.py")), str(model)]
    cpus = (allowed_cpus() * 2)[:2]
    processes = [
        subprocess.Popen([*command, str(cpu)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for cpu in cpus
    ]
    try:
        _ask(processes)
        return mean(float(answer) for answer in _ask(processes, "how much?\n"))
    finally:
        for process in processes:
            process.communicate()


def _ask(processes: list[subprocess.Popen[str]], question: str = "") -> list[str]:
    answers = []
    for process in processes:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(question)
        process.stdin.flush()
        answers.append(process.stdout.readline())
    if not all(answers):
        raise RunFailed("a bare process ended early")
    return answers


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
