"""What a trial of a study costs beyond its warm-up and window, with agents that stay and with agents that change.

From outside: the wall time of a study of many trials less that of one of few, by the number of trials between them,
less the load. On squeezenet1.1 with two agents; only -max_irate differs where agents stay, only --seed where they
change.
"""

import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

from .versus import Goal, Row, RunFailed, Settings, in_turn, parse, program, report, value_row, workbench

SECONDS = 0.5
RUNS = 3
FEW: Final = 2
MANY: Final = 12
STAYING = Goal(high=0.3, unit=" s")
CHANGING = Goal(high=1.5, unit=" s")


def measure(settings: Settings) -> Iterator[Row]:
    numbers = count()
    with workbench() as bench:

        def cost_s(flag: str) -> float:
            few, many = (_wall_s(bench.folder / str(next(numbers)), flag, n, settings.seconds) for n in (FEW, MANY))
            return (many - few) / (MANY - FEW) - settings.seconds

        staying, changing = in_turn(settings.runs, lambda: cost_s("-max_irate"), lambda: cost_s("--seed"))
    yield value_row("a trial's cost, agents kept", staying, "s", STAYING)
    yield value_row("a trial's cost, agents changed", changing, "s", CHANGING)


def _wall_s(folder: Path, flag: str, trials: int, seconds: float) -> float:
    load = ("-m", "builtin:squeezenet1.1", "--agents", "2", "-api", "sync", "-t", f"{seconds:g}", "--warmup", "0")
    values = ",".join(str(100_000 + number) for number in range(trials))
    words = (flag, values, "--repetitions", "1", "--report-folder", str(folder))
    began = time.monotonic()
    done = subprocess.run(
        [program("ovbench-coord"), "study", *load, *words], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 4):
        raise RunFailed(f"a study ended with exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return time.monotonic() - began


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
