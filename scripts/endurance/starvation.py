"""Two one-core agents with a fast asynchronous model for a minute: the run is VALID, and nobody else is kept off a CPU.

Beside the load runs a process that sleeps 20 ms at a time and keeps the longest time that a sleep took.
"""

import json
import multiprocessing
import subprocess
import sys
import time
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

RUNS = 10
SECONDS: Final = 60
NAP_S: Final = 0.02
MOST_GAP_S: Final = 0.5

_COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))


def attempt(number: int, folder: Path) -> str:
    model = ("tiny", "mlp")[number % 2]
    load = ("--agents", "2", "-m", f"builtin:{model}", "-api", "async", "-t", str(SECONDS))
    context = multiprocessing.get_context("spawn")
    over, longest = context.Event(), context.Value("d", 0.0)
    watch = context.Process(target=_sleep, args=(over, longest))
    watch.start()
    try:
        words = [_COORDINATOR, *load, "--report-folder", str(folder / "report")]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS + 120, check=False)
    finally:
        over.set()
        watch.join()
    if ran.returncode != 0:
        return f"builtin:{model}: exit code {ran.returncode}: {ran.stderr.strip()[-300:]}"
    status = json.loads((folder / "report" / "report.json").read_text())["validity"]["status"]
    if status not in ("VALID", "SUSPECT"):
        return f"builtin:{model}: {status}"
    if longest.value > MOST_GAP_S:
        return f"builtin:{model}: a process that slept {NAP_S:g} s woke after {longest.value:.2f} s"
    return ""


def _sleep(over: Event, longest: "Synchronized[float]") -> None:
    while not over.is_set():
        before = time.monotonic()
        time.sleep(NAP_S)
        longest.value = max(longest.value, time.monotonic() - before)
