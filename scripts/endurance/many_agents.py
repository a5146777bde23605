"""64, 256 and 500 agents on the CPUs there are, with the null device and a small model: each run is whole.

OpenVINO takes 35 MB and more for each agent, so 500 of them run on the null device only.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

LOADS: Final = (
    ("--agents", "64", "--backend", "null:1000", "-api", "sync"),
    ("--agents", "64", "-m", "builtin:tiny", "-api", "sync"),
    ("--agents", "256", "--backend", "null:1000", "-api", "sync"),
    ("--agents", "256", "-m", "builtin:tiny", "-api", "sync"),
    ("--agents", "500", "--backend", "null:1000", "-api", "sync"),
    ("--agents", "500", "--backend", "null:1000", "-api", "async"),
)
RUNS = 10 * len(LOADS)
SECONDS: Final = 3
MOST_S: Final = 300

_COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))


def attempt(number: int, folder: Path) -> str:
    load = LOADS[number % len(LOADS)]
    words = [_COORDINATOR, *load, "-t", str(SECONDS), "--report-folder", str(folder / "report")]
    name = " ".join(load)
    try:
        ran = subprocess.run(words, capture_output=True, text=True, timeout=MOST_S, check=False)
    except subprocess.TimeoutExpired:
        return f"{name}: it had not ended after {MOST_S} s"
    if ran.returncode != 0:
        lost = [line.strip() for line in ran.stdout.splitlines() if "is lost" in line]
        return f"{name}: exit code {ran.returncode}, {len(lost)} lost: {(lost or [ran.stderr.strip()])[0][-300:]}"
    report = json.loads((folder / "report" / "report.json").read_text())
    whole = sum(agent["state"] == "ok" for agent in report["agents"])
    return "" if whole == int(load[1]) else f"{name}: {whole} agents are whole"
