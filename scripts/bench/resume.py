"""Studies that are killed at random moments and resumed: whether each ends with every trial, and none twice.

SIGKILL to the coordinator, which its agents do not survive; then --resume, to the end. The null backend, so that there
are many moments in little time. `--seconds` is the length of a trial.
"""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .versus import Goal, Row, RunFailed, Settings, parse, program, report, say, value_row, workbench

SECONDS = 0.1
RUNS = 20
TRIALS: Final = 10
COMPLETE = Goal(low=1.0)


def measure(settings: Settings) -> Iterator[Row]:
    moments = random.Random(0)
    with workbench() as bench:
        whole = [_complete(bench.folder / str(run), moments, settings.seconds) for run in range(settings.runs)]
    say(f"{sum(whole)} of {len(whole)} studies have every trial once")
    yield value_row("studies killed and resumed: complete", [sum(whole) / len(whole)], "", COMPLETE)


def _complete(folder: Path, moments: random.Random, seconds: float) -> bool:
    rates = ",".join(str(100 + number) for number in range(TRIALS))
    load = ("--backend", "null:500", "-api", "sync", "--agents", "1", "-t", f"{seconds:g}", "--warmup", "0")
    words = ("-max_irate", rates, "--repetitions", "1", "--report-folder", str(folder))
    with subprocess.Popen([program("ovbench-coord"), "study", *load, *words], stdout=subprocess.DEVNULL) as study:
        # From before there is a folder to after its last trial.
        time.sleep(moments.uniform(0.3, 1.5 + 2.5 * TRIALS * seconds))
        study.kill()
    if not (folder / "study.json").exists():
        # It was killed before it began: there is nothing to resume.
        return not (folder / "trials.jsonl").exists()
    done = subprocess.run(
        [program("ovbench-coord"), "study", "--resume", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 4):
        raise RunFailed(f"--resume ended with exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    lines = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    times = Counter(line["point"]["-max_irate"] for line in lines)
    kept = all((folder / "trials" / line["trial"] / "report.json").is_file() for line in lines)
    return kept and len(times) == TRIALS and set(times.values()) == {1}


if __name__ == "__main__":
    raise SystemExit(report(measure(parse(__doc__, SECONDS, RUNS))))
