"""Runs over two nodes of a real Slurm, in allocations that they ask for. `scripts/engines/slurm` has what it needs."""

import sys
from pathlib import Path

from tests.slurmcluster import SlurmCluster, missing

from .clusterruns import ENDS, Engine
from .clusterruns import attempt as attempt_run

RUNS = 10 * len(ENDS)
_SLURMS = ("munged", "slurmctld", "slurmd ", "sleep infinity")


def attempt(number: int, folder: Path) -> str:
    if absent := missing():
        return f"there is no Slurm: {absent}"
    (folder / "slurm").mkdir()
    with SlurmCluster(folder / "slurm", apart=True) as cluster:
        coordinator = (
            str(Path(sys.executable).with_name("ovbench-coord")),
            *("--launcher", "slurm", "--slurm-options", "-N 2 --exclusive"),
        )
        engine = Engine(cluster, coordinator, "slurmstepd: [", lambda line: line.startswith(_SLURMS), cluster.jobs)
        return attempt_run(engine, ENDS[number % len(ENDS)], folder)
