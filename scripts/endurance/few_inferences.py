"""Few and long inferences of the null device, of which the rate is known: within 1 % of it, and the interval holds it.

The device serves for exactly the time that it is given, but wakes late on a busy machine: the rate that a run without
end would have lies between that of the time it was given and that of the time it took on the average. A start at a
limited rate that is late by 50 ms is 1 % of 5 s.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

MOST_ERROR: Final = 0.01

_COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))


@dataclass(frozen=True)
class _Case:
    """`per_s`: the true rate. `known`: whether there is an interval; of one inference there is none."""

    words: str
    service_s: float
    per_s: float
    known: bool = True


_CASES: Final = (
    _Case("--agents 8 -niter 24", 1.0, 8.0),
    _Case("--agents 2 -niter 4", 1.0, 2.0),
    _Case("--agents 2 -niter 2", 1.0, 2.0),
    _Case("--agents 2 -t 1", 0.7, 2 / 0.7),
    _Case("--agents 2 -t 1 -api async -nstreams 1 -nireq 4", 0.3, 2 / 0.3),
    _Case("--agents 1 -t 2 -api async -nstreams 2 -nireq 2", 0.45, 2 / 0.45),
    _Case("--agents 64 -niter 192 --join-timeout 60", 1.0, 64.0),
    _Case("--agents 1 -niter 1", 1.0, 1.0, known=False),
    _Case("--agents 1 -t 5 -max_irate 0.5", 0.01, 0.5, known=False),
    _Case("--agents 2 -t 4.3 -max_irate 20", 0.01, 20.0),
)

RUNS = 2 * len(_CASES)


def attempt(number: int, folder: Path) -> str:
    case = _CASES[number % len(_CASES)]
    words = [*case.words.split(), "--backend", f"null:{case.service_s * 1e6:g}", "--warmup", "0"]
    words += [] if "-api" in words else ["-api", "sync"]
    words += ["--save-samples", "--report-folder", str(folder / "report")]
    ran = subprocess.run([_COORDINATOR, *words], capture_output=True, text=True, timeout=120, check=False)
    if ran.returncode != 0:
        return f"{case.words}: exit code {ran.returncode}: {ran.stderr.strip()[-300:]}"
    throughput = json.loads((folder / "report" / "report.json").read_text())["throughput"]
    fps, interval = throughput["fps"], throughput["fps_ci95"]
    took_s = _mean_s(folder / "report" / "samples.npz") / (case.service_s * _rounds(case))
    least, most = case.per_s / max(1.0, took_s if "-max_irate" not in words else 1.0), case.per_s
    if not (1 - MOST_ERROR) * least <= fps <= (1 + MOST_ERROR) * most:
        return f"{case.words}: {fps:.4f} FPS, from {least:.4f} to {most:.4f} is true"
    if (interval is not None) != case.known:
        return f"{case.words}: interval {interval}"
    if interval is not None and not (interval["low"] <= most and interval["high"] >= least):
        return f"{case.words}: {interval['low']:.4f} to {interval['high']:.4f}, from {least:.4f} to {most:.4f} is true"
    return ""


def _rounds(case: _Case) -> float:
    """How many services a request waits for in the long run, its own among them."""
    words = case.words.split()
    if "-nireq" not in words:
        return 1.0
    requests, streams = (int(words[words.index(flag) + 1]) for flag in ("-nireq", "-nstreams"))
    return requests / streams


def _mean_s(file: Path) -> float:
    with np.load(file) as saved:
        times = [saved[name.replace("_start_", "_end_")] - saved[name] for name in saved if name.endswith("_start_ns")]
    return float(np.concatenate(times).mean()) / 1e9
