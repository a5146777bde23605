"""A against A, for real: studies whose two sides are the same, and how many say that they differ.

squeezenet1.1 on two agents, with the default number of blocks; `--seconds` is the length of a trial, `--runs` the
number of studies.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .versus import Goal, Row, RunFailed, Settings, parse, program, report, say, value_row, workbench

SECONDS = 0.5
RUNS = 20
MOST_FALSE = Goal(high=0.07)


def measure(settings: Settings) -> Iterator[Row]:
    with workbench() as bench:
        verdicts = [_verdict(bench.folder / str(run), run, settings.seconds) for run in range(settings.runs)]
    for verdict, times in Counter(verdicts).most_common():
        say(f"{times:3} {verdict}")
    false = sum(verdict in ("faster", "slower") for verdict in verdicts) / len(verdicts)
    yield value_row("A against A: said to differ", [false], "", MOST_FALSE)


def _verdict(folder: Path, seed: int, seconds: float) -> str:
    load = ("-m", "builtin:squeezenet1.1", "--agents", "2", "-t", f"{seconds:g}", "--warmup", "0.1")
    words = ("--a", "-api sync", "--b", "-api sync", "--order-seed", str(seed), "--json")
    done = subprocess.run(
        [program("ovbench-coord"), "study", "ab", *words, *load, "--report-folder", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 4):
        raise RunFailed(f"a study ended with exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return str(json.loads(done.stdout)["comparisons"][0]["verdict"])


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
