"""Calibrations with real agents, shorter than a real one's but for the last."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.process.driver import COORDINATOR, PATIENCE_S


def calibrated(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.briefcalibration", *words],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "scatters by" in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_start_has_agents_of_its_own_and_four_trials() -> None:
    found = calibrated("2", "0.1")
    (work,) = found["works"]
    assert (work["starts"], work["trials"], work["name"]) == (2, 8, "null device")
    agents = work["agents"]
    assert 0 < work["fps"]["value"] <= agents * 1e6 / 200, "no service takes less than it takes"
    throughput, median, _ = work["noise"]
    assert median["figure"] == "median"
    assert throughput["two_runs_percent"] >= 0
    assert found["disturbance"]["trials"] == 8
    assert found["lateness_us"]["count"] > 0
    assert found["clock"]["read_ns"] > 0
    assert len(found["probes"]) == 1
    assert found["seconds"] < PATIENCE_S


@pytest.mark.long
def test_a_planted_neighbour_is_found_and_named() -> None:
    """Whoever else is there may be named, too."""
    spin = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    first = min(os.sched_getaffinity(0))
    with subprocess.Popen([sys.executable, "-c", spin, str(first)]) as neighbour:
        try:
            found = calibrated("3", "0.5")
        finally:
            neighbour.kill()
    assert found["verdict"] == "disturbed"
    assert neighbour.pid in [one["pid"] for one in found["disturbance"]["neighbours"]]
    assert found["probes"][str(first)]["taken_percent"] > 10


@pytest.mark.long
def test_a_whole_calibration_takes_less_than_a_minute_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    done = subprocess.run(
        [COORDINATOR, "calibrate", "--json"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["seconds"] < 60
    (kept,) = tmp_path.rglob("*.json")
    assert json.loads(kept.read_text()) == found
    run = [COORDINATOR, "--backend", "null:500", "-t", "0.2", "--warmup", "0", "--report-folder", str(tmp_path / "r")]
    subprocess.run(run, capture_output=True, timeout=PATIENCE_S, check=False)
    noise = json.loads((tmp_path / "r" / "report.json").read_text())["environment"]["noise"]
    assert noise["calibrated_at"] == found["taken_at"]
    assert noise["work"] == "builtin:mlp"
