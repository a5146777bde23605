"""Runs over two nodes of a real Ray cluster. `scripts/engines/ray` has what it needs."""

import atexit
from functools import cache
from pathlib import Path

from tests.raycluster import PYTHON, RayCluster, missing

from .clusterruns import ENDS, Engine
from .clusterruns import attempt as attempt_run

RUNS = 10 * len(ENDS)


@cache
def _cluster() -> RayCluster:
    """One for all attempts, as it takes long to come up."""
    cluster = RayCluster(apart=True)
    atexit.register(cluster.close)
    return cluster


def attempt(number: int, folder: Path) -> str:
    if absent := missing():
        return absent
    coordinator = (PYTHON, "-m", "ovbench.coordinator.entry", "--launcher", "ray")
    engine = Engine(_cluster(), coordinator, "ray::Guard", lambda line: line.startswith("ray::IDLE"), lambda: "")
    return attempt_run(engine, ENDS[number % len(ENDS)], folder)
